"""Checkpoints: files of weights, read without running what is in them, matched to an architecture, kept."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from xssab_core.errors import Cure, WeightsError
from xssab_core.files import held, write_whole
from xssab_core.models.base import ModelInfo
from xssab_core.models.cards import Card, folder_of, today
from xssab_core.models.store import sha256_of
from xssab_core.models.zoo.architectures import ARCHITECTURES, Architecture

CONVERTED = "weights.safetensors"
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


def matched(state: Mapping[str, torch.Tensor], architecture: Architecture, name: str) -> dict[str, torch.Tensor]:
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
        guess, cure = _guess(state, architecture)
        raise WeightsError(f"{name} does not fit {architecture.id}: {mismatch}. {guess}", cure)
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


def _guess(state: Mapping[str, torch.Tensor], asked: Architecture) -> tuple[str, Cure]:
    """A sentence on what the weights rather are, and what helps then."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}

    def likeness(architecture: Architecture) -> float:
        expected = architecture.shapes()
        return sum(shapes.get(key) == shape for key, shape in expected.items()) / max(len(expected), len(shapes))

    best = max(ARCHITECTURES.values(), key=likeness)
    if likeness(best) < 0.5:
        return f"It is none of {', '.join(ARCHITECTURES)}; export it to ONNX.", Cure("onnx")
    if best.id == asked.id:
        return "It is nearly that; perhaps the network was changed before training. Export it to ONNX.", Cure("onnx")
    return f"It looks like {best.id}.", Cure("architecture", best.id)


def with_weights(network: nn.Module, state: dict[str, torch.Tensor], info: ModelInfo, name: str) -> nn.Module:
    """The network with its weights; WeightsError names the first that does not fit."""
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{name} does not fit {info.architecture}: {error}") from error
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise WeightsError(f"{name} does not fit {info.architecture}: first mismatch {(missing + unexpected)[0]}.")
    return network


def save_state(state: dict[str, torch.Tensor], path: Path, source_sha256: str) -> None:
    """Write a state dict as safetensors that remember the digest of the file they came from.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = {"source_sha256": source_sha256}
    write_whole(path, lambda part: save_file(state, part, metadata=metadata))


def stored_state(path: Path, source_sha256: str) -> dict[str, torch.Tensor] | None:
    """What `save_state` wrote for this source; None where it is absent, damaged or from another source."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("source_sha256") == source_sha256:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError):
        pass  # absent or damaged: made anew from the verified original
    return None


def install_checkpoint(file: Path, architecture: Architecture, info: ModelInfo, sha256: str = "") -> Card:
    """Put a checkpoint into the store as the model that `info` describes.

    Args:
        file: .pth, .pt or .safetensors with a state dict.
        architecture: what the weights must fit, key by key.
        info: what a user must know.
        sha256: digest the file must have, where it is known.

    Raises:
        WeightsError: the file is another one, not a checkpoint, or does not fit.
        OutputError: the store cannot be written.
    """
    digest = sha256_of(file)
    if sha256 and digest != sha256.lower():
        raise WeightsError(f"{file.name} has the sha256 {digest}, not {sha256}. Download it again.")
    state = matched(read_state(file), architecture, file.name)
    folder = folder_of(info.id)
    with held(folder):
        path = folder / CONVERTED
        save_state(state, path, digest)
        settings = {"architecture": architecture.id}
        card = Card("checkpoint", info, digest, path.name, sha256_of(path), today(), settings)
        card.save()
    return card
