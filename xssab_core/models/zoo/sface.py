"""SFace: the MobileNetV1-like network of OpenCV Zoo, as a differentiable module.

Zhong et al., "SFace: Sigmoid-constrained hypersphere loss for robust face recognition", IEEE TIP 2021.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from xssab_core.errors import WeightsError
from xssab_core.models.zoo.prelu import PReLU

EMBEDDING_SIZE = 128

# (channels out, stride) of the 13 depthwise + pointwise pairs.
_PAIRS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        PReLU(outputs),
    )


class SFace(nn.Module):
    """(N, 3, 112, 112) RGB pixels 0..255 -> raw embeddings (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        convs, channels = [_conv(3, 32, 3, 1)], 32
        for outputs, stride in _PAIRS:
            convs += [_conv(channels, channels, 3, stride, groups=channels), _conv(channels, outputs, 1, 1)]
            channels = outputs
        self.convs = nn.Sequential(*convs)
        self.bn1 = nn.BatchNorm2d(channels, eps=2e-5)
        self.pre_fc1 = nn.Linear(channels * 7 * 7, EMBEDDING_SIZE)
        self.fc1 = nn.BatchNorm1d(EMBEDDING_SIZE, eps=2e-5)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) -> (N, 1024, 7, 7), the grid before the fully connected layer."""
        grid: torch.Tensor = self.bn1(self.convs((pixels - 127.5) / 128.0))
        return grid

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) pixels 0..255 -> (N, 128), not normalised."""
        embeddings: torch.Tensor = self.fc1(self.pre_fc1(self.features(pixels).flatten(1)))
        return embeddings


def convert(path: Path) -> dict[str, torch.Tensor]:
    """Read the block-quantised ONNX file into the state dict of `SFace`, dequantised to float32.

    Raises:
        WeightsError: the file is not this network.
    """
    try:
        tensors = _dequantised(onnx.load(path))
        names = ["conv_1"] + [f"conv_{i}{part}" for i in range(2, 15) for part in ("_dw", "")]
        state: dict[str, np.ndarray] = {}
        for index, name in enumerate(names):
            state[f"convs.{index}.0.weight"] = tensors[f"{name}_conv2d_weight"]
            state |= _batch_norm(tensors, f"{name}_batchnorm", f"convs.{index}.1")
            state[f"convs.{index}.2.weight"] = tensors[f"{name}_relu_gamma"].reshape(-1)
        state |= _batch_norm(tensors, "bn1", "bn1") | _batch_norm(tensors, "fc1", "fc1")
        state["pre_fc1.weight"], state["pre_fc1.bias"] = tensors["pre_fc1_weight"], tensors["pre_fc1_bias"]
    except Exception as error:
        raise WeightsError(f"{path.name} is not the SFace network of OpenCV Zoo: {error}") from error
    return {key: torch.from_numpy(np.array(value, dtype=np.float32)) for key, value in state.items()}


def _batch_norm(tensors: dict[str, np.ndarray], source: str, target: str) -> dict[str, np.ndarray]:
    parts = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}
    return {f"{target}.{ours}": tensors[f"{source}_{theirs}"] for ours, theirs in parts.items()}


def _dequantised(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """All weights by name; block-quantised ones as ONNX's DequantizeLinear-21 defines: (q - zero_point) * scale."""
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear":
            continue
        quantised, scale, zero_point = (tensors[name] for name in node.input)
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        axis, length = attributes["axis"], quantised.shape[attributes["axis"]]
        scale, zero_point = (
            np.repeat(x, attributes["block_size"], axis=axis).take(np.arange(length), axis=axis)
            for x in (scale, zero_point)
        )
        name = node.output[0].removesuffix("_dequantized")
        values = (quantised.astype(np.float32) - zero_point.astype(np.float32)) * scale
        shape = tensors.get(f"{name}_shape")
        tensors[name] = values if shape is None else values.reshape(shape)
    return tensors
