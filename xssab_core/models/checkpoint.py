"""Checkpoints: reads files of weights without running what is in them, and fits them to an architecture."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from xssab_core.errors import WeightsError
from xssab_core.models.architectures import ARCHITECTURES, Architecture

# Under these names training programs keep the weights beside the optimiser and the like.
_WRAPPERS = ("state_dict", "model_state_dict", "backbone_state_dict", "model", "backbone", "net", "network")
# What DistributedDataParallel and wrapping modules put before every key.
_PREFIXES = ("module.", "backbone.", "model.", "net.", "network.")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a .safetensors file or a PyTorch checkpoint, by the keys its authors gave.

    A wrapping dictionary and prefixes such as `module.` are taken off.

    Raises:
        WeightsError: not a checkpoint, or one that holds anything but data.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, not a state dict. {_SAVE_IT_SO}")
    for name in _WRAPPERS:
        if isinstance(content.get(name), Mapping):
            content = content[name]
            break
    for key, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"{path.name} holds a {type(value).__name__} under {key!r} where a state dict holds tensors only. "
                + _SAVE_IT_SO
            )
    state = {str(key): value for key, value in content.items()}
    if not state:
        raise WeightsError(f"{path.name} holds no tensor. {_SAVE_IT_SO}")
    return _without_prefix(state)


_SAVE_IT_SO = "Save the network's weights with torch.save(network.state_dict(), FILE) and add that file."


def _load(path: Path) -> Any:
    start = b""
    try:
        with path.open("rb") as file:
            start = file.read(512).lstrip().lower()
        if start.startswith((b"<!doctype", b"<html")):
            raise WeightsError(
                f"{path.name} is a web page, not a file of weights. Download the file itself with a browser and "
                "add it from disk."
            )
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats; what cannot be read is an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch pickles by protocol 2; a later one was written by something else, and may call anything.
        foreign = start[:1] == b"\x80" and start[1:2] > b"\x02"
        if foreign or "unsupported global" in str(error).lower():
            raise WeightsError(
                f"{path.name} holds more than tensors: loading it would run code from the file, so it is refused. "
                + _SAVE_IT_SO
            ) from error
        raise WeightsError(f"{path.name} is not a checkpoint, or a damaged one. Download it again.") from error
    except FileNotFoundError as error:
        raise WeightsError(f"{path} does not exist.") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, SafetensorError) as error:
        if "TorchScript" in str(error):
            raise WeightsError(f"{path.name} is a TorchScript program, not a state dict. {_SAVE_IT_SO}") from error
        raise WeightsError(f"{path.name} is not a checkpoint, or a damaged one. Download it again.") from error


def _without_prefix(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            return _without_prefix({key.removeprefix(prefix): value for key, value in state.items()})
    return state


def fit(state: Mapping[str, torch.Tensor], architecture: Architecture, name: str) -> dict[str, torch.Tensor]:
    """The state dict of `architecture.build()` from published weights, in float32.

    Args:
        state: what `read_state` returned.
        architecture: what the user says it is.
        name: of the file, for messages.

    Raises:
        WeightsError: a key is missing, superfluous or of another shape. The message names the first and, where
            the weights look like another architecture, says which.
    """
    expected = architecture.shapes()
    found = {key: value for key, value in state.items() if not key.startswith(architecture.ignored)}
    mismatch = _first_mismatch({key: tuple(value.shape) for key, value in found.items()}, expected)
    if mismatch:
        raise WeightsError(f"{name} does not fit {architecture.id}: {mismatch}. {_guess(state, architecture)}")
    converted = {}
    for key in expected:
        if key in found:
            value = found[key]
            converted[architecture.prefix + key] = value.float() if value.is_floating_point() else value
    return {key: value.contiguous().clone() for key, value in converted.items()}


def _first_mismatch(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> str:
    for key, shape in expected.items():
        if key not in found and not key.endswith("num_batches_tracked"):
            return f"{key} is missing"
        if key in found and found[key] != shape:
            return f"{key} has the shape {found[key]}, not {shape}"
    return next((f"{key} is not part of it" for key in found if key not in expected), "")


def _guess(state: Mapping[str, torch.Tensor], asked: Architecture) -> str:
    """A sentence on what the weights rather are."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}

    def likeness(architecture: Architecture) -> float:
        expected = architecture.shapes()
        return sum(shapes.get(key) == shape for key, shape in expected.items()) / max(len(expected), len(shapes))

    best = max(ARCHITECTURES.values(), key=likeness)
    if likeness(best) < 0.5:
        return f"It is none of {', '.join(ARCHITECTURES)}; export it to ONNX and use --onnx."
    if best.id == asked.id:
        return "It is nearly that; perhaps the network was changed before training. Export it to ONNX and use --onnx."
    return f"It looks like {best.id}: try --architecture {best.id}."
