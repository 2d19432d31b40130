"""Where a triage keeps what it finished: an output folder, from which it goes on after a kill, or memory."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from xssab_core.files import WorkFolder, write_whole

WORK = "work"


class Store(Protocol):
    """Files by name, each there whole or not at all."""

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Keep other runs out."""
        ...

    def claim(self, settings: dict[str, Any]) -> None:
        """Tie the files to settings: OutputError where they were made with others."""
        ...

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where it is absent."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file; OutputError where that fails."""
        ...


@dataclass(frozen=True)
class FolderStore:
    """Files in an output folder; those that only a later run needs lie in `work`."""

    folder: Path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """See `Store`."""
        with WorkFolder(self.folder / WORK).held():
            yield

    def claim(self, settings: dict[str, Any]) -> None:
        """See `Store`."""
        WorkFolder(self.folder / WORK).claim("settings", settings)

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """See `Store`."""
        write_whole(self.folder / name, data)


@dataclass(frozen=True, eq=False)
class MemoryStore:
    """Files in memory, for photographs that must not reach a disk."""

    files: dict[str, bytes] = field(default_factory=dict)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """See `Store`."""
        yield

    def claim(self, settings: dict[str, Any]) -> None:
        """See `Store`."""

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        """See `Store`."""
        self.files[name] = data

    def packed(self) -> bytes:
        """All but `work` as one ZIP file."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in self.files.items():
                if not name.startswith(f"{WORK}/"):
                    archive.writestr(name, data)
        return buffer.getvalue()

    @classmethod
    def unpacked(cls, data: bytes) -> MemoryStore:
        """What `packed` made, of this process's own making."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return cls({name: archive.read(name) for name in archive.namelist()})


def crop_name(sha256: str, face: int) -> str:
    """The file that holds the crop of a face of a photograph, as PNG."""
    return f"crops/{sha256[:2]}/{sha256}-{face}.png"
