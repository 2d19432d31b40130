"""Entries of the registry: how each kind of model is fetched, verified and opened."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from xssab_core.errors import Cure, OutputError, WeightsError
from xssab_core.files import held
from xssab_core.models.base import FaceModel, ModelInfo, Threshold, TorchFaceModel
from xssab_core.models.blackbox import BlackBox, BlackBoxModel, Command
from xssab_core.models.calibration import calibration_revision, thresholds_of
from xssab_core.models.cards import Card, folder_of, read_card
from xssab_core.models.checkpoint import CONVERTED, install_checkpoint, save_state, stored_state, with_weights
from xssab_core.models.onnx.diagnosis import load_onnx
from xssab_core.models.onnx.graph import onnx_network
from xssab_core.models.onnx.runtime import RuntimeEmbedder
from xssab_core.models.store import WeightsFile, fetch, sha256_of
from xssab_core.models.zoo.architectures import architecture_of
from xssab_core.progress import Progress, ignore


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

    @property
    def revision(self) -> Hashable:
        """Changes when the weights or the thresholds of the model do: what was opened before is then out of date."""
        return self.weights.sha256, calibration_revision(self.info.id)

    @abstractmethod
    def fetch(self, progress: Progress = ignore) -> Path:
        """Bring the weights into the store, verified; returns their file."""

    @abstractmethod
    def verify(self) -> None:
        """Raise WeightsError unless the stored weights are whole and the right ones."""

    @abstractmethod
    def open(self, device: torch.device, progress: Progress = ignore) -> FaceModel:
        """The model, ready to embed; fetches the weights on first use."""


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A model with a published file of weights: what it is, the file, and how that becomes a network."""

    info: ModelInfo
    weights: WeightsFile
    build: Callable[[], nn.Module]
    convert: Callable[[Path], dict[str, torch.Tensor]]

    def fetch(self, progress: Progress = ignore) -> Path:
        return fetch(self.weights, self.folder, progress)

    def verify(self) -> None:
        path = self.folder / self.weights.filename
        if not path.exists():
            raise WeightsError(f"{self.info.id}: its weights are not here. Fetch them.", self._fetch_it)
        if sha256_of(path) != self.weights.sha256:
            raise WeightsError(
                f"{self.info.id}: {path} is not the published file. Delete it and fetch it again.", self._fetch_it
            )
        self._network(path)

    def open(self, device: torch.device, progress: Progress = ignore) -> FaceModel:
        network = self._network(self.fetch(progress))
        sha256 = self.weights.sha256
        return TorchFaceModel(self.info, network, sha256, thresholds_of(self.info.id, sha256), device)

    @property
    def _fetch_it(self) -> Cure:
        return Cure("fetch", self.info.id)

    def _network(self, original: Path) -> nn.Module:
        """The network with its weights, converted to safetensors once."""
        with held(self.folder):
            state = self._converted(original)
        return with_weights(self.build(), state, self.info, original.name)

    def _converted(self, original: Path) -> dict[str, torch.Tensor]:
        path = self.folder / CONVERTED
        stored = stored_state(path, self.weights.sha256)
        if stored is not None:
            return stored
        state = self.convert(original)
        with contextlib.suppress(OutputError):  # a full disk costs only the conversion next time
            save_state(state, path, self.weights.sha256)
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

    def fetch(self, progress: Progress = ignore) -> Path:
        if not self.weights.sources:
            raise self._missing()
        downloaded = fetch(self.weights, self.folder, progress)
        try:
            card = install_checkpoint(downloaded, architecture_of(self.architecture), self.info)
        finally:
            downloaded.unlink(missing_ok=True)
        return self.folder / card.filename

    def verify(self) -> None:
        raise self._missing()

    def open(self, device: torch.device, progress: Progress = ignore) -> FaceModel:
        self.fetch(progress)
        card = read_card(self.info.id)
        if card is None:  # somebody removed it meanwhile
            raise self._missing()
        return AddedEntry(card).open(device, progress)

    def _missing(self) -> WeightsError:
        return WeightsError(
            f"{self.info.id}: its weights are not here. {self.how_to_get} Then add that file.",
            Cure("add", self.info.id),
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

    def fetch(self, progress: Progress = ignore) -> Path:
        self.verify()
        return self.folder / self.card.filename

    def verify(self) -> None:
        if not self.card.filename:
            return
        path = self.folder / self.card.filename
        if not path.exists() or sha256_of(path) != self.card.stored_sha256:
            raise WeightsError(
                f"{self.info.id}: the stored weights are missing or damaged. Remove the model and add it again.",
                Cure("remove", self.info.id),
            )

    def open(self, device: torch.device, progress: Progress = ignore) -> FaceModel:
        path = self.fetch()
        info, sha256 = self.info, self.card.sha256
        thresholds = thresholds_of(info.id, sha256)
        if self.card.kind == "checkpoint":
            state = stored_state(path, sha256)
            if state is None:
                raise WeightsError(f"{info.id}: {path} is not what was added. Add the model again.")
            network = with_weights(architecture_of(self.card.settings["architecture"]).build(), state, info, path.name)
            return TorchFaceModel(info, network, sha256, thresholds, device)
        if self.card.kind == "onnx":
            return _open_onnx(self.card, path, thresholds, device)
        if self.card.kind == "command":
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

    def fetch(self, progress: Progress = ignore) -> Path:
        return self.folder

    def verify(self) -> None:
        return

    def open(self, device: torch.device, progress: Progress = ignore) -> FaceModel:
        info, sha256 = self.box.info, self.box.weights_sha256
        return BlackBoxModel(info, sha256, thresholds_of(info.id, sha256), self.box.embed)


def _open_onnx(card: Card, path: Path, thresholds: tuple[Threshold, ...], device: torch.device) -> FaceModel:
    """The model of a card that `diagnose` filled.

    The graph needs no time limit here: its digest was just verified, and this very file ran in time when it was added.
    """
    info, (mean, std, batches, grid) = card.info, (card.settings[key] for key in ("mean", "std", "batches", "grid"))
    model = load_onnx(path)
    output = card.settings.get("output") or model.graph.output[0].name
    if not info.differentiable:
        return BlackBoxModel(info, card.sha256, thresholds, RuntimeEmbedder(model, mean, std, batches, output))
    network = onnx_network(model, info.colour_order, mean, std, batches, grid, output)
    return TorchFaceModel(info, network, card.sha256, thresholds, device)
