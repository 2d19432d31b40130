"""The records of a run: one small file per pair and method, so that a run goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from xssab_core.errors import DataError
from xssab_core.files import WorkFolder, read_json, write_whole

Record = dict[str, Any]
BASE = "pair"


class _AnyPair(TypedDict):
    index: int
    face: bool


class _Pair(_AnyPair):
    """What is true of a pair with two faces, whatever the method."""

    id: str
    fold: int
    genuine: bool
    mislabelled: bool
    donor: str
    coverage: float
    patch_side: int
    positions: list[tuple[int, int]]
    clean_score: float
    patched_score: float


class _Seconds(TypedDict):
    examine: float
    maps: float
    spent: float


class _UnderMethod(TypedDict):
    """What a method makes of a pair."""

    index: int
    is_match: bool
    scores: list[float]
    average_precision: float | None
    seconds: _Seconds


class _Deleted(TypedDict):
    """What a method's order does to a clean pair; see `Occlusion`."""

    index: int
    is_match: bool
    curves: dict[str, list[float]]
    top: dict[str, float]
    seconds: _Seconds


class _Checked(TypedDict):
    """What the checks measured; None where they could not."""

    index: int
    consistency: float | None
    randomised: float | None
    seconds: _Seconds


# By the first part of the name of records.
_BY_PROTOCOL: dict[str, Any] = {"deletion/": _Deleted, "checks/": _Checked}


class Work(WorkFolder):
    """Finished work of a benchmark. A file is there whole or not at all, also when the process is killed."""

    def record(self, label: str, index: int) -> Record | None:
        """The record of a pair under a method, named by `Method.records` (`BASE`: of the pair itself); None when it is
        still to be done.

        Raises:
            OutputError: it is damaged.
        """
        path = self._record_path(label, index)
        if label != BASE:
            kind = next((kind for start, kind in _BY_PROTOCOL.items() if label.startswith(start)), _UnderMethod)
            return _record(read_json(path, kind))
        found = read_json(path, _AnyPair)
        return _record(read_json(path, _Pair) if found and found["face"] else found)

    def has(self, label: str, index: int) -> bool:
        """Whether that record is there."""
        return self._record_path(label, index).exists()

    def keep(self, label: str, index: int, record: Record) -> None:
        """Write a record."""
        write_whole(self._record_path(label, index), json.dumps(record))

    def embeddings(self, paths: Sequence[Path]) -> dict[Path, np.ndarray] | None:
        """float32 (D,) by path of images embedded before together; None when they are still to be done."""
        try:
            with np.load(self._embeddings_path(paths), allow_pickle=False) as stored:
                return dict(zip((paths[i] for i in stored["found"]), stored["rows"], strict=True))
        except Exception:  # absent, or damaged in one of the many ways numpy complains of
            return None

    def keep_embeddings(self, paths: Sequence[Path], rows: Mapping[Path, np.ndarray]) -> None:
        """Write the embeddings of images that were embedded together; those without a face are not in `rows`."""
        found = [i for i, path in enumerate(paths) if path in rows]
        stacked = np.stack([rows[paths[i]] for i in found]) if found else np.zeros((0, 0), dtype=np.float32)
        columns = {"found": np.array(found, dtype=np.int64), "rows": stacked}
        write_whole(self._embeddings_path(paths), lambda part: np.savez(part, allow_pickle=False, **columns))

    def _record_path(self, label: str, index: int) -> Path:
        return self.folder / "records" / label / f"{index:05d}.json"

    def _embeddings_path(self, paths: Sequence[Path]) -> Path:
        # By file name, not by folder: the copy of LFW may have moved between two runs.
        names = "\n".join(path.name for path in paths)
        return self.folder / "embeddings" / f"{hashlib.sha256(names.encode()).hexdigest()[:32]}.npz"


def _record(found: Mapping[str, Any] | None) -> Record | None:
    return None if found is None else dict(found)


def check_label(label: str) -> str:
    """The label of a method, which names a folder; DataError unless it is plain."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label) or label == BASE:
        raise DataError(f"{label!r} cannot name a method. Use letters, digits, dots, dashes and underscores.")
    return label
