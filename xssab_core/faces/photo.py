"""Decode: bytes -> an upright RGB photograph that remembers where it came from."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from xssab_core.errors import PhotoError

MAX_BYTES = 50 * 2**20
MAX_PIXELS = 60_000_000
MIN_SIDE = 32
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph.

    Attributes:
        name: file name, or a label given by the caller; for display only.
        pixels: uint8 (H, W, 3) RGB, upright, read-only.
        sha256: hex digest of the original bytes, the identity of the photograph.
        format: container format as decoded ("JPEG", "PNG", ...).
        exif_orientation: 1..8 as stored in the file (1 = stored upright); already applied to `pixels`.
        notes: sentences on conversions that changed pixel values (CMYK, 16 bit, transparency).
    """

    name: str
    pixels: np.ndarray
    sha256: str
    format: str
    exif_orientation: int = 1
    notes: tuple[str, ...] = ()

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
        PhotoError: unreadable, damaged, animated, too large, too small, or of an unsupported format.
    """
    if isinstance(source, bytes):
        data, name = source, name or "photograph"
    else:
        path = Path(source)
        name = name or path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise PhotoError(_too_many_bytes(name))
            data = path.read_bytes()
        except OSError as error:
            raise PhotoError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error
    if len(data) > MAX_BYTES:
        raise PhotoError(_too_many_bytes(name))
    return _decode(data, name)


def _too_many_bytes(name: str) -> str:
    return f"{name}: larger than {MAX_BYTES // 2**20} MiB. Save it at a lower resolution and try again."


def _decode(data: bytes, name: str) -> Photo:
    try:
        with warnings.catch_warnings():
            # Our own pixel limit below is the one that speaks to the user.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_before_decoding(image, name)
            image.load()
            orientation = int(image.getexif().get(_EXIF_ORIENTATION, 1) or 1)
            upright = ImageOps.exif_transpose(image)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name}: not an image this tool can read. Save it as JPEG, PNG, WebP, TIFF or BMP and try again."
        ) from error
    except Image.DecompressionBombError as error:
        raise PhotoError(_too_many_pixels(name)) from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files.
        raise PhotoError(
            f"{name}: the file is damaged or cut short and cannot be decoded. Get a fresh copy of it."
        ) from error
    pixels, notes = _to_rgb(upright, name)
    pixels.setflags(write=False)
    return Photo(
        name=name,
        pixels=pixels,
        sha256=hashlib.sha256(data).hexdigest(),
        format=image.format or "unknown",
        exif_orientation=orientation if 1 <= orientation <= 8 else 1,
        notes=notes,
    )


def _check_before_decoding(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(_too_many_pixels(name))
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            f"{name}: {width} x {height} pixels is too small; at least {MIN_SIDE} pixels a side are needed. "
            "Use a larger version of the photograph."
        )
    # An MPO (opened by the JPEG reader) is a phone's JPEG with a preview attached: its first frame is the photograph.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise PhotoError(
            f"{name}: holds {getattr(image, 'n_frames', 0)} frames or pages. "
            "Save the one you mean as a PNG and open that."
        )


def _too_many_pixels(name: str) -> str:
    return (
        f"{name}: more than {MAX_PIXELS // 1_000_000} megapixels. Crop it around the face or scale it down, "
        "then try again."
    )


def _to_rgb(image: Image.Image, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8 (H, W, 3) and the notes on what the conversion did."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 65535:
            raise PhotoError(f"{name}: pixel values outside 0..65535. Save it as an 8-bit JPEG or PNG.")
        grey = np.round(values / 257.0).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), ("Reduced from 16 to 8 bits a channel.",)
    notes: tuple[str, ...] = ()
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if np.asarray(rgba)[:, :, 3].min() < 255:
            notes = ("Transparent areas were filled with white.",)
        background = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(background, rgba)
    elif image.mode == "CMYK":
        notes = ("Converted from CMYK without its colour profile; colours are approximate.",)
    elif image.mode in ("1", "L"):
        notes = ("A greyscale photograph; the three colour channels are equal.",)
    return np.array(image.convert("RGB"), dtype=np.uint8), notes
