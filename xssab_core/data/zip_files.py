"""Files in a ZIP from anybody: read one at a time into memory, never unpacked, with limits."""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar, Final

from xssab_core.errors import DataError, XssabError
from xssab_core.files import is_encrypted, is_plainly_packed, zip_entries

MAX_MEMBERS: Final = 20_000
# What a Mac packs beside the files, under names like theirs.
_BESIDE = "__MACOSX/"


class ZipFiles:
    """The files of a ZIP by name.

    Where all of them lie in one folder, they are found with that folder and without it. Names are looked up and never
    become paths, so that none of them leads anywhere.

    Args:
        data: the complete bytes of the file.
        name: what it is called in errors.

    Attributes:
        names: of its files, as they stand in it.
        limit: bytes of one file; larger ones are refused.
        advice: what then would help.
        error: raised where a file cannot be had.

    Raises:
        DataError: it is no ZIP file, or holds more than `MAX_MEMBERS` files.
    """

    limit: ClassVar[int]
    advice: ClassVar[str]
    error: ClassVar[type[XssabError]] = DataError

    def __init__(self, data: bytes, name: str) -> None:
        if zip_entries(data) > MAX_MEMBERS:
            raise DataError(f"{name} holds more than {MAX_MEMBERS:,} files. Split it and try again.")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, OverflowError) as error:
            raise DataError(f"{name} is not a ZIP file, or is damaged. Make it again.") from error
        members = {_plain(info.filename): info for info in self._archive.infolist() if not info.is_dir()}
        self._members = {path: info for path, info in members.items() if not path.startswith(_BESIDE)}
        self.names = frozenset(self._members)
        tops = {path.partition("/")[0] for path in self._members}
        if len(tops) == 1:
            self._members |= {path.partition("/")[2]: info for path, info in self._members.items() if "/" in path}

    def __call__(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            DataError: there is none of that name.
            `error`: it is larger than `limit`, encrypted or damaged.
        """
        info = self._members.get(_plain(name))
        if info is None:
            raise DataError(f"{name[:200]!r} is not in the ZIP file.")
        if is_encrypted(info) or not is_plainly_packed(info):
            raise self.error(f"{name}: is encrypted or packed in a way that is not read here. Pack it as plain ZIP.")
        try:
            with self._archive.open(info) as file:
                data = file.read(self.limit + 1)
        except Exception as error:  # zlib, zipfile and struct raise many kinds on damaged data
            raise self.error(f"{name}: is damaged inside the ZIP file. Pack it again.") from error
        if len(data) > self.limit:
            raise self.error(f"{name}: larger than {self.limit // 2**20} MiB. {self.advice}")
        return data


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")
