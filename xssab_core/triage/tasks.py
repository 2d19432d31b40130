"""What one worker does: look at some photographs, or explain some pairs. Tasks and results travel between processes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import msgspec
import numpy as np

from xssab_core.data.crops import encode_png
from xssab_core.explain import explain
from xssab_core.files import decoded
from xssab_core.findings.regions import regions_of
from xssab_core.models import FaceModel, load_model
from xssab_core.progress import Pulse
from xssab_core.render import grey_crop
from xssab_core.replay.dpr import ranking_map
from xssab_core.triage.pairs import Policy
from xssab_core.triage.photographs import Photograph, Wanted, look_at

# Photographs looked at together, and pairs explained together: what a kill loses at most.
PHOTOGRAPHS, PAIRS = 16, 32
Face = tuple[int, int]
"""A photograph by its number in the task, and the number of a face as it was asked for."""


@dataclass(frozen=True)
class Setup:
    """What all tasks of a run share.

    Attributes:
        model: id of a model.
        threshold: th_d.
        method: id of the method whose maps are divided into regions; None explains nothing.
        policy: which face is meant where a row does not say.
        aligned: the photographs are crops already.
    """

    model: str
    threshold: float
    method: str | None
    policy: Policy
    aligned: bool


@dataclass(frozen=True)
class LookTask:
    """Photographs to look at, always together, so that a resumed run gives the same bits."""

    number: int
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, eq=False)
class Looked:
    """What a `LookTask` found.

    Attributes:
        photographs: in the order of the task.
        faces: those that can be used.
        embeddings: float32 (n, D), one a face.
        crops: PNG files, one a face.
    """

    photographs: tuple[Photograph, ...]
    faces: tuple[Face, ...]
    embeddings: np.ndarray
    crops: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class MapTask:
    """Pairs to explain: the group each counts to, and its two crops as PNG files."""

    number: int
    pairs: tuple[tuple[str, bytes, bytes], ...]


@dataclass(frozen=True, eq=False)
class Sum:
    """Maps of several pairs, added up. Each map is scaled so that its |values| add up to 1: every pair counts alike.

    Attributes:
        pairs: how many.
        maps: float64 (2, S, S), of probe and reference.
        crops: float64 (2, S, S), grey values 0..255.
    """

    pairs: int
    maps: np.ndarray
    crops: np.ndarray

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.pairs + other.pairs, self.maps + other.maps, self.crops + other.crops)


@dataclass(frozen=True, eq=False)
class Mapped:
    """What a `MapTask` found.

    Attributes:
        shares: float64 (n, 2, R): the part of each region in a map, signed; the size of all parts adds up to at most 1.
        sums: by group.
    """

    shares: np.ndarray
    sums: dict[str, Sum] = field(default_factory=dict)


Task = LookTask | MapTask
Result = Looked | Mapped


@lru_cache(maxsize=1)
def _model_of(model_id: str) -> FaceModel:
    return load_model(model_id)


def perform_remotely(setup: Setup, task: Task) -> Result:
    """Do a task on a worker, which loads its model once."""
    return perform(_model_of(setup.model), setup, task)


def perform(model: FaceModel, setup: Setup, task: Task, pulse: Pulse = lambda: None) -> Result:
    """Do a task."""
    if isinstance(task, LookTask):
        return _look(model, setup, task, pulse)
    return _map(model, setup, task, pulse)


def _look(model: FaceModel, setup: Setup, task: LookTask, pulse: Pulse) -> Looked:
    photographs, crops = [], {}
    for index, wanted in enumerate(task.wanted):
        pulse()
        photograph, found = look_at(wanted, model.info.template, setup.policy, setup.aligned)
        photographs.append(photograph)
        crops.update({(index, number): crop for number, crop in found.items()})
    stacked = list(crops.values())
    embeddings = model.embed(np.stack(stacked)) if stacked else np.zeros((0, 0), dtype=np.float32)
    return Looked(tuple(photographs), tuple(crops), embeddings, tuple(map(encode_png, stacked)))


def _map(model: FaceModel, setup: Setup, task: MapTask, pulse: Pulse) -> Mapped:
    assert setup.method is not None
    regions, shares, sums = regions_of(model.info.template), [], dict[str, Sum]()
    for group, *encoded in task.pairs:
        pulse()
        crops = [decode_png(each) for each in encoded]
        maps = maps_of(model, crops[0], crops[1], setup.method, setup.threshold)
        shares.append([regions.sums(values) for values in maps])
        one = Sum(1, maps, np.stack([grey_crop(crop)[..., 0].astype(np.float64) for crop in crops]))
        add_sum(sums, group, one)
    return Mapped(np.array(shares), sums)


def add_sum(sums: dict[str, Sum], group: str, more: Sum) -> None:
    """Add the sum of more pairs to that of their group."""
    sums[group] = sums[group] + more if group in sums else more


def maps_of(model: FaceModel, probe: np.ndarray, reference: np.ndarray, method: str, threshold: float) -> np.ndarray:
    """float64 (2, S, S): the maps of two crops, each scaled so that its |values| add up to 1; zeros where all are 0."""
    explanation = explain(model, probe, reference, method, threshold)
    maps = np.stack([ranking_map(maps) for _, maps in explanation.by_side()]).astype(np.float64)
    weights = np.abs(maps).sum(axis=(1, 2), keepdims=True)
    return np.asarray(maps / np.where(weights > 0, weights, 1.0))


def decode_png(data: bytes) -> np.ndarray:
    """uint8 (S, S, 3) RGB crop of a PNG file of our own."""
    decoded_crop = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert decoded_crop is not None
    return np.ascontiguousarray(decoded_crop[:, :, ::-1])


class _About(msgspec.Struct, frozen=True):
    """What of `Looked` is no array."""

    photographs: tuple[Photograph, ...]
    faces: tuple[Face, ...]


def pack(result: Result) -> bytes:
    """A result as the bytes of a record; the crops of `Looked` are files of their own."""
    if isinstance(result, Looked):
        about = msgspec.json.encode(_About(result.photographs, result.faces))
        return _npz(about=np.frombuffer(about, dtype=np.uint8), embeddings=result.embeddings)
    groups, found = list(result.sums), list(result.sums.values())
    return _npz(
        shares=result.shares,
        groups=np.array(groups, dtype=str),
        pairs=np.array([each.pairs for each in found]),
        # Half the bytes; what the digits left out add up to is far below what can be seen.
        maps=np.array([each.maps for each in found], dtype=np.float32),
        crops=np.array([each.crops for each in found], dtype=np.float32),
    )


def unpack_looked(data: bytes | None) -> Looked | None:
    """What `pack` made of a `Looked`, without its crops; None where it is absent or damaged."""
    try:
        stored = _arrays(data)
        about = decoded(stored["about"].tobytes(), _About)
        return Looked(about.photographs, about.faces, stored["embeddings"])
    except Exception:  # numpy complains in many ways
        return None


def unpack_mapped(data: bytes | None) -> Mapped | None:
    """What `pack` made of a `Mapped`; None where it is absent or damaged."""
    try:
        stored = _arrays(data)
        found = zip(stored["pairs"].tolist(), stored["maps"], stored["crops"], strict=True)
        sums = [Sum(pairs, maps.astype(np.float64), crops.astype(np.float64)) for pairs, maps, crops in found]
        return Mapped(stored["shares"], dict(zip(stored["groups"].tolist(), sums, strict=True)))
    except Exception:  # see above
        return None


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _arrays(data: bytes | None) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data or b""), allow_pickle=False) as stored:
        return dict(stored)
