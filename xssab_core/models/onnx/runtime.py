"""ONNX Runtime as an embedder: for the files that PyTorch cannot run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from xssab_core.models.onnx.inputs import OnnxInput
from xssab_core.models.onnx.session import open_session


class RuntimeEmbedder:
    """Embeds by ONNX Runtime: uint8 (N, S, S, 3) in the network's colour order -> (N, D)."""

    def __init__(
        self, model: onnx.ModelProto, mean: Sequence[float], std: Sequence[float], batches: bool, output: str
    ) -> None:
        self._session = open_session(model.SerializeToString())
        self._input, self._output = OnnxInput.of(model), output
        self._mean, self._std = tuple(mean), tuple(std)
        self._batches = batches

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) -> float (N, D)."""
        images = self._input.prepared(crops, self._mean, self._std)
        groups = [images] if self._batches else [image[None] for image in images]
        rows = [np.asarray(self._session.run([self._output], {self._input.name: group})[0]) for group in groups]
        return np.concatenate([row.reshape(len(group), -1) for row, group in zip(rows, groups, strict=True)])
