"""Occlusions that ship: what a model says of the sample photographs under every square, so that their maps are there at
first sight."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from xssab_core import paths
from xssab_core.files import write_whole
from xssab_core.models.base import FaceModel


def shipped_occlusions(model_id: str) -> Path:
    """Where the occlusions for a model lie."""
    return paths.ASSETS / "occlusions" / f"{model_id}.safetensors"


def digest_of(crop: np.ndarray) -> str:
    """What a uint8 (S, S, 3) crop is filed under."""
    return hashlib.sha256(crop.tobytes()).hexdigest()


def save_occlusions(path: Path, model: FaceModel, squares: str, rows: Mapping[str, np.ndarray]) -> None:
    """Write float32 (1 + K, D) unit embeddings by the digest of their crop: as it is, then under each of K squares.

    Args:
        path: the file.
        model: whose embeddings they are; the file names its weights.
        squares: what decides the squares, `XFace.evidence_kind`.
        rows: the embeddings.

    Raises:
        OutputError: the file cannot be written.
    """
    made_with = {"weights_sha256": model.weights_sha256, "squares": squares}
    write_whole(path, lambda part: save_file(dict(rows), part, metadata=made_with))


def read_occlusions(path: Path, model: FaceModel, squares: str, crops: Sequence[np.ndarray]) -> np.ndarray | None:
    """float32 (N, 1 + K, D), what `save_occlusions` wrote of these crops; None where one of them is not there, where
    weights or squares are others, and where there is no such file or it is damaged."""
    with contextlib.suppress(OSError, SafetensorError, ValueError), safe_open(path, framework="np") as file:
        if file.metadata() != {"weights_sha256": model.weights_sha256, "squares": squares}:
            return None
        return np.stack([file.get_tensor(digest_of(crop)) for crop in crops])
    return None
