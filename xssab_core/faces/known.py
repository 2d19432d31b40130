"""Faces of the sample photographs, found once: an app that starts need not load the detector to show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from xssab_core.faces.detect import DETECTION_VERSION, DETECTOR, DetectedFace
from xssab_core.faces.photo import Photo
from xssab_core.files import read_json, write_whole
from xssab_core.paths import ASSETS

_FILE = ASSETS / "samples" / "faces.json"


@dataclass(frozen=True)
class _Face:
    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    confidence: float
    better_turn: int


@dataclass(frozen=True)
class _Known:
    detector: str
    version: str
    faces: dict[str, tuple[_Face, ...]]


def known_faces(photo: Photo) -> tuple[DetectedFace, ...] | None:
    """What `detect_faces` finds in a sample photograph; None for any other, one that was turned, and where another
    detector found it."""
    faces = None if photo.turn else _shipped().get(photo.sha256)
    return None if faces is None else tuple(_read(face) for face in faces)


def save_known(faces: Mapping[str, tuple[DetectedFace, ...]]) -> None:
    """Write the file: faces by the SHA-256 of their photograph."""
    written = {sha256: tuple(map(_written, found)) for sha256, found in faces.items()}
    known = _Known(DETECTOR, DETECTION_VERSION, written)
    write_whole(_FILE, msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, tuple[_Face, ...]]:
    known = read_json(_FILE, _Known)
    return known.faces if known and (known.detector, known.version) == (DETECTOR, DETECTION_VERSION) else {}


def _read(face: _Face) -> DetectedFace:
    return DetectedFace(np.array(face.box), np.array(face.landmarks), face.confidence, face.better_turn)


def _written(face: DetectedFace) -> _Face:
    box, landmarks = face.box.tolist(), face.landmarks.tolist()
    return _Face(tuple(box), tuple(map(tuple, landmarks)), face.confidence, face.better_turn)
