"""A differentiable network from an ONNX graph, node by node in PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from xssab_core.models.onnx.inputs import OnnxInput
from xssab_core.models.onnx.operators import OPERATORS, UnsupportedError
from xssab_core.models.zoo.network import normalise

_OLDEST_OPSET = 7
# Where one of these is, values of four dimensions are attention between patches, not grids.
_TRANSFORMER = {"Softmax", "LayerNormalization"}
# What takes the rows of its first input one by one, where the others are weights.
_LAYERS = {"BatchNormalization", "Conv", "Gemm"}

Values = dict[str, torch.Tensor]


class OnnxGraph(nn.Module):
    """An ONNX graph of one input, node by node in PyTorch. Weights are parameters named after their order.

    Constant parts, such as quantised weights, are computed once. Numbers of any floating type are float32. Every node
    runs once: there are no loops and no branches.

    Args:
        model: the graph.
        output: name of the output that is the embedding.

    Raises:
        UnsupportedError: an operator that is not known, or an opset older than 7.
    """

    def __init__(self, model: onnx.ModelProto, output: str) -> None:
        super().__init__()
        self.opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        if self.opset < _OLDEST_OPSET:
            raise UnsupportedError(f"opset {self.opset}, which is older than {_OLDEST_OPSET}")
        constants = {t.name: _tensor(t) for t in model.graph.initializer}
        self.input_name = OnnxInput.of(model).name
        self.output_name = output
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
        """(N, ...) input -> the embedding."""
        return self.values(self.output_name, [images])[0]

    def values(self, wanted: str, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The tensor of that name for each input; values are dropped after their last use.

        The inputs go through the nodes side by side, and through layers of weights together, so that what looks at a
        layer sees the whole batch also of a network that takes one image at a time.
        """
        lanes = [self._given(images) for images in inputs]
        for i, node in enumerate(self._nodes):
            if wanted in lanes[0]:
                break
            for values, made in zip(lanes, node.run_all(lanes, self.opset), strict=True):
                values |= made
                for name in node.inputs:
                    if name in values and self._last_use.get(name) == i and name != wanted:
                        del values[name]
        return [values[wanted] for values in lanes]

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

    def _given(self, images: torch.Tensor) -> Values:
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

    def run(self, values: Values, opset: int) -> Values:
        given = [values[name] if name else None for name in self.inputs]
        result = OPERATORS[self.operator](given, self.attributes, opset)
        results = result if isinstance(result, tuple) else (result,)
        return {name: value for name, value in zip(self.outputs, results, strict=False) if name}

    def run_all(self, lanes: Sequence[Values], opset: int) -> list[Values]:
        """What it makes of each, in one go where it is a layer of weights, to which each row of its input is alike."""
        if len(lanes) == 1 or not self._is_layer(lanes[0]):
            return [self.run(values, opset) for values in lanes]
        rows = [values[self.inputs[0]] for values in lanes]
        [(name, made)] = self.run({**lanes[0], self.inputs[0]: torch.cat(rows)}, opset).items()
        return [{name: part} for part in torch.split(made, [len(part) for part in rows])]

    def _is_layer(self, values: Values) -> bool:
        given, *weights = (values[name] for name in self.inputs if name)
        if isinstance(given, nn.Parameter) or not all(isinstance(value, nn.Parameter) for value in weights):
            return False
        flat = self.operator == "MatMul" and weights[0].ndim == 2
        return flat or (self.operator in _LAYERS and not self.attributes.get("transA", 0))


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

    def last_grid(self, pixels: torch.Tensor) -> str:
        """See `OnnxGraph.last_grid`."""
        return self.graph.last_grid(self._images(pixels))

    def _images(self, pixels: torch.Tensor) -> torch.Tensor:
        images = normalise(pixels.flip(1) if self._bgr else pixels, self._mean, self._std)
        return images.permute(0, 2, 3, 1) if self.channels_last else images

    def _each(self, wanted: str, pixels: torch.Tensor) -> torch.Tensor:
        images = self._images(pixels)
        return torch.cat(self.graph.values(wanted, [images] if self._batches else torch.split(images, 1)))


class OnnxGridNetwork(OnnxNetwork):
    """One whose last spatial grid is known by name."""

    grid: str = ""

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, C, h, w)."""
        return self._each(self.grid, pixels)


def onnx_network(
    model: onnx.ModelProto,
    colour_order: str,
    mean: Sequence[float],
    std: Sequence[float],
    batches: bool,
    grid: str,
    output: str,
) -> OnnxNetwork:
    """The network of a file, with `features` where the name of its last spatial grid is given.

    Raises:
        UnsupportedError: see `OnnxGraph`.
    """
    graph, channels_last = OnnxGraph(model, output), OnnxInput.of(model).channels_last
    if not grid:
        return OnnxNetwork(graph, colour_order, mean, std, channels_last, batches)
    network = OnnxGridNetwork(graph, colour_order, mean, std, channels_last, batches)
    network.grid = grid
    return network


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
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.from_numpy(np.array(array))
    except TypeError as error:
        raise UnsupportedError(f"numbers of type {array.dtype}") from error
