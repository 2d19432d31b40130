"""ONNX: any recogniser as a differentiable module, checked against ONNX Runtime; else as a black box."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

from xssab_core.errors import WeightsError
from xssab_core.models.base import FaceModel, Threshold, TorchFaceModel
from xssab_core.models.blackbox import BlackBoxModel
from xssab_core.models.cards import Card
from xssab_core.models.network import normalise
from xssab_core.models.onnx_ops import OPERATORS, UnsupportedError

# Largest difference from ONNX Runtime, relative to the largest number of the embedding, that float32 explains.
TOLERANCE = 1e-4
_OLDEST_OPSET = 7
# Where one of these is, values of four dimensions are attention between patches, not grids.
_TRANSFORMER = {"Softmax", "LayerNormalization"}


@dataclass(frozen=True)
class Examination:
    """What an ONNX file turned out to be.

    Attributes:
        architecture: its operators, as a phrase.
        embedding_size: length of its first output for one face.
        black_box_reason: why it has no gradient here; empty if it has.
        batches: whether it embeds several faces at once as it embeds each alone.
        grid: name of the last spatial grid before the embedding; empty without.
    """

    architecture: str
    embedding_size: int
    black_box_reason: str
    batches: bool
    grid: str


class OnnxGraph(nn.Module):
    """An ONNX graph of one input, node by node in PyTorch. Weights are parameters named after their order.

    Constant parts, such as quantised weights, are computed once.

    Raises:
        UnsupportedError: an operator without gradient or unknown, or an opset older than 7.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        if self.opset < _OLDEST_OPSET:
            raise UnsupportedError(f"opset {self.opset}, which is older than {_OLDEST_OPSET}")
        constants = {t.name: _tensor(t) for t in model.graph.initializer}
        self.input_name = _input(model).name
        self.output_name = model.graph.output[0].name
        self._nodes: list[_Node] = []
        for proto in _needed(model.graph, self.output_name):
            node = _Node.read(proto)
            if all(name in constants for name in node.inputs if name):
                with torch.no_grad():
                    constants |= node.run(constants, self.opset)
            else:
                self._nodes.append(node)
        used = {name for node in self._nodes for name in node.inputs} | {self.output_name}
        self._parameter_names: dict[str, str] = {}
        self._small: dict[str, torch.Tensor] = {}
        for name, value in constants.items():
            if name not in used:
                continue
            if value.is_floating_point():
                key = f"tensor{len(self._parameter_names)}"
                self._parameter_names[name] = key
                self.register_parameter(key, nn.Parameter(value.clone().contiguous(), requires_grad=False))
            else:
                self._small[name] = value  # shapes, axes and indices: read on the CPU, of no floating type
        self._last_use = {name: i for i, node in enumerate(self._nodes) for name in node.inputs}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, ...) input -> the first output."""
        return self.value(self.output_name, images)

    def value(self, wanted: str, images: torch.Tensor) -> torch.Tensor:
        """The tensor of that name for an input; values are dropped after their last use."""
        values = self._given(images)
        for i, node in enumerate(self._nodes):
            if wanted in values:
                break
            values |= node.run(values, self.opset)
            for name in node.inputs:
                if name in values and self._last_use.get(name) == i and name != wanted:
                    del values[name]
        return values[wanted]

    def last_grid(self, images: torch.Tensor) -> str:
        """Name of the last (N, C, h, w) value with h and w above 1 that the output depends on; empty without, and in
        transformers."""
        if _TRANSFORMER & {node.operator for node in self._nodes}:
            return ""
        values, found = self._given(images), ""
        for node in self._nodes:
            made = node.run(values, self.opset)
            values |= made
            for name, value in made.items():
                if value.ndim == 4 and min(value.shape[2:]) > 1 and value.is_floating_point():
                    found = name
        return found

    def _given(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        weights = {name: getattr(self, key) for name, key in self._parameter_names.items()}
        return {self.input_name: images, **weights, **self._small}


@dataclass(frozen=True)
class _Node:
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    @classmethod
    def read(cls, proto: onnx.NodeProto) -> _Node:
        if proto.domain not in ("", "ai.onnx") or proto.op_type not in OPERATORS:
            raise UnsupportedError(f"the operator {proto.op_type}")
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        for name, value in attributes.items():
            if isinstance(value, onnx.TensorProto):
                attributes[name] = _tensor(value)
        attributes["outputs"] = len(proto.output)
        return cls(proto.op_type, tuple(proto.input), tuple(proto.output), attributes)

    def run(self, values: dict[str, torch.Tensor], opset: int) -> dict[str, torch.Tensor]:
        given = [values[name] if name else None for name in self.inputs]
        result = OPERATORS[self.operator](given, self.attributes, opset)
        results = result if isinstance(result, tuple) else (result,)
        return {name: value for name, value in zip(self.outputs, results, strict=False) if name}


class OnnxNetwork(nn.Module):
    """RGB pixels 0..255 -> raw embeddings (N, D) of an ONNX graph.

    Args:
        graph: the network.
        colour_order: "RGB" or "BGR", as it was trained.
        mean, std: pixels become (x - mean) / std, in that order of colours.
        channels_last: it takes (N, S, S, 3).
        batches: it embeds several faces at once as it embeds each alone; else it gets one at a time.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        colour_order: str,
        mean: Sequence[float],
        std: Sequence[float],
        channels_last: bool,
        batches: bool,
    ) -> None:
        super().__init__()
        self.graph = graph
        self._bgr = colour_order == "BGR"
        self._mean, self._std = tuple(mean), tuple(std)
        self.channels_last, self._batches = channels_last, batches

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, D), not L2-normalised."""
        return self._each(self.graph.output_name, pixels).flatten(1)

    def _each(self, wanted: str, pixels: torch.Tensor) -> torch.Tensor:
        images = normalise(pixels.flip(1) if self._bgr else pixels, self._mean, self._std)
        if self.channels_last:
            images = images.permute(0, 2, 3, 1)
        if self._batches or len(images) == 1:
            return self.graph.value(wanted, images)
        return torch.cat([self.graph.value(wanted, image[None]) for image in images])


class OnnxGridNetwork(OnnxNetwork):
    """One whose last spatial grid is known by name."""

    grid: str = ""

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, C, h, w)."""
        return self._each(self.grid, pixels)


class RuntimeEmbedder:
    """Embeds by ONNX Runtime: uint8 (N, S, S, 3) in the network's colour order -> (N, D)."""

    def __init__(self, model: onnx.ModelProto, mean: Sequence[float], std: Sequence[float], batches: bool) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong comes as an exception
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._name = self._session.get_inputs()[0].name
        self._channels_last = _channels_last(self._session.get_inputs()[0].shape)
        self._mean, self._std = (np.array(values, dtype=np.float32) for values in (mean, std))
        self._batches = batches

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) -> float32 (N, D)."""
        images = (crops.astype(np.float32) - self._mean) / self._std
        if not self._channels_last:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        groups = [images] if self._batches else [image[None] for image in images]
        rows = [np.asarray(self._session.run(None, {self._name: group})[0]) for group in groups]
        return np.concatenate([row.reshape(len(group), -1) for row, group in zip(rows, groups, strict=True)])


def examine(path: Path, size: int, colour_order: str, mean: Sequence[float], std: Sequence[float]) -> Examination:
    """Find out what an ONNX file is, by running it on random pixels here and in ONNX Runtime.

    Raises:
        WeightsError: not a network ONNX Runtime can run on (N, 3, size, size) or (N, size, size, 3).
    """
    model = _load(path)
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    try:
        expected = RuntimeEmbedder(model, mean, std, batches=False)(crops)
    except Exception as error:  # ONNX Runtime has no common base class of its errors
        raise WeightsError(
            f"{path.name} does not take one image of {size} x {size} pixels: {_short(error)} Check --size."
        ) from error
    if expected.ndim != 2 or expected.shape[1] < 2 or not np.isfinite(expected).all():
        raise WeightsError(
            f"{path.name} answers random pixels with {expected.shape[1:]} numbers that are no embedding. Check --size, "
            "--mean and --std, and that its first output is the embedding."
        )
    kinds = {node.op_type for node in model.graph.node}
    architecture = f"ONNX graph of {len(model.graph.node)} nodes ({', '.join(sorted(kinds))})"
    try:
        batches, grid = _check_module(model, crops, expected, colour_order, mean, std)
        return Examination(architecture, expected.shape[1], "", batches, grid)
    except UnsupportedError as error:
        reason = f"Its ONNX file has {error}, which cannot be differentiated here."
    except Exception as error:  # an operator given what it does not expect fails in its own way
        reason = f"Its ONNX file cannot be run in PyTorch: {_short(error)}"
    batches = _same(lambda: RuntimeEmbedder(model, mean, std, batches=True)(crops), expected)
    return Examination(architecture, expected.shape[1], reason, batches, "")


def _check_module(
    model: onnx.ModelProto,
    crops: np.ndarray,
    expected: np.ndarray,
    colour_order: str,
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[bool, str]:
    """Prove that the graph in PyTorch gives the expected embeddings and a gradient; returns `batches` and `grid`."""
    graph = OnnxGraph(model)
    channels_last = _channels_last(_shape_of(_input(model)))
    alone = OnnxNetwork(graph, colour_order, mean, std, channels_last, batches=False).eval()
    # The crops are in the network's colour order, the module takes RGB.
    rgb = crops[..., ::-1] if colour_order == "BGR" else crops
    pixels = torch.from_numpy(rgb.copy()).permute(0, 3, 1, 2).float().requires_grad_()
    found = alone(pixels)
    difference = float(np.abs(found.detach().numpy() - expected).max() / np.abs(expected).max())
    if not difference <= TOLERANCE:
        raise UnsupportedError(f"embeddings that differ from ONNX Runtime's by {difference:.1e}")
    gradient = torch.autograd.grad(found.square().sum(), pixels)[0]
    if not torch.isfinite(gradient).all() or not gradient.any():
        raise UnsupportedError("a gradient that is zero or not finite")
    with torch.no_grad():
        together = OnnxNetwork(graph, colour_order, mean, std, channels_last, batches=True)
        side = crops.shape[1]
        blank = torch.zeros((1, side, side, 3) if channels_last else (1, 3, side, side))
        return _same(lambda: together(pixels).numpy(), expected), graph.last_grid(blank)


def open_onnx(card: Card, path: Path, thresholds: tuple[Threshold, ...], device: torch.device) -> FaceModel:
    """The model of a card that `examine` filled."""
    settings, info = card.settings, card.info
    mean, std, batches, grid = (settings[key] for key in ("mean", "std", "batches", "grid"))
    model = _load(path)
    if not info.differentiable:
        return BlackBoxModel(info, card.sha256, thresholds, RuntimeEmbedder(model, mean, std, batches))
    kind = OnnxGridNetwork if grid else OnnxNetwork
    network = kind(OnnxGraph(model), info.colour_order, mean, std, _channels_last(_shape_of(_input(model))), batches)
    if isinstance(network, OnnxGridNetwork):
        network.grid = grid
    return TorchFaceModel(info, network, card.sha256, thresholds, device)


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf and ONNX each raise their own
        raise WeightsError(f"{path.name} is not an ONNX network: {_short(error)}") from error
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise WeightsError(
            f"{path.name} keeps its weights in another file. Make it one file: export it with external_data=False, "
            f"or run onnx.save(onnx.load({path.name!r}), 'single.onnx')."
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # as above
        raise WeightsError(f"{path.name} is not a valid ONNX network: {_short(error)}") from error
    # Some quantised files still declare as inputs the weights that they no longer use, or now compute.
    computed = {name for node in model.graph.node for name in node.output}
    used = {name for node in model.graph.node for name in node.input}
    for value in [value for value in model.graph.input if value.name in computed or value.name not in used]:
        model.graph.input.remove(value)
    return model


def _input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    weights = {t.name for t in model.graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise WeightsError(f"The network has {len(inputs)} inputs; a face recogniser has one.")
    return inputs[0]


def _shape_of(value: onnx.ValueInfoProto) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def _channels_last(shape: Sequence[Any]) -> bool:
    return len(shape) == 4 and shape[3] == 3 and shape[1] != 3


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    """The nodes that the output depends on, in order."""
    wanted, nodes = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            nodes.append(node)
    return nodes[::-1]


def _tensor(proto: onnx.TensorProto) -> torch.Tensor:
    array = numpy_helper.to_array(proto)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.from_numpy(np.array(array))
    except TypeError as error:
        raise UnsupportedError(f"numbers of type {array.dtype}") from error


def _same(compute: Any, expected: np.ndarray) -> bool:
    """Whether a computation succeeds with the expected result."""
    try:
        found = compute()
        return found.shape == expected.shape and bool(
            np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()
        )
    except Exception:  # any failure means no, whatever its kind
        return False


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:197] + "..."
