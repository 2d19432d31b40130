"""What the file of a photograph says beside its pixels: its EXIF, and whether it says where it was taken."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from xssab_core.faces.photo import FORMATS

# More tags than any camera writes, and longer than any text of use.
MOST_TAGS = 200
MOST_LETTERS = 120
_EXIF, _GPS = 0x8769, 0x8825
_POINTERS = {_EXIF, _GPS, 0xA005}


@dataclass(frozen=True)
class Tags:
    """EXIF of a file.

    Attributes:
        values: text by name of the tag, without places; long values are cut, bytes are counted.
        has_gps: whether EXIF or XMP say where it was taken; the place itself is not repeated.
        readable: whether all of it could be read.
    """

    values: dict[str, str]
    has_gps: bool
    readable: bool


def tags_of(data: bytes) -> Tags:
    """The EXIF of an image file that `open_photo` has read; never raises, however odd it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            exif = image.getexif()
            found = dict(_named(exif.items()))
            found |= dict(_named(exif.get_ifd(_EXIF).items()))
            has_gps = bool(exif.get_ifd(_GPS)) or b"GPSL" in _xmp(image)
    except Exception:  # as many kinds as for pixels
        return Tags({}, b"GPSL" in data, False)
    return Tags(dict(list(found.items())[:MOST_TAGS]), has_gps, True)


def _named(tags: Any) -> Iterator[tuple[str, str]]:
    for number, value in tags:
        if number not in _POINTERS:
            yield ExifTags.TAGS.get(number, f"0x{number:04X}"), _text(value)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = str(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found.encode() if isinstance(found, str) else bytes(found)
