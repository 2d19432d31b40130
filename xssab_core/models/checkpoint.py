"""Checkpoints: files of weights, read without running what is in them, matched to an architecture, kept."""

from __future__ import annotations

import pickle
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
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
from xssab_core.models.zoo.network import unusable

CONVERTED = "weights.safetensors"


def read_tensors(path: Path) -> dict[str, torch.Tensor | None]:
    """What a .safetensors file or a PyTorch checkpoint holds, by the keys its authors gave.

    Keys of dictionaries inside dictionaries are joined by dots. None stands for what is no tensor: epochs, options.

    Raises:
        WeightsError: not a checkpoint, or one that holds anything but data.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, not a state dict. {_SAVE_IT_SO}")
    found = dict(_leaves(content))
    if not any(value is not None for value in found.values()):
        raise WeightsError(f"{path.name} holds no tensor. {_SAVE_IT_SO}")
    return found


def _leaves(content: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, torch.Tensor | None]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value if isinstance(value, torch.Tensor) else None


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
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle ends in whatever what was read so far cannot do
        if "TorchScript" in str(error):
            raise WeightsError(f"{path.name} is a TorchScript program, not a state dict. {_SAVE_IT_SO}") from error
        raise WeightsError(f"{path.name} is not a checkpoint, or a damaged one. Download it again.") from error


@dataclass(frozen=True)
class Match:
    """The part of a file that is a network.

    Attributes:
        state: the state dict of `architecture.build()`, in float32.
        prefix: what stood before each key of the network.
        left_out: names of what else the file holds.
    """

    state: dict[str, torch.Tensor]
    prefix: str
    left_out: tuple[str, ...]


def matched(found: Mapping[str, torch.Tensor | None], architecture: Architecture, name: str) -> Match:
    """The state dict of `architecture.build()` from published weights: below the one prefix where every key fits.

    Args:
        found: what `read_tensors` returned.
        architecture: what the user says it is.
        name: of the file, for messages.

    Raises:
        WeightsError: nowhere do all keys and shapes fit, or at several places; or a number is not finite. The message
            names the first mismatch and, where the weights look like another architecture, says which.
    """
    tensors = {key: value for key, value in found.items() if value is not None}
    prefixes = _prefixes(tensors, architecture)
    fitting = [prefix for prefix in prefixes if not _first_mismatch(_below(prefix, tensors), architecture)]
    if not fitting:
        guess, cure = _guess(tensors, architecture)
        mismatch = _first_mismatch(_below(prefixes[0], tensors), architecture)
        raise WeightsError(f"{name} does not fit {architecture.id}: {mismatch}. {guess}", cure)
    if len(fitting) > 1:
        places = " and ".join(prefix.rstrip(".") or "the top" for prefix in fitting)
        raise WeightsError(f"{name} holds {len(fitting)} networks that fit, at {places}. {_SAVE_IT_SO}")
    (prefix,) = fitting
    state = _converted(_below(prefix, tensors), architecture, name)
    taken = {prefix + key.removeprefix(architecture.prefix) for key in state}
    return Match(state, prefix.rstrip("."), _left_out(prefix, [key for key in found if key not in taken]))


def _prefixes(tensors: Mapping[str, torch.Tensor], architecture: Architecture) -> list[str]:
    """What stands before keys of the architecture, what stands before most of them first."""
    expected, votes = architecture.shapes(), Counter[str]()
    for key in tensors:
        parts = key.split(".")
        ends = (i for i in range(len(parts)) if ".".join(parts[i:]) in expected)
        votes.update("".join(f"{part}." for part in parts[:i]) for i in ends)
    return [prefix for prefix, _ in votes.most_common()] or [""]


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _first_mismatch(state: Mapping[str, torch.Tensor], architecture: Architecture) -> str:
    expected = architecture.shapes()
    for key, shape in expected.items():
        if key not in state and not key.endswith("num_batches_tracked"):
            return f"{key} is missing"
        if key in state and tuple(state[key].shape) != shape:
            return f"{key} has the shape {tuple(state[key].shape)}, not {shape}"
    strangers = (key for key in state if key not in expected and not key.startswith(architecture.ignored))
    return next((f"{key} is not part of it" for key in strangers), "")


def _converted(state: Mapping[str, torch.Tensor], architecture: Architecture, name: str) -> dict[str, torch.Tensor]:
    converted = {}
    for key in architecture.shapes():
        if key not in state:  # a counter that old versions of PyTorch did not keep
            continue
        value = state[key].float() if state[key].is_floating_point() else state[key]
        if not torch.isfinite(value).all():
            raise WeightsError(f"{name} holds numbers in {key} that are not finite: a training that failed, or damage.")
        converted[architecture.prefix + key] = value.contiguous().clone()
    return converted


def _left_out(prefix: str, keys: list[str]) -> tuple[str, ...]:
    """What lies beside the network: `state_dict.head` for `state_dict.head.weight` beside `state_dict.model.`."""
    names = []
    for key in keys:
        parts, network = key.split("."), prefix.split(".")
        shared = next((i for i, (one, other) in enumerate(zip(parts, network, strict=False)) if one != other), 0)
        names.append(".".join(parts[: shared + 1]))
    return tuple(dict.fromkeys(names))


def _guess(tensors: Mapping[str, torch.Tensor], asked: Architecture) -> tuple[str, Cure]:
    """A sentence on what the weights rather are, and what helps then."""

    def likeness(architecture: Architecture) -> float:
        expected = architecture.shapes()
        state = _below(_prefixes(tensors, architecture)[0], tensors)
        alike = sum(key in state and tuple(state[key].shape) == shape for key, shape in expected.items())
        return alike / max(len(expected), len(state))

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
        WeightsError: the file is another one, not a checkpoint, does not fit, or holds weights that give no embedding.
        OutputError: the store cannot be written.
    """
    digest = sha256_of(file)
    if sha256 and digest != sha256.lower():
        raise WeightsError(f"{file.name} has the sha256 {digest}, not {sha256}. Download it again.")
    match = matched(read_tensors(file), architecture, file.name)
    network = with_weights(architecture.build(), match.state, info, file.name)
    _try_out(network, architecture.template.size, file.name)
    folder = folder_of(info.id)
    with held(folder):
        path = folder / CONVERTED
        save_state(match.state, path, digest)
        settings = {"architecture": architecture.id, "prefix": match.prefix, "left_out": list(match.left_out)}
        card = Card("checkpoint", info, digest, path.name, sha256_of(path), today(), settings)
        card.save()
    return card


def _try_out(network: nn.Module, size: int, name: str) -> None:
    """Raise WeightsError unless the network tells two random pictures apart."""
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, size, size)).astype(np.float32))
    with torch.inference_mode():
        rows = network.eval()(pixels).numpy()
    if problem := unusable(rows):
        raise WeightsError(
            f"With the weights in {name} the network {problem}: they are damaged, or were never trained."
        )
