"""The budget of decoding: what a file may cost, told by its structure before a pixel is decoded."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Literal

from xssab_core.errors import PhotoError

MAX_SECONDS = 8.0
# A progressive photograph has about 10; each costs one pass over the whole picture.
MAX_SCANS = 40
# Segments of a JPEG, chunks of a PNG, strips or tiles of a TIFF.
MAX_PARTS = 100_000

_CURE = "Save it anew as a plain JPEG or PNG and try again."
_JPEG, _PNG, _TIFF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*")
# Pillow takes these for TIFF as well: files beyond 4 GiB, and wrong byte orders.
_UNUSUAL_TIFF = (b"II+\0", b"MM\0+", b"II\0*", b"MM*\0")
# What follows 0xFF inside compressed JPEG data: a stuffed zero, a restart or another 0xFF.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
# JFIF's density and Adobe's colour transform stay: they change what the pixels are.
_JPEG_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_PNG_METADATA = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"tIME", b"pHYs"})
_TIFF_STRIPS, _TIFF_TILES = 273, 324
_TIFF_ENTRY = 12


class Metered(io.BytesIO):
    """The bytes of a file, whose reading ends with a PhotoError once the thread has worked on them for too long.

    Pillow reads piece by piece while it parses and decodes, so the time is looked at often. Time spent waiting for
    other work on the machine does not count.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._deadline = time.thread_time() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        """As `io.BytesIO.read`."""
        if time.thread_time() > self._deadline:
            raise PhotoError(f"takes more than {MAX_SECONDS:.0f} seconds to decode. {_CURE}")
        return super().read(size)


def check_structure(data: bytes) -> None:
    """Refuse a file whose structure costs far more than a photograph does.

    Raises:
        PhotoError: too many scans or parts; the text follows the name of the file.
    """
    if data.startswith(_JPEG):
        scans = sum(marker == _START_OF_SCAN for marker, _, _ in _segments(data))
        if scans > MAX_SCANS:
            raise _too_many("scans", MAX_SCANS)
    elif data.startswith(_PNG):
        for _ in _chunks(data):
            pass
    elif data.startswith(_TIFF) and _pieces(data) > MAX_PARTS:
        raise _too_many("strips or tiles", MAX_PARTS)
    elif data.startswith(_UNUSUAL_TIFF):
        raise PhotoError(f"a TIFF of an unusual kind, such as BigTIFF. {_CURE}")


def without_metadata(data: bytes) -> bytes:
    """A JPEG or PNG file without comments, EXIF, XMP and colour profile, which decodes to the same pixels; any other
    file as it is."""
    if data.startswith(_JPEG):
        left_out = [(start, end) for marker, start, end in _segments(data) if marker in _JPEG_METADATA]
    elif data.startswith(_PNG):
        left_out = [(start, end) for kind, start, end in _chunks(data) if kind in _PNG_METADATA]
    else:
        return data
    starts = [0, *(end for _, end in left_out)]
    ends = [*(start for start, _ in left_out), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of a JPEG up to the end of its image; compressed data are passed over."""
    position = len(_JPEG)
    for _ in range(MAX_PARTS):
        found = _JPEG_MARKER.search(data, position)
        if found is None or data[found.start() + 1] == _END_OF_IMAGE:
            return
        start = found.start()
        position = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))
        yield data[start + 1], start, position
    raise _too_many("segments", MAX_PARTS)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk of a PNG."""
    position = len(_PNG)
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            return
        start, kind = position, data[position + 4 : position + 8]
        position = start + 12 + int.from_bytes(data[start : start + 4], "big")
        yield kind, start, position
    raise _too_many("chunks", MAX_PARTS)


def _pieces(data: bytes) -> int:
    """How many strips or tiles the first page of a TIFF has."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], order)

    page = number(4, 4)
    entries = range(page + 2, page + 2 + number(page, 2) * _TIFF_ENTRY, _TIFF_ENTRY)
    return max((number(at + 4, 4) for at in entries if number(at, 2) in (_TIFF_STRIPS, _TIFF_TILES)), default=0)


def _too_many(what: str, limit: int) -> PhotoError:
    return PhotoError(f"has more than {limit:,} {what}, far more than a photograph needs. {_CURE}")
