"""Files: written whole or not at all, also when the process is killed or several write the same file; JSON read as
values of a type; what may be read of a ZIP or an array from anybody."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import secrets
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy

from xssab_core import paths
from xssab_core.errors import Cure, OutputError

T = TypeVar("T")
_COMPLAINT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<key>.*)`", re.DOTALL)
_ZIP_ENTRY = b"PK\x01\x02"
_ZIP_ENCRYPTED = 0x1 | 0x40 | 0x2000
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NPY_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def write_whole(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file so that readers see what was there before or all that is new; its folder is made where absent.

    Args:
        path: the file.
        content: its bytes, its text (UTF-8), or a function that writes the path it is given.

    Raises:
        OutputError: the file cannot be written; what was there before still is.
    """
    # The suffix stays, because some writers choose the format by it.
    part = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(part)
        elif isinstance(content, str):
            part.write_text(content, encoding="utf-8")
        else:
            part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def keep_if_possible(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    """`write_whole` for what can be made again: a full or read-only disk costs only speed."""
    with contextlib.suppress(OutputError):
        write_whole(path, content)


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, each whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    for name, data in files.items():
        write_whole(folder / name, data)


@contextlib.contextmanager
def held(folder: Path, timeout: float = -1) -> Iterator[None]:
    """Hold a folder against other processes; makes it where it is absent.

    Args:
        folder: what is held.
        timeout: seconds to wait for others; negative waits for as long as it takes.

    Raises:
        OutputError: the folder cannot be written.
        TimeoutError: another process still holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=timeout)
        lock.acquire()
    except Timeout as error:
        raise TimeoutError(f"{folder} is in use") from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error that tells a reader that a path cannot be written, and what to do."""
    in_store = paths.home() in path.parents
    where = "set XSSAB_HOME to a folder that can be written" if in_store else "choose a folder that can be written"
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}). Free some space, or {where}. What was finished before "
        "is kept.",
        None if in_store else Cure("output"),
    )


@dataclass(frozen=True)
class WorkFolder:
    """Finished work of one kind of run, so that it goes on where it was stopped.

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
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(self.folder, timeout=0))
            except TimeoutError as error:
                raise OutputError(
                    f"Another run is writing to {self.folder.parent}. Wait for it, or choose another folder.",
                    Cure("output"),
                ) from error
            yield

    def claim(self, name: str, settings: dict[str, Any]) -> None:
        """Tie the folder to settings: the first call writes them, later ones compare.

        Raises:
            OutputError: the folder holds work done with other settings.
        """
        path = self.folder / f"{name}.json"
        settings = json.loads(json.dumps(settings))
        before = read_json(path, dict[str, Any])
        if before is None:
            write_whole(path, json.dumps(settings, indent=1))
        elif before != settings:
            changed = sorted(key for key in before | settings if before.get(key) != settings.get(key))
            told = ", ".join(f"{key}: {before.get(key)!r} then, {settings.get(key)!r} now" for key in changed)
            raise OutputError(
                f"{self.folder.parent} holds work done with other settings ({told}). "
                "Choose another folder, or delete that one.",
                Cure("output"),
            )


def read_json(path: Path, kind: type[T]) -> T | None:
    """What a file of our own holds, as that type (see `decoded`); None where it is absent.

    Raises:
        OutputError: it is damaged.
    """
    try:
        return decoded(path.read_bytes(), kind)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is damaged ({error}). Delete it and start again.") from error


def decoded(data: bytes | str, kind: type[T]) -> T:
    """JSON as a value of that type, all of it checked; keys that the type does not have are passed over.

    Args:
        data: UTF-8. NaN and Infinity are not JSON.
        kind: a type that msgspec can read, such as a dataclass.

    Raises:
        ValueError: a phrase that names what is missing or wrong, and where: "methods[2].curves.fmr is missing".
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(_phrase(str(error))) from error
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error


def _phrase(complaint: str) -> str:
    """What msgspec complains about, the place first."""
    found = _COMPLAINT.fullmatch(complaint)
    assert found is not None  # it matches any text
    what, where = found["what"].replace("`", ""), found["where"] or ""
    missing = _MISSING.fullmatch(found["what"])
    if missing:
        return f"{where}.{missing['key']} is missing".lstrip(".")
    return f"{where}: {what[0].lower()}{what[1:]}" if where else what


def zip_entries(data: bytes) -> int:
    """At least as many as the members of a ZIP from anybody: to be looked at before the list of them is read, which
    would fill the memory."""
    return data.count(_ZIP_ENTRY)


def is_encrypted(info: zipfile.ZipInfo) -> bool:
    """Whether a member of a ZIP, or its name, is encrypted in any of the ways there are."""
    return bool(info.flag_bits & _ZIP_ENCRYPTED)


def is_plainly_packed(info: zipfile.ZipInfo) -> bool:
    """Whether a member of a ZIP is stored or deflated, as every program packs it."""
    return info.compress_type in _ZIP_METHODS


def npy_array(data: bytes) -> np.ndarray:
    """The array of an .npy file from anybody, read-only; never a pickle.

    Raises:
        ValueError: a phrase: it is none, or its header promises other than there is.
    """
    stream = io.BytesIO(data)
    try:
        shape, in_columns, dtype = _NPY_HEADERS[npy.read_magic(stream)](stream, max_header_size=1000)
    except Exception as error:  # numpy raises what its parser does, TokenError among it
        raise ValueError("it has no header that is read here") from error
    promised = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or not promised or min(shape, default=1) < 0 or promised != len(data) - stream.tell():
        raise ValueError("its header promises other than there is")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if in_columns else "C")
