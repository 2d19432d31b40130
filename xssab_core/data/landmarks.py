"""Landmarks that ship: the face of every LFW image that was searched once, by the bytes of the image."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xssab_core.faces.align import ALIGNER_VERSION, AlignedFace
from xssab_core.faces.detect import DETECTOR
from xssab_core.files import write_whole
from xssab_core.paths import ASSETS

SHIPPED = ASSETS / "lfw" / "landmarks.parquet"
# Pixels: more than the detector moves the points of one face, far less than the distance between two faces.
_SAME_FACE = 5.0
_MADE_WITH = {b"detector": DETECTOR.encode(), b"aligner": ALIGNER_VERSION.encode()}


def save_landmarks(path: Path, landmarks: Mapping[str, np.ndarray]) -> None:
    """Write float64 (5, 2) landmarks by the sha256 of the image they belong to, exactly."""
    digests = sorted(landmarks)
    flat = np.stack([np.asarray(landmarks[digest], dtype=np.float64).ravel() for digest in digests])
    columns = {
        "sha256": pa.array([bytes.fromhex(digest) for digest in digests], pa.binary(32)),
        "points": pa.FixedSizeListArray.from_arrays(flat.ravel(), 10),
    }
    table = pa.table(columns).replace_schema_metadata(_MADE_WITH)
    options = {"compression": "zstd", "compression_level": 19, "use_dictionary": False}
    write_whole(path, lambda part: pq.write_table(table, part, **options))


def read_landmarks(path: Path) -> dict[str, np.ndarray]:
    """What `save_landmarks` wrote; empty when there is no such file, another detector or aligner made it, or it is
    damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, pa.ArrowException):
        table = pq.read_table(path)
        metadata = table.schema.metadata or {}
        if all(metadata.get(key) == value for key, value in _MADE_WITH.items()):
            points = table["points"].combine_chunks().flatten().to_numpy().reshape(-1, 5, 2)
            return dict(zip((digest.hex() for digest in table["sha256"].to_pylist()), points, strict=True))
    return {}


@lru_cache(maxsize=1)
def shipped_landmarks() -> Mapping[str, np.ndarray]:
    """float64 (5, 2) landmarks of the face nearest the middle, by sha256 of the image; for folds 1 to 7 of
    LFW-deepfunneled. Do not change what is returned."""
    return read_landmarks(SHIPPED)


def settled(face: AlignedFace) -> AlignedFace:
    """The face with the landmarks that ship for it, where they do.

    The detector's last digits differ between processors, and a crop follows them by a grey level here and there. With
    one set of landmarks an image of LFW has one crop, and so one score, everywhere.
    """
    shipped = shipped_landmarks().get(face.photo.sha256)
    if shipped is None or np.abs(face.landmarks - shipped).max() > _SAME_FACE:
        return face
    return replace(face, landmarks=shipped)
