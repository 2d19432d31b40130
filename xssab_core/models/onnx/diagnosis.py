"""Diagnosis: what an ONNX file is, found out by running it here and in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from xssab_core.errors import Cure, WeightsError
from xssab_core.models.onnx.graph import OnnxGraph, OnnxNetwork, input_shape, is_channels_last
from xssab_core.models.onnx.operators import UnsupportedError
from xssab_core.models.onnx.runtime import RuntimeEmbedder

# Largest difference from ONNX Runtime, relative to the largest number of the embedding, that float32 explains.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Diagnosis:
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


def diagnose(path: Path, size: int, colour_order: str, mean: Sequence[float], std: Sequence[float]) -> Diagnosis:
    """Find out what an ONNX file is, by running it on random pixels here and in ONNX Runtime.

    Raises:
        WeightsError: not a network ONNX Runtime can run on (N, 3, size, size) or (N, size, size, 3).
    """
    model = load_onnx(path)
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    try:
        expected = RuntimeEmbedder(model, mean, std, batches=False)(crops)
    except Exception as error:  # ONNX Runtime has no common base class of its errors
        raise WeightsError(
            f"{path.name} does not take one image of {size} x {size} pixels: {_short(error)} Check the size.",
            Cure("size"),
        ) from error
    if expected.ndim != 2 or expected.shape[1] < 2 or not np.isfinite(expected).all():
        raise WeightsError(
            f"{path.name} answers random pixels with {expected.shape[1:]} numbers that are no embedding. Check the "
            "size, the mean and the standard deviation, and that its first output is the embedding.",
            Cure("size"),
        )
    kinds = {node.op_type for node in model.graph.node}
    architecture = f"ONNX graph of {len(model.graph.node)} nodes ({', '.join(sorted(kinds))})"
    try:
        batches, grid = _check_module(model, crops, expected, colour_order, mean, std)
        return Diagnosis(architecture, expected.shape[1], "", batches, grid)
    except UnsupportedError as error:
        reason = f"Its ONNX file has {error}, which cannot be differentiated here."
    except Exception as error:  # an operator given what it does not expect fails in its own way
        reason = f"Its ONNX file cannot be run in PyTorch: {_short(error)}"
    batches = _same(lambda: RuntimeEmbedder(model, mean, std, batches=True)(crops), expected)
    return Diagnosis(architecture, expected.shape[1], reason, batches, "")


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
    channels_last = is_channels_last(input_shape(model))
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


def load_onnx(path: Path) -> onnx.ModelProto:
    """A checked ONNX model with all its weights; WeightsError says what is wrong with it."""
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
