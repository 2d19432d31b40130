"""The ZIP of a case file: its manifest, and how one from a stranger is read.

Nothing is ever written to disk or run. What no case file has (escaping names, links, encryption, archives within,
bombs) is refused before a member is unpacked; what was changed since the case was made is named.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xssab_core.casefile.format import CASE, MANIFEST, CaseFile, read_case
from xssab_core.errors import DataError
from xssab_core.files import decoded, is_encrypted, is_plainly_packed, npy_array, zip_entries
from xssab_core.report import zipped

MAX_BYTES = 256 * 2**20
MAX_MEMBERS = 500
MAX_MEMBER_BYTES = 64 * 2**20
# JSON grows many times when it is read.
MAX_JSON_BYTES = 2 * 2**20
# Text and SVG shrink about 20 times; small members may by chance shrink more.
MAX_RATIO = 100
_ALWAYS_SMALL = 2**20
_MAX_SIDE = 1024
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*){0,3}")
_ZIP = b"PK\x03\x04"
_MAPS = ".npz"
_UNSEALED = f"{MANIFEST} was changed"


def sealed(files: Mapping[str, bytes]) -> bytes:
    """The ZIP of a case: the files and the manifest of their digests."""
    return zipped({**files, MANIFEST: manifest_json({name: _sha256(data) for name, data in files.items()})})


def manifest_json(members: Mapping[str, str]) -> bytes:
    """The one form of a manifest of SHA-256 digests by member; it carries a digest of itself, so that a changed byte
    in it is told from one in a member."""
    listed = json.dumps(members, sort_keys=True, indent=1)
    return json.dumps({"members": members, "seal": _sha256(listed.encode())}, sort_keys=True, indent=1).encode()


def seal_of(archive: bytes) -> str:
    """SHA-256 of the manifest of an archive that `sealed` made: note it elsewhere, and every byte is fixed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return _sha256(opened.read(MANIFEST))


@dataclass(frozen=True, eq=False)
class Archive:
    """A case file that was read.

    Attributes:
        members: the bytes of each whole member by its name.
        case: what case.json says.
        problems: sentences that name each member which is not as it was; empty where the manifest holds.
        seal: SHA-256 of the manifest.
    """

    members: dict[str, bytes]
    case: CaseFile
    problems: tuple[str, ...]
    seal: str


def read_archive(source: Path | bytes) -> Archive:
    """Read the ZIP of a case file.

    Args:
        source: its path or its bytes.

    Raises:
        DataError: it is no ZIP of a case file, or holds what none does.
    """
    members, damaged = _members(_bytes_of(source))
    for needed in (MANIFEST, CASE):
        if needed in damaged or needed not in members:
            what = "is damaged" if needed in damaged else "is missing"
            raise DataError(f"{needed} {what}, so this is no whole case file. Get a fresh copy of the ZIP.")
    problems = _problems(members, damaged)
    try:
        case = read_case(members[CASE])
    except DataError as error:
        raise DataError(" ".join([*(f"{problem}." for problem in problems), str(error)])) from error
    return Archive(members, case, problems, _sha256(members[MANIFEST]))


def read_maps(data: bytes) -> dict[str, np.ndarray]:
    """Maps by name from an npz, float32 (S, S).

    Raises:
        DataError: it holds anything else.
    """
    members, damaged = _members(data)
    if damaged:
        raise DataError("The maps are damaged. Get a fresh copy of the ZIP.")
    return {name.removesuffix(".npy"): _map(raw) for name, raw in members.items()}


def _map(data: bytes) -> np.ndarray:
    try:
        values = npy_array(data)
        if values.dtype != np.float32 or values.ndim != 2 or max(values.shape) > _MAX_SIDE:
            raise ValueError("it is not float32 (S, S)")
    except ValueError as error:
        raise DataError(f"A map is none ({error}). Get a fresh copy of the ZIP.") from error
    if not np.isfinite(values).all():
        raise DataError("A map has values that are not finite. Get a fresh copy of the ZIP.")
    return values


def _bytes_of(source: Path | bytes) -> bytes:
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > MAX_BYTES:
            raise _refused(f"it has more than {MAX_BYTES // 2**20} MiB")
        return source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror or error}). Check the path.") from error


def _members(data: bytes) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The members of a ZIP, and the names of those that are damaged."""
    if zip_entries(data) > 4 * MAX_MEMBERS:  # maps are archives of their own
        raise _refused("it has too many members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            listed = [info for info in opened.infolist() if not _is_folder(info)]
            _check(listed)
            read = {info.filename: _read(opened, info) for info in listed}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as error:
        raise DataError("The file is no ZIP, or is damaged beyond reading. Get a fresh copy of it.") from error
    members = {name: content for name, content in read.items() if content is not None}
    nested = [name for name, content in members.items() if content.startswith(_ZIP) and not name.endswith(_MAPS)]
    if nested:
        raise _refused(f"{nested[0]} is an archive within it")
    return members, tuple(name for name, content in read.items() if content is None)


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """The entry of a folder, which some packers add: it holds nothing."""
    return bool(_NAME.fullmatch(info.filename.removesuffix("/"))) and info.is_dir() and not info.file_size


def _check(listed: list[zipfile.ZipInfo]) -> None:
    """Refuse what no case file has, by what the list of members says."""
    if len(listed) > MAX_MEMBERS:
        raise _refused(f"it has more than {MAX_MEMBERS} members")
    for info in listed:
        _check_member(info)
    names = [info.filename.lower() for info in listed]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise _refused(f"{twice} is in it twice")
    if sum(info.file_size for info in listed) > MAX_BYTES:
        raise _refused(f"it would unpack to more than {MAX_BYTES // 2**20} MiB")


def _check_member(info: zipfile.ZipInfo) -> None:
    # zipfile cuts names at a zero byte; what the file says is looked at.
    if len(info.orig_filename) > 200 or not _NAME.fullmatch(info.orig_filename):
        raise _refused(f"{info.orig_filename[:60]!r} is no name of a member: it could lead out of the archive")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and not stat.S_ISREG(kind):
        raise _refused(f"{info.filename} is a link or a device, not a file")
    if is_encrypted(info):
        raise _refused(f"{info.filename} is encrypted")
    if not is_plainly_packed(info):
        raise _refused(f"{info.filename} is packed in a way that no case file uses")
    most = MAX_JSON_BYTES if info.filename.endswith(".json") else MAX_MEMBER_BYTES
    if info.file_size > most:
        size = f"{info.file_size / 2**20:,.0f} MiB; at most {most // 2**20} MiB are read"
        raise _refused(f"{info.filename} has {size}")
    if info.file_size > max(_ALWAYS_SMALL, MAX_RATIO * info.compress_size):
        raise _refused(f"{info.filename} would grow more than {MAX_RATIO} times when unpacked")


def _read(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a member, no more than its size; None where they are damaged."""
    try:
        return opened.read(info)
    except Exception:  # zlib, zipfile and struct raise many kinds on damaged data
        return None


def _problems(members: Mapping[str, bytes], damaged: tuple[str, ...]) -> tuple[str, ...]:
    """What differs from the manifest, one sentence a member."""
    try:
        listed = decoded(members[MANIFEST], dict[str, dict[str, str] | str])["members"]
        intact = isinstance(listed, dict) and manifest_json(listed) == members[MANIFEST]
    except (ValueError, KeyError):
        intact, listed = False, {}
    if not intact or not isinstance(listed, dict):
        return (_UNSEALED, *(f"{name} is damaged" for name in damaged))
    found = {name: _sha256(data) for name, data in members.items() if name != MANIFEST}
    return (
        *(f"{name} is damaged" for name in damaged),
        *(f"{name} was changed" for name in found if name in listed and found[name] != listed[name]),
        *(f"{name} was added" for name in found if name not in listed),
        *(f"{name} is missing" for name in listed if name not in found and name not in damaged),
    )


def _refused(reason: str) -> DataError:
    return DataError(f"This ZIP was not read: {reason}. Use the case file as it was made.")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
