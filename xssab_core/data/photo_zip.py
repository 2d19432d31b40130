"""Photographs in a ZIP file from anybody: read one at a time into memory, never unpacked, with limits."""

from __future__ import annotations

import io
import zipfile
from typing import Final

from xssab_core.errors import DataError, PhotoError
from xssab_core.faces.photo import MAX_BYTES
from xssab_core.files import is_encrypted, is_plainly_packed, zip_entries

MAX_MEMBERS: Final = 20_000


class PhotoZip:
    """The files of a ZIP by name.

    Where all of them lie in one folder, they are found with that folder and without it. Names are looked up and never
    become paths, so that none of them leads anywhere.

    Args:
        data: the complete bytes of the file.
        name: what it is called in errors.

    Raises:
        DataError: it is no ZIP file, or holds more than `MAX_MEMBERS` files.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if zip_entries(data) > MAX_MEMBERS:
            raise DataError(f"{name} holds more than {MAX_MEMBERS:,} files. Split it and try again.")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, OverflowError) as error:
            raise DataError(f"{name} is not a ZIP file, or is damaged. Make it again.") from error
        members = [info for info in self._archive.infolist() if not info.is_dir()]
        self._members = {_plain(info.filename): info for info in members}
        tops = {path.partition("/")[0] for path in self._members}
        if len(tops) == 1:
            self._members |= {path.partition("/")[2]: info for path, info in self._members.items() if "/" in path}

    def __call__(self, name: str) -> bytes:
        """The bytes of a photograph.

        Raises:
            DataError: there is none of that name.
            PhotoError: it is larger than `MAX_BYTES`, encrypted or damaged.
        """
        info = self._members.get(_plain(name))
        if info is None:
            raise DataError(f"{name[:200]!r} is not in the ZIP file.")
        if is_encrypted(info) or not is_plainly_packed(info):
            raise PhotoError(f"{name}: is encrypted or packed in a way that is not read here. Pack it as plain ZIP.")
        try:
            with self._archive.open(info) as file:
                data = file.read(MAX_BYTES + 1)
        except Exception as error:  # zlib, zipfile and struct raise many kinds on damaged data
            raise PhotoError(f"{name}: is damaged inside the ZIP file. Pack it again.") from error
        if len(data) > MAX_BYTES:
            raise PhotoError(f"{name}: larger than {MAX_BYTES // 2**20} MiB. Save it at a lower resolution.")
        return data


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")
