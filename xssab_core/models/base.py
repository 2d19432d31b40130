"""What an FR model is to the rest of the program."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from xssab_core.device import device_lock, full_precision, keep_freed_memory, side_by_side
from xssab_core.errors import ModelError
from xssab_core.faces.align import Template
from xssab_core.models.zoo.folding import folded

# Larger batches gain nothing on a CPU, cost memory, and their tensors leave the allocator's fast path; a GPU wants
# hundreds. Fixed numbers, since they change the last bits of sums.
_BATCH_SIZE, _BATCH_SIZES = 8, {"cuda": 256}


@dataclass(frozen=True)
class Threshold:
    """A decision threshold and where it came from.

    Attributes:
        value: th_d on the cosine, -1..1; match iff score >= value.
        name: short id: "eer", "fmr-1e-3", "published", "user".
        origin: a sentence: data set, pairs, date, or who published it.
    """

    value: float
    name: str
    origin: str

    @classmethod
    def by_user(cls, value: float) -> Threshold:
        """One that a user chose."""
        return cls(value, "user", "chosen by the user")

    def is_match(self, score: float) -> bool:
        """The decision on a score: match iff score >= value."""
        return score >= self.value


@dataclass(frozen=True)
class ModelInfo:
    """What a user must know about an FR model.

    Attributes:
        differentiable: whether white-box methods can run.
        black_box_reason: why they cannot, as a sentence; empty where they can.
    """

    id: str
    title: str
    architecture: str
    loss: str
    training_set: str
    licence: str
    source: str
    template: Template
    colour_order: str
    normalisation: str
    embedding_size: int
    differentiable: bool
    black_box_reason: str = ""


class FaceModel(Protocol):
    """The seam every explanation method and the benchmark stand on."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def weights_sha256(self) -> str: ...

    @property
    def thresholds(self) -> tuple[Threshold, ...]: ...

    @property
    def device_name(self) -> str:
        """What computes it, for records: "cpu", "cuda", ..., or who else does."""
        ...

    @property
    def batch_size(self) -> int:
        """How many crops it is best given at once."""
        ...

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) RGB crops on the model's template -> float32 (N, D), rows L2-normalised."""
        ...


@runtime_checkable
class GridNetwork(Protocol):
    """A network that shows the last feature grid before its embedding."""

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, C, h, w)."""
        ...


class TorchFaceModel:
    """A differentiable FR model.

    Attributes:
        network: maps float (N, 3, S, S) RGB pixels 0..255 to raw (N, D) embeddings. Its own normalisation and
            colour order are inside, so a gradient with respect to its input is one with respect to pixels.
        lock: call it as a context around each use of the device.
        batch_size: how many crops it is best given at once; changes the last bits of sums.
    """

    def __init__(
        self,
        info: ModelInfo,
        network: nn.Module,
        weights_sha256: str,
        thresholds: tuple[Threshold, ...],
        device: torch.device,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        full_precision()
        self.info = info
        self.network = network.eval().requires_grad_(False).to(device)
        self.weights_sha256 = weights_sha256
        self.thresholds = thresholds
        self.device = device
        self.lock = device_lock(device)
        self.batch_size = _BATCH_SIZES.get(device.type, _BATCH_SIZE)
        self._folded: nn.Module | None = None
        self._folding = threading.Lock()

    @property
    def device_name(self) -> str:
        """The device of PyTorch that computes it."""
        return str(self.device)

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the weights; float32 but for tests."""
        return next(self.network.parameters()).dtype

    def pixels(self, crops: np.ndarray) -> torch.Tensor:
        """uint8 (N, S, S, 3) -> float (N, 3, S, S) on the device, values 0..255."""
        tensor = torch.from_numpy(np.array(crops)).to(self.device)
        return tensor.permute(0, 3, 1, 2).to(self.dtype).contiguous()

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) RGB crops -> float32 (N, D), rows L2-normalised.

        Raises:
            ModelError: wrong shape or dtype, or an embedding that is zero or not finite.
        """
        check_crops(crops, self.info)
        parts = []
        for start in range(0, len(crops), self.batch_size):
            with self.lock(), torch.inference_mode():
                raw = self.network(self.pixels(crops[start : start + self.batch_size]))
                parts.append(raw.float().cpu().numpy())
        return normalised(np.concatenate(parts) if parts else np.zeros((0, self.info.embedding_size)), self.info)

    def embed_batches(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """What `embed` gives for each batch to about 1e-6, for hundreds of batches: through the folded network, and on
        a CPU as many batches at once as there are threads, each on one thread. The device is taken anew for each batch.

        Args:
            batches: uint8 (N, S, S, 3) RGB crops each, N >= 1; asked for as they are needed. More than `batch_size`
                are parted, which a CPU's caches are worth.

        Raises:
            ModelError: as `embed`.
        """
        waiting = iter(_parted(batches, self.batch_size))
        rows: list[np.ndarray] = []
        while turn := list(islice(waiting, torch.get_num_threads() if self.device.type == "cpu" else 1)):
            crops = [part for part, _ in turn]
            for part in crops:
                check_crops(part, self.info)
            self.fold(crops[0][:2])
            raw = side_by_side(self._pass, crops)
            for found, (_, is_last) in zip(raw, turn, strict=True):
                rows.append(normalised(found, self.info))
                if is_last:
                    yield np.concatenate(rows)
                    rows.clear()

    def fold(self, crops: np.ndarray) -> None:
        """Have the folded network ready, which takes a second. The device is not held meanwhile, so that pages go on.

        Args:
            crops: uint8 (N, S, S, 3), what both forms are compared on.
        """
        with self._folding:
            if self._folded is None:
                self._folded = folded(self.network, self.pixels(crops))

    def _pass(self, crops: np.ndarray) -> np.ndarray:
        assert self._folded is not None
        with self.lock(), torch.inference_mode():
            rows: np.ndarray = self._folded(self.pixels(crops)).float().cpu().numpy()
        return rows


def embed_batches(model: FaceModel, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """What `model.embed` gives for each of many batches, the fastest way that the model has."""
    return model.embed_batches(batches) if isinstance(model, TorchFaceModel) else map(model.embed, batches)


def _parted(batches: Iterable[np.ndarray], most: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Batches in parts of about the same size, and whether each is its batch's last."""
    for batch in batches:
        parts = np.array_split(batch, math.ceil(len(batch) / most)) if len(batch) > most else [batch]
        yield from ((part, part is parts[-1]) for part in parts)


def check_crops(crops: np.ndarray, info: ModelInfo) -> None:
    """Raise ModelError unless crops are uint8 (N, S, S, 3) for the model's input size S."""
    size = info.template.size
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
        raise ModelError(
            f"{info.id} takes uint8 RGB crops of shape (N, {size}, {size}, 3), not {crops.dtype} {crops.shape}. "
            "Align the faces with align_face first."
        )


def normalised(raw: np.ndarray, info: ModelInfo) -> np.ndarray:
    """float32 (N, D) with rows of unit length; ModelError where a row has no direction or a wrong length."""
    if raw.ndim != 2 or raw.shape[1] != info.embedding_size:
        raise ModelError(f"{info.id} gave embeddings of shape {raw.shape}, not (N, {info.embedding_size}).")
    raw = np.asarray(raw, dtype=np.float64)
    norms = np.linalg.norm(raw, axis=1, keepdims=True)
    check_raw(norms, info)
    return np.asarray(raw / norms, dtype=np.float32)


def check_raw(norms: np.ndarray, info: ModelInfo) -> None:
    """Raise ModelError unless every embedding has a direction: finite and not of length zero."""
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise ModelError(f"{info.id} gave an embedding that is zero or not finite. Its weights may be damaged.")
