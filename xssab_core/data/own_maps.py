"""Maps that others made, one file a pair: in a folder, or in a ZIP from anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from xssab_core.data.zip_files import ZipFiles
from xssab_core.errors import DataError
from xssab_core.files import npy_array

_SUFFIX = ".npy"


class Maps(Protocol):
    """Maps by the ids of pairs. Equal ones have equal hashes."""

    @property
    def title(self) -> str:
        """Where they are, as a phrase."""
        ...

    @property
    def identity(self) -> str:
        """What tells them from others."""
        ...

    def read(self, pair_id: str, size: int) -> np.ndarray | None:
        """float64 (size, size) signed map of a pair, positive = similar; None where there is none.

        Raises:
            DataError: it is not a map of that size with finite values.
        """
        ...


@dataclass(frozen=True)
class FolderOfMaps:
    """A folder of `<pair id>.npy`."""

    folder: Path

    @property
    def title(self) -> str:
        """See `Maps`."""
        return f"the folder {self.folder.name}"

    @property
    def identity(self) -> str:
        """See `Maps`."""
        return str(self.folder)

    def read(self, pair_id: str, size: int) -> np.ndarray | None:
        """See `Maps`."""
        path = self.folder / f"{pair_id}{_SUFFIX}"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error
        return _map(data, str(path), size)


class _Files(ZipFiles):
    # More than any map of a network's input needs.
    limit = 8 * 2**20
    advice = "Save each map as an array of its own with numpy.save."


@dataclass(frozen=True)
class ZipOfMaps:
    """A ZIP of `<pair id>.npy`, from anybody.

    Attributes:
        name: of the file.
        sha256: of its bytes.
    """

    name: str
    sha256: str
    _names: Mapping[str, str] = field(repr=False, compare=False)
    _files: _Files = field(repr=False, compare=False)

    @property
    def ids(self) -> frozenset[str]:
        """Of the pairs that files in it are named after."""
        return frozenset(self._names)

    @property
    def title(self) -> str:
        """See `Maps`."""
        return self.name

    @property
    def identity(self) -> str:
        """See `Maps`."""
        return self.sha256

    def read(self, pair_id: str, size: int) -> np.ndarray | None:
        """See `Maps`."""
        name = self._names.get(pair_id)
        return None if name is None else _map(self._files(name), name, size)


def zip_of_maps(data: bytes, name: str) -> ZipOfMaps:
    """The maps in a ZIP; nothing of them is read yet.

    Raises:
        DataError: it is no ZIP file, holds too many files, none that is named as a map, or two of one name.
    """
    files = _Files(data, name)
    listed = [each for each in sorted(files.names) if each.endswith(_SUFFIX)]
    names = {PurePosixPath(each).name.removesuffix(_SUFFIX): each for each in listed}
    if not names:
        raise DataError(f"{name} holds no .npy file. Save each map with numpy.save as <pair id>.npy, and pack them.")
    if len(names) < len(listed):
        raise DataError(f"{name} has maps of the same name in several folders. Pack one map of each pair.")
    return ZipOfMaps(name, hashlib.sha256(data).hexdigest(), names, files)


def _map(data: bytes, name: str, size: int) -> np.ndarray:
    try:
        values = npy_array(data)
    except ValueError as error:
        raise DataError(f"{name} is not a .npy array ({error}). Save each map with numpy.save.") from error
    if values.shape == (size, size) and values.dtype.kind in "fiu":
        with np.errstate(over="ignore"):
            numbers = values.astype(np.float64)
        if np.isfinite(numbers).all():
            return numbers
    raise DataError(
        f"{name}: a map is a finite array of shape ({size}, {size}), positive where the faces are similar, "
        f"not {values.dtype} {values.shape}."
    )
