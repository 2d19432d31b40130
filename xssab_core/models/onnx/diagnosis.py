"""Diagnosis: what an ONNX file is, found out by running it here and in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch

from xssab_core.errors import Cure, WeightsError
from xssab_core.models.onnx.graph import OnnxGraph, OnnxNetwork
from xssab_core.models.onnx.inputs import OnnxInput
from xssab_core.models.onnx.operators import UnsupportedError
from xssab_core.models.onnx.trial import Answers, ask, shortened
from xssab_core.models.zoo.network import unusable

# Largest difference from ONNX Runtime, relative to the largest number of the embedding, that float32 explains, and
# that float16 explains: here everything is computed in float32.
TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-2
# For three images one by one and together; a recogniser of 65 million weights takes a second on one core.
TRIAL_SECONDS = 120.0


@dataclass(frozen=True)
class Diagnosis:
    """What an ONNX file turned out to be.

    Attributes:
        architecture: its operators, as a phrase.
        output: name of the output that is the embedding.
        other_outputs: names of those that are not.
        embedding_size: length of the embedding of one face.
        black_box_reason: why it has no gradient here; empty if it has.
        batches: whether it embeds several faces at once as it embeds each alone.
        grid: name of the last spatial grid before the embedding; empty without.
    """

    architecture: str
    output: str
    other_outputs: tuple[str, ...]
    embedding_size: int
    black_box_reason: str
    batches: bool
    grid: str


def diagnose(
    path: Path,
    size: int,
    colour_order: str,
    mean: Sequence[float],
    std: Sequence[float],
    output: str = "",
    seconds: float = TRIAL_SECONDS,
) -> Diagnosis:
    """Find out what an ONNX file is, by running it on random pixels in ONNX Runtime and here.

    Args:
        path: the file.
        size: side of the crops.
        colour_order, mean, std: what it expects of them.
        output: name of the output that is the embedding; the only one that can be, unless given.
        seconds: the longest that ONNX Runtime may run. Here, where there are no loops, a graph takes as many steps.

    Raises:
        WeightsError: not a network that gives embeddings of (N, 3, size, size) or (N, size, size, 3) in that time.
    """
    model = load_onnx(path)
    given = OnnxInput.of(model)
    given.check(size, mean, std)
    crops = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    answers = ask(model, given.prepared(crops, mean, std), seconds)
    output, others = _embedding_output([value.name for value in model.graph.output], answers, output)
    _check_answers(answers, output)
    expected = answers.rows(output)
    tolerance = HALF_TOLERANCE if given.dtype == "float16" or _has_halves(model) else TOLERANCE
    batches = answers.together is not None and _near(answers.together[output], expected, tolerance)
    grid, reason = "", ""
    try:
        build = partial(OnnxNetwork, OnnxGraph(model, output), colour_order, mean, std, given.channels_last)
        batches, grid = _check_network(build, _pixels(crops, colour_order), expected, tolerance)
    except UnsupportedError as error:
        reason = f"Its ONNX file has {error}, which cannot be differentiated here."
    except Exception as error:  # an operator given what it does not expect fails in its own way
        reason = f"Its ONNX file cannot be run in PyTorch: {shortened(error)}"
    return Diagnosis(_architecture(model), output, others, expected.shape[1], reason, batches, grid)


def _architecture(model: onnx.ModelProto) -> str:
    kinds = sorted({node.op_type for node in model.graph.node})
    return f"ONNX graph of {len(model.graph.node)} nodes ({', '.join(kinds)})"


def _embedding_output(names: list[str], answers: Answers, wanted: str) -> tuple[str, tuple[str, ...]]:
    """The output that is the embedding, and the others."""
    if wanted and wanted not in names:
        raise WeightsError(
            f"The network has no output {wanted!r}. Its outputs: {', '.join(names)}.", Cure("output-name")
        )
    fitting = [name for name in ([wanted] if wanted else names) if _is_embedding(answers, name)]
    if not fitting:
        told = "; ".join(_told(answers, name) for name in names)
        raise WeightsError(
            f"{wanted or 'No output of the network'} is {'no' if wanted else 'an'} embedding, which is (1, D) for one "
            f"picture and (N, D) for N. {told}.",
            Cure("output-name"),
        )
    if len(fitting) > 1:
        told = "; ".join(_told(answers, name) for name in fitting)
        raise WeightsError(f"Several outputs could be the embedding. Name one. {told}.", Cure("output-name"))
    return fitting[0], tuple(name for name in names if name != fitting[0])


def _is_embedding(answers: Answers, name: str) -> bool:
    """Whether an output is (N, D) for N images, D above 1; further axes of length 1 do no harm."""
    asked = [(1, values.get(name)) for values in answers.alone]
    if answers.together is not None:
        asked.append((len(asked), answers.together.get(name)))
    return all(
        value is not None and value.ndim >= 2 and len(value) == count and value.size == count * value.shape[1] > count
        for count, value in asked
    )


def _told(answers: Answers, name: str) -> str:
    one, all_ = answers.alone[0].get(name), (answers.together or {}).get(name)
    if one is None:
        return f"{name} is no array of numbers"
    together = "" if all_ is None else f", {all_.shape} for {len(answers.alone)}"
    return f"{name} is {one.shape} for one{together}"


def _check_answers(answers: Answers, output: str) -> None:
    """Raise WeightsError unless the embeddings have a direction, depend on the picture, and on nothing else."""
    if problem := unusable(answers.rows(output)):
        raise WeightsError(f"The network {problem}.", Cure("normalisation"))
    if not _near(answers.again[output], answers.alone[0][output], TOLERANCE):
        raise WeightsError(
            "The network answers the same picture differently when it is asked again: it was exported in training "
            "mode, with its dropout active. Export it again, after eval()."
        )


def _has_halves(model: onnx.ModelProto) -> bool:
    return any(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer)


def _pixels(crops: np.ndarray, colour_order: str) -> torch.Tensor:
    """The crops are in the network's colour order, the module takes RGB."""
    rgb = crops[..., ::-1] if colour_order == "BGR" else crops
    return torch.from_numpy(rgb.copy()).permute(0, 3, 1, 2).float()


def _check_network(
    build: Callable[[bool], OnnxNetwork], pixels: torch.Tensor, expected: np.ndarray, tolerance: float
) -> tuple[bool, str]:
    """Prove that the graph in PyTorch gives the expected embeddings and a gradient; returns `batches` and `grid`."""
    alone, together = build(False).eval(), build(True).eval()
    pixels.requires_grad_()
    found = alone(pixels)
    if not _near(found.detach().numpy(), expected, tolerance):
        difference = float(np.abs(found.detach().numpy() - expected).max() / np.abs(expected).max())
        raise UnsupportedError(f"embeddings that differ from ONNX Runtime's by {difference:.1e}")
    gradient = torch.autograd.grad(found.square().sum(), pixels)[0]
    if not torch.isfinite(gradient).all() or not gradient.any():
        raise UnsupportedError("a gradient that is zero or not finite")
    with torch.no_grad():
        return _batches(together, pixels, expected, tolerance), alone.last_grid(pixels[:1])


def _batches(network: OnnxNetwork, pixels: torch.Tensor, expected: np.ndarray, tolerance: float) -> bool:
    try:
        return _near(network(pixels).numpy(), expected, tolerance)
    except Exception:  # any failure means no, whatever its kind
        return False


def _near(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Whether numbers are equal but for a share of the largest of them; shapes may differ by axes of length 1."""
    difference = np.abs(found.reshape(expected.shape) - expected).max()
    return bool(difference <= tolerance * np.abs(expected).max())


def load_onnx(path: Path) -> onnx.ModelProto:
    """A checked ONNX model with all its weights; WeightsError says what is wrong with it."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf and ONNX each raise their own
        raise WeightsError(f"{path.name} is not an ONNX network: {shortened(error)}") from error
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise WeightsError(
            f"{path.name} keeps its weights in another file. Make it one file: export it with external_data=False, "
            f"or run onnx.save(onnx.load({path.name!r}), 'single.onnx')."
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # as above
        raise WeightsError(f"{path.name} is not a valid ONNX network: {shortened(error)}") from error
    # Some quantised files still declare as inputs the weights that they no longer use, or now compute.
    computed = {name for node in model.graph.node for name in node.output}
    used = {name for node in model.graph.node for name in node.input}
    for value in [value for value in model.graph.input if value.name in computed or value.name not in used]:
        model.graph.input.remove(value)
    return model
