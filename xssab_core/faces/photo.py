"""Decode: bytes -> an upright RGB photograph that remembers where it came from."""

from __future__ import annotations

import contextlib
import hashlib
import math
import warnings
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from xssab_core.errors import PhotoError
from xssab_core.faces.colours import to_rgb
from xssab_core.faces.decoding import Metered, check_structure, without_metadata

MAX_BYTES = 50 * 2**20
MAX_PIXELS = 60_000_000
MIN_SIDE = 32
# Longer strips than this leave nothing to see at the size at which faces are looked for.
MAX_ASPECT = 50
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
# What a file that the decoder takes may be called; phones give the name of HEIC to JPEG files as well.
SUFFIXES = (
    *("jpg", "jpeg", "jpe", "jfif", "mpo", "heic", "heif", "png", "webp", "bmp", "tif", "tiff", "gif"),
    *("ppm", "pgm", "pbm", "pnm"),
)
TURNS = (90, 180, 270)
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph.

    Attributes:
        name: file name, or a label given by the caller; for display only.
        pixels: uint8 (H, W, 3) RGB, upright, read-only.
        sha256: hex digest of the original bytes, the identity of the photograph.
        format: container format as decoded ("JPEG", "PNG", ...).
        exif_orientation: 1..8 as stored in the file (1 = stored upright); already applied to `pixels`.
        notes: sentences on conversions that changed pixel values (CMYK, 16 bit, transparency, colour profile), and on
            metadata that could not be read.
        turn: degrees clockwise, 0, 90, 180 or 270, by which the user had it turned.
        data: the bytes of the file; empty where the pixels came from elsewhere.
    """

    name: str
    pixels: np.ndarray
    sha256: str
    format: str
    exif_orientation: int = 1
    notes: tuple[str, ...] = ()
    turn: int = 0
    data: bytes = field(default=b"", repr=False)

    @property
    def key(self) -> Hashable:
        """Equal for equal pixels."""
        return self.sha256, self.turn

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, upright."""
        return self.pixels.shape[1], self.pixels.shape[0]


def open_photo(source: str | Path | bytes, name: str | None = None) -> Photo:
    """Read a photograph from a path or from its bytes.

    Args:
        source: a path, or the complete bytes of an image file.
        name: label for display; the file name when `source` is a path.

    Raises:
        PhotoError: unreadable, damaged, animated, too large, too small, too costly to decode, or of an unsupported
            format.
    """
    if isinstance(source, bytes):
        data, name = source, name or "photograph"
    else:
        path = Path(source)
        name = name or path.name
        data = read_bytes(path)
    if len(data) > MAX_BYTES:
        raise PhotoError(_too_many_bytes(name))
    return _decode(data, name)


def read_bytes(path: Path) -> bytes:
    """The file of a photograph; PhotoError where it cannot be read or is too large for one."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PhotoError(_too_many_bytes(path.name))
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error


def _too_many_bytes(name: str) -> str:
    return f"{name}: larger than {MAX_BYTES // 2**20} MiB. Save it at a lower resolution and try again."


def turned(photo: Photo, degrees: int) -> Photo:
    """The photograph turned clockwise.

    Args:
        photo: stays as it is.
        degrees: 0, 90, 180 or 270.

    Raises:
        PhotoError: another angle.
    """
    if degrees not in (0, *TURNS):
        raise PhotoError(f"{photo.name}: a photograph is turned by 90, 180 or 270 degrees, not by {degrees}.")
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, -degrees // 90))
    pixels.setflags(write=False)
    return replace(photo, pixels=pixels, turn=(photo.turn + degrees) % 360)


def _decode(data: bytes, name: str) -> Photo:
    with _errors_as_sentences(name):
        check_structure(data)
        image, notes = _loaded(data)
        orientation, odd = _orientation(image)
        if orientation in _UPRIGHT:
            image = _transposed(image, orientation)
        pixels, changes = to_rgb(image)
    pixels.setflags(write=False)
    return Photo(
        name=name,
        pixels=pixels,
        sha256=hashlib.sha256(data).hexdigest(),
        format=image.format or "unknown",
        exif_orientation=orientation,
        notes=changes + notes + odd,
        data=data,
    )


@contextlib.contextmanager
def _errors_as_sentences(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Our own pixel limit is the one that speaks to the user.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except PhotoError as error:
        raise PhotoError(f"{name}: {error}") from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name}: not an image this tool can read. Save it as JPEG, PNG, WebP, TIFF or BMP and try again."
        ) from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{name}: {_TOO_MANY_PIXELS}") from error
    except MemoryError as error:
        raise PhotoError(
            f"{name}: takes more memory to decode than there is. Scale it down, or save it with 8 bits a channel, then "
            "try again."
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files.
        raise PhotoError(
            f"{name}: the file is damaged or cut short and cannot be decoded. Get a fresh copy of it."
        ) from error


_ODD_METADATA = "Metadata in the file could not be read in full; the pixels are whole."
_TOO_MANY_PIXELS = (
    f"more than {MAX_PIXELS // 1_000_000} megapixels. Crop it around the face or scale it down, then try again."
)


def _loaded(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """The decoded image; where its metadata stand in the way, without them and with a note that says so."""
    try:
        return _opened(data), ()
    except (PhotoError, MemoryError):
        raise
    except Exception:
        plain = without_metadata(data)
        if plain == data:
            raise
        return _opened(plain), (_ODD_METADATA,)


def _opened(data: bytes) -> Image.Image:
    image = Image.open(Metered(data), formats=FORMATS)
    _check_before_decoding(image)
    image.load()
    return image


def _check_before_decoding(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(_TOO_MANY_PIXELS)
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            f"{width} x {height} pixels is too small; at least {MIN_SIDE} pixels a side are needed. "
            "Use a larger version of the photograph."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(
            f"{width} x {height} pixels is more than {MAX_ASPECT} times as long as wide. Crop it around the face and "
            "try again."
        )
    # An MPO (opened by the JPEG reader) is a phone's JPEG with a preview attached: its first frame is the photograph.
    # Frames are not counted: a file of a megabyte may hold a hundred thousand.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise PhotoError("holds at least 2 frames or pages. Save the one you mean as a PNG and open that.")


def _orientation(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    """1..8 as stored, 1 where nothing sensible is; with a note where metadata made no sense."""
    try:
        exif = image.getexif()
        stored = exif.get(_EXIF_ORIENTATION, 1)
        values = list(exif.values())
    except Exception:  # as many kinds as for pixels
        return 1, (_ODD_METADATA,)
    senseless = any(isinstance(value, TiffImagePlugin.IFDRational) and not math.isfinite(value) for value in values)
    orientation = int(stored) if stored in range(1, 9) else 1
    return orientation, (_ODD_METADATA,) if senseless else ()


def _transposed(image: Image.Image, orientation: int) -> Image.Image:
    upright = image.transpose(_UPRIGHT[orientation])
    # What the pixels mean goes with them.
    upright.info, upright.format = image.info, image.format
    return upright
