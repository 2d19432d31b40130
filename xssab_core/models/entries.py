"""Entries of the registry: how each kind of model is fetched, verified and opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from xssab_core.errors import WeightsError
from xssab_core.models.architectures import architecture_of
from xssab_core.models.base import FaceModel, ModelInfo, TorchFaceModel
from xssab_core.models.blackbox import BlackBox, BlackBoxModel
from xssab_core.models.calibration import thresholds_of
from xssab_core.models.cards import Card, folder_of
from xssab_core.models.store import Progress, WeightsFile, fetch, locked, sha256_of

CONVERTED = "weights.safetensors"


class Entry(ABC):
    """A model the program knows."""

    info: ModelInfo
    weights: WeightsFile

    @property
    def folder(self) -> Path:
        """The model's folder in the store."""
        return folder_of(self.info.id)

    @property
    def is_fetched(self) -> bool:
        """Whether the original file is in the store; `verify` proves that it is the right one."""
        return (self.folder / self.weights.filename).exists()

    @abstractmethod
    def fetch(self, progress: Progress | None = None) -> Path:
        """Bring the weights into the store, verified; returns their file."""

    @abstractmethod
    def verify(self) -> None:
        """Raise WeightsError unless the stored weights are whole and the right ones."""

    @abstractmethod
    def open(self, device: torch.device, progress: Progress | None = None) -> FaceModel:
        """The model, ready to embed; fetches the weights on first use."""


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A model with a published file of weights: what it is, the file, and how that becomes a network."""

    info: ModelInfo
    weights: WeightsFile
    build: Callable[[], nn.Module]
    convert: Callable[[Path], dict[str, torch.Tensor]]

    def fetch(self, progress: Progress | None = None) -> Path:
        return fetch(self.weights, self.folder, progress)

    def verify(self) -> None:
        path = self.folder / self.weights.filename
        if not path.exists():
            raise WeightsError(f"{self.info.id}: not fetched. Run: python -m xssab_core models fetch {self.info.id}")
        if sha256_of(path) != self.weights.sha256:
            raise WeightsError(
                f"{self.info.id}: {path} is not the published file. Delete it and run: "
                f"python -m xssab_core models fetch {self.info.id}"
            )
        self._network(path)

    def open(self, device: torch.device, progress: Progress | None = None) -> FaceModel:
        network = self._network(self.fetch(progress))
        sha256 = self.weights.sha256
        return TorchFaceModel(self.info, network, sha256, thresholds_of(self.info.id, sha256), device)

    def _network(self, original: Path) -> nn.Module:
        """The network with its weights, converted to safetensors once."""
        with locked(self.folder):
            state = self._converted(original)
        return with_weights(self.build(), state, self.info, original.name)

    def _converted(self, original: Path) -> dict[str, torch.Tensor]:
        path = self.folder / CONVERTED
        stored = _stored_state(path, self.weights.sha256)
        if stored is not None:
            return stored
        state = self.convert(original)
        part = path.with_suffix(".part")
        try:
            save_state(state, part, self.weights.sha256)
            part.replace(path)
        except (OSError, SafetensorError):
            part.unlink(missing_ok=True)  # a full disk costs only the conversion next time
        return state


@dataclass(frozen=True)
class ToAddEntry(Entry):
    """A model we know but whose authors publish no digest, or no file that a program could download.

    Its weights come in through `models add`, which checks every key and shape and remembers the digest.

    Attributes:
        architecture: id of one of `ARCHITECTURES`.
        how_to_get: sentences on where the file is.
    """

    info: ModelInfo
    weights: WeightsFile
    architecture: str
    how_to_get: str

    @property
    def is_fetched(self) -> bool:
        return False

    def fetch(self, progress: Progress | None = None) -> Path:
        if not self.weights.sources:
            raise WeightsError(self._missing())
        from xssab_core.models.adding import add_checkpoint  # adding needs the registry, which needs this module

        downloaded = fetch(self.weights, self.folder, progress)
        try:
            card = add_checkpoint(self.info.id, downloaded)
        finally:
            downloaded.unlink(missing_ok=True)
        return self.folder / card.filename

    def verify(self) -> None:
        raise WeightsError(self._missing())

    def open(self, device: torch.device, progress: Progress | None = None) -> FaceModel:
        self.fetch(progress)
        from xssab_core.models.registry import entry_of  # the registry knows the card that fetching just wrote

        return entry_of(self.info.id).open(device, progress)

    def _missing(self) -> str:
        return (
            f"{self.info.id}: its weights are not here. {self.how_to_get} Then run: "
            f"python -m xssab_core models add --id {self.info.id} --weights FILE"
        )


@dataclass(frozen=True)
class AddedEntry(Entry):
    """A model whose weights a user added; its card says what it is."""

    card: Card

    @property
    def info(self) -> ModelInfo:  # type: ignore[override]
        """What a user must know, from the card."""
        return self.card.info

    @property
    def weights(self) -> WeightsFile:  # type: ignore[override]
        """The stored file under the digest of the file it came from."""
        return WeightsFile(self.card.filename, self.card.sha256, ())

    def fetch(self, progress: Progress | None = None) -> Path:
        self.verify()
        return self.folder / self.card.filename

    def verify(self) -> None:
        if not self.card.filename:
            return
        path = self.folder / self.card.filename
        if not path.exists() or sha256_of(path) != self.card.stored_sha256:
            raise WeightsError(
                f"{self.info.id}: the stored weights are missing or damaged. Run: python -m xssab_core models remove "
                f"{self.info.id}, then add the model again."
            )

    def open(self, device: torch.device, progress: Progress | None = None) -> FaceModel:
        path = self.fetch()
        info, sha256 = self.info, self.card.sha256
        thresholds = thresholds_of(info.id, sha256)
        if self.card.kind == "checkpoint":
            state = _stored_state(path, sha256)
            if state is None:
                raise WeightsError(f"{info.id}: {path} is not what was added. Add the model again.")
            network = with_weights(architecture_of(self.card.settings["architecture"]).build(), state, info, path.name)
            return TorchFaceModel(info, network, sha256, thresholds, device)
        if self.card.kind == "onnx":
            from xssab_core.models.onnx_import import open_onnx  # ONNX Runtime loads slowly

            return open_onnx(self.card, path, thresholds, device)
        if self.card.kind == "command":
            from xssab_core.models.blackbox import Command

            return BlackBoxModel(info, sha256, thresholds, Command.from_settings(self.card.settings))
        raise WeightsError(f"{info.id}: cards of kind {self.card.kind!r} are unknown. Update the program.")


@dataclass(frozen=True)
class PluginEntry(Entry):
    """A black box that an installed Python package offers."""

    box: BlackBox

    @property
    def info(self) -> ModelInfo:  # type: ignore[override]
        """What a user must know, from the package."""
        return self.box.info

    @property
    def weights(self) -> WeightsFile:  # type: ignore[override]
        """No file of ours; the digest is the package's word."""
        return WeightsFile("", self.box.weights_sha256, ())

    @property
    def is_fetched(self) -> bool:
        return True

    def fetch(self, progress: Progress | None = None) -> Path:
        return self.folder

    def verify(self) -> None:
        return

    def open(self, device: torch.device, progress: Progress | None = None) -> FaceModel:
        info, sha256 = self.box.info, self.box.weights_sha256
        return BlackBoxModel(info, sha256, thresholds_of(info.id, sha256), self.box.embed)


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
    """Write a state dict as safetensors that remember the digest of the file they came from."""
    save_file(state, path, metadata={"source_sha256": source_sha256})


def _stored_state(path: Path, source_sha256: str) -> dict[str, torch.Tensor] | None:
    """What `save_state` wrote for this source; None where it is absent, damaged or from another source."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("source_sha256") == source_sha256:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError):
        pass  # absent or damaged: made anew from the verified original
    return None
