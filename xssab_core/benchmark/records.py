"""The work folder of a run: one small file per pair and method, so that a run goes on where it was stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from xssab_core.errors import DataError, OutputError

Record = dict[str, Any]
BASE = "pair"


@dataclass(frozen=True)
class Work:
    """Finished work under a folder. A file is there whole or not at all, also when the process is killed.

    Attributes:
        folder: `work` inside the output folder.
    """

    folder: Path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out.

        Raises:
            OutputError: another run is using the folder, or it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=0):
                yield
        except Timeout as error:
            raise OutputError(
                f"Another run is writing to {self.folder.parent}. Wait for it, or choose another --output."
            ) from error

    def claim(self, name: str, settings: Record) -> None:
        """Tie the folder to settings: the first call writes them, later ones compare.

        Raises:
            OutputError: the folder holds work done with other settings.
        """
        path = self.folder / f"{name}.json"
        settings = json.loads(json.dumps(settings))
        before = _read(path)
        if before is None:
            _write(path, json.dumps(settings, indent=1).encode())
        elif before != settings:
            changed = sorted(key for key in before | settings if before.get(key) != settings.get(key))
            told = ", ".join(f"{key}: {before.get(key)!r} then, {settings.get(key)!r} now" for key in changed)
            raise OutputError(
                f"{self.folder.parent} holds work done with other settings ({told}). "
                "Choose another --output, or delete that folder."
            )

    def record(self, label: str, index: int) -> Record | None:
        """The record of a pair under a method (`BASE`: of the pair itself); None when it is still to be done."""
        return _read(self._record_path(label, index))

    def has(self, label: str, index: int) -> bool:
        """Whether that record is there."""
        return self._record_path(label, index).exists()

    def keep(self, label: str, index: int, record: Record) -> None:
        """Write a record."""
        _write(self._record_path(label, index), json.dumps(record).encode())

    def embeddings(self, paths: Sequence[Path]) -> dict[str, np.ndarray] | None:
        """float32 (D,) by path of images embedded before together; None when they are still to be done."""
        try:
            with np.load(self._embeddings_path(paths), allow_pickle=False) as stored:
                return dict(zip((str(paths[i]) for i in stored["found"]), stored["rows"], strict=True))
        except (OSError, ValueError, KeyError):
            return None

    def keep_embeddings(self, paths: Sequence[Path], rows: dict[str, np.ndarray]) -> None:
        """Write the embeddings of images that were embedded together; those without a face are not in `rows`."""
        target = self._embeddings_path(paths)
        found = [i for i, path in enumerate(paths) if str(path) in rows]
        part = target.with_name(f".{os.getpid()}.part.npz")
        with _telling(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            stacked = np.stack([rows[str(paths[i])] for i in found]) if found else np.zeros((0, 0), dtype=np.float32)
            np.savez(part, found=np.array(found, dtype=np.int64), rows=stacked)
            part.replace(target)

    def _record_path(self, label: str, index: int) -> Path:
        return self.folder / "records" / label / f"{index:05d}.json"

    def _embeddings_path(self, paths: Sequence[Path]) -> Path:
        # By file name, not by folder: the copy of LFW may have moved between two runs.
        names = "\n".join(path.name for path in paths)
        return self.folder / "embeddings" / f"{hashlib.sha256(names.encode()).hexdigest()[:32]}.npz"


def check_label(label: str) -> str:
    """The label of a method, which names a folder; DataError unless it is plain."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label) or label == BASE:
        raise DataError(f"{label!r} cannot name a method. Use letters, digits, dots, dashes and underscores.")
    return label


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}). Free some space and run the same command again: "
            "finished work is kept."
        ) from error


def _read(path: Path) -> Record | None:
    try:
        found: Record = json.loads(path.read_text())
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is damaged. Delete it and run the same command again.") from error


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
