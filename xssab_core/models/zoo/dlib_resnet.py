"""dlib's face recognition ResNet: 29 convolutions, read from the .dat file that dlib publishes.

King, "High quality face recognition with deep metric learning", dlib.net blog, 2017; the network is `anet_type` in
dlib's `dnn_face_recognition_ex.cpp`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from xssab_core.errors import WeightsError
from xssab_core.faces.align import Template
from xssab_core.models.zoo.network import PixelNetwork

# The points of dlib's 150 px chip as the eyes' centres, nose and mouth corners that our detector gives.
TEMPLATE = Template(
    "dlib",
    150,
    ((47.39, 46.14), (101.61, 46.14), (74.50, 78.58), (50.81, 105.69), (98.19, 105.69)),
)

EMBEDDING_SIZE = 128

# (channels, halves the grid) of the residual blocks.
_BLOCKS = (
    (32, False), (32, False), (32, False),
    (64, True), (64, False), (64, False), (64, False),
    (128, True), (128, False), (128, False),
    (256, True), (256, False), (256, False),
    (256, True),
)  # fmt: skip


class _Affine(nn.Module):
    """x * weight + bias per channel: dlib's batch normalisation once training is over."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        return grid * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class _Block(nn.Module):
    """Two convolutions and a shortcut. dlib pads a strided convolution by nothing, any other by half its kernel."""

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 2 if halves else 1, 0 if halves else 1)
        self.affine1 = _Affine(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.affine2 = _Affine(outputs)
        self.shortcut: nn.Module = nn.AvgPool2d(2) if halves else nn.Identity()

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        inner = self.affine2(self.conv2(self.affine1(self.conv1(grid)).relu()))
        return _add_padded(inner, self.shortcut(grid)).relu()


def _add_padded(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """dlib's add_prev: the sum of two grids, each padded with zeros at its far ends to the larger of both sizes."""
    size = [max(a, b) for a, b in zip(first.shape[1:], second.shape[1:], strict=True)]

    def padded(grid: torch.Tensor) -> torch.Tensor:
        channels, height, width = (want - have for want, have in zip(size, grid.shape[1:], strict=True))
        return nn.functional.pad(grid, (0, width, 0, height, 0, channels))

    return padded(first) + padded(second)


class DlibResNet(nn.Module):
    """The network behind its normalisation: (N, 3, 150, 150) -> (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, 2)
        self.affine = _Affine(32)
        self.pool = nn.MaxPool2d(3, 2)
        blocks, channels = [], 32
        for outputs, halves in _BLOCKS:
            blocks.append(_Block(channels, outputs, halves))
            channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, EMBEDDING_SIZE, bias=False)

    def grid(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 150, 150) -> (N, 256, 2, 2)."""
        grid: torch.Tensor = self.blocks(self.pool(self.affine(self.conv(images)).relu()))
        return grid

    def head(self, grid: torch.Tensor) -> torch.Tensor:
        """(N, 256, 2, 2) -> (N, 128)."""
        embeddings: torch.Tensor = self.fc(grid.mean((2, 3)))
        return embeddings


def dlib_resnet() -> PixelNetwork:
    """dlib's network on RGB pixels 0..255."""
    return PixelNetwork(DlibResNet(), (122.782, 117.001, 104.298), (256.0,))


def convert(path: Path) -> dict[str, torch.Tensor]:
    """Read the .dat file into the state dict of `dlib_resnet()`.

    Raises:
        WeightsError: the file is not this network.
    """
    try:
        reader, state = _Reader(path.read_bytes()), {}
        blocks = [(f"blocks.{i}.conv{n}", f"blocks.{i}.affine{n}") for i in range(len(_BLOCKS)) for n in (1, 2)]
        shapes = {key: value.shape for key, value in DlibResNet().state_dict().items()}
        for conv, affine in [("conv", "affine"), *blocks]:
            # dlib keeps the filters and, after them, the biases of a layer in one tensor.
            for layer, kind in ((conv, b"con_4"), (affine, b"affine_")):
                weight = shapes[f"{layer}.weight"]
                values = reader.parameters(kind, weight.numel() + weight[0])
                state[f"{layer}.weight"] = values[: weight.numel()].reshape(weight)
                state[f"{layer}.bias"] = values[weight.numel() :]
        outputs, inputs = shapes["fc.weight"]
        state["fc.weight"] = reader.parameters(b"fc_2", inputs * outputs).reshape(inputs, outputs).T
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(f"{path.name} is not dlib's face recognition network: {error}") from error
    arrays = {f"backbone.{key}": np.array(value, dtype=np.float32, order="C") for key, value in state.items()}
    return {key: torch.from_numpy(array) for key, array in arrays.items()}


class _Reader:
    """Walks dlib's serialisation, in which layers follow each other from the input to the output."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def parameters(self, layer: bytes, count: int) -> np.ndarray:
        """float32 (count,) of the next layer of that name; ValueError where there is none of that size."""
        name = bytes([1, len(layer)]) + layer
        start = self._data.find(name, self._at)
        if start < 0:
            raise ValueError(f"layer {layer.decode()} is missing")
        self._at = start + len(name)
        if layer == b"fc_2":
            self._integer(), self._integer()  # the numbers of outputs and of inputs stand before the tensor
        version, *shape = (self._integer() for _ in range(5))
        if version != 2 or int(np.prod(shape)) != count:
            raise ValueError(f"layer {layer.decode()} holds {shape}, not {count} numbers")
        values = np.frombuffer(self._data, "<f4", count, self._at)
        self._at += 4 * count
        return values

    def _integer(self) -> int:
        """dlib's packed integer: a byte with the sign (top bit) and the length, then that many bytes, lowest first."""
        control = self._data[self._at]
        length = control & 0x0F
        value = int.from_bytes(self._data[self._at + 1 : self._at + 1 + length], "little")
        self._at += 1 + length
        return -value if control & 0x80 else value
