"""What an ONNX graph takes: its one input, whether pictures fit it, and how they are brought into its form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from xssab_core.errors import Cure, WeightsError

_TYPES = {
    TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8", TensorProto.INT8: "int8",
}  # fmt: skip
_ANY_TYPE = "float32, float16, float64, uint8 or int8"


@dataclass(frozen=True)
class OnnxInput:
    """The input of a graph.

    Attributes:
        name: as the graph calls it.
        shape: as declared, 0 where a side is free; empty where nothing is declared.
        dtype: of the numbers it takes: "float32", "float16", "float64", "uint8" or "int8".
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, model: onnx.ModelProto) -> OnnxInput:
        """The one input of a model that is no weight.

        Raises:
            WeightsError: there is another number of them, or it takes other things than pictures.
        """
        weights = {t.name for t in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in weights]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs) or "none"
            raise WeightsError(f"The network has {len(inputs)} inputs ({names}); a face recogniser takes one picture.")
        tensor = inputs[0].type.tensor_type
        if tensor.elem_type not in _TYPES:
            kind = TensorProto.DataType.Name(tensor.elem_type).lower()
            raise WeightsError(f"The network takes numbers of type {kind}; pictures come as {_ANY_TYPE}.")
        return cls(inputs[0].name, tuple(d.dim_value for d in tensor.shape.dim), _TYPES[tensor.elem_type])

    @property
    def channels_last(self) -> bool:
        """Whether it takes (N, S, S, 3)."""
        return len(self.shape) == 4 and self.shape[3] == 3 and self.shape[1] != 3

    def check(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Raise WeightsError, which names the cause, unless single crops of `size` pixels fit what is declared."""
        if self.shape:
            self._check_shape(size)
        if self.dtype.endswith("int8"):
            least = np.iinfo(self.dtype).min
            if set(mean) != {-least} or set(std) != {1}:
                raise WeightsError(
                    f"The network takes whole numbers ({self.dtype}) and normalises them itself: give {-least} as the "
                    "mean and 1 as the standard deviation.",
                    Cure("normalisation"),
                )

    def _check_shape(self, size: int) -> None:
        declared = f"({', '.join(str(side or 'free') for side in self.shape)})"
        if len(self.shape) != 4:
            raise WeightsError(f"The network takes arrays of shape {declared}, not pictures: (N, 3, S, S).")
        channels, *sides = (self.shape[i] for i in ((3, 1, 2) if self.channels_last else (1, 2, 3)))
        if channels not in (0, 3):
            raise WeightsError(f"The network takes arrays of shape {declared}: {channels} channels; pictures have 3.")
        if self.shape[0] not in (0, 1):
            raise WeightsError(
                f"The network takes {self.shape[0]} pictures at once. Export it for one, or for any number."
            )
        if any(side not in (0, size) for side in sides):
            height, width = (side or size for side in sides)
            raise WeightsError(
                f"The network takes pictures of {height} x {width} pixels, not of {size} x {size}.", Cure("size")
            )

    def prepared(self, crops: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
        """uint8 (N, S, S, 3) in the network's colour order -> (x - mean) / std in its type and layout."""
        images = (crops - np.array(mean, np.float32)) / np.array(std, np.float32)
        if not self.channels_last:
            images = images.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(images, dtype=self.dtype)
