"""What was computed beforehand and ships: numbers that a model gives of the sample photographs, and that were fitted to
the scores of its calibration, so that what takes long is there at first sight."""

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

OCCLUSIONS = "occlusions"
RANDOM_ORDERS = "random_orders"
RANDOMISED = "randomised"


def shipped(kind: str, model_id: str) -> Path:
    """Where what ships for a model lies."""
    return paths.ASSETS / kind / f"{model_id}.safetensors"


def digest_of(*arrays: np.ndarray) -> str:
    """What numbers about arrays are filed under: crops, uint8 (S, S, 3), or scores."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def save_numbers(path: Path, weights_sha256: str, made_by: str, numbers: Mapping[str, np.ndarray]) -> None:
    """Write arrays by the digest of what they are about.

    Args:
        path: the file.
        weights_sha256: of the model that gave them.
        made_by: all else that decides them.
        numbers: the arrays.

    Raises:
        OutputError: the file cannot be written.
    """
    about = {"weights_sha256": weights_sha256, "made_by": made_by}
    write_whole(path, lambda part: save_file(dict(numbers), part, metadata=about))


def read_numbers(path: Path, weights_sha256: str, made_by: str, digests: Sequence[str]) -> list[np.ndarray] | None:
    """What `save_numbers` wrote under these digests; None where one of them is not there, where the weights or what
    made them are others, and where there is no such file or it is damaged."""
    with contextlib.suppress(OSError, SafetensorError, ValueError), safe_open(path, framework="np") as file:
        if file.metadata() != {"weights_sha256": weights_sha256, "made_by": made_by}:
            return None
        return [file.get_tensor(digest) for digest in digests]
    return None
