"""Colours: from the numbers a file holds, of whatever range and profile, to 8-bit sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from xssab_core.errors import PhotoError

# Bits that cameras and scanners put into 16-bit files.
_DEPTHS = (8, 10, 12, 14, 16)
# Fractions that were sharpened or resampled reach a little beyond 1.
_MAX_FRACTION = 2.0
# Profiles that change no colour by more than this many of 256 levels are sRGB under another name.
_SAME_COLOUR = 3
_ROWS = 512

Notes = tuple[str, ...]


def to_rgb(image: Image.Image) -> tuple[np.ndarray, Notes]:
    """uint8 (H, W, 3) sRGB of a decoded image, and sentences on what the conversion did.

    Raises:
        PhotoError: numbers whose range no photograph has.
    """
    if image.mode.startswith("I") or image.mode == "F":
        grey, note = _eight_bits(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2), (note,)
    if "A" in image.getbands() or "transparency" in image.info:
        return _on_white(image)
    if image.info.get("icc_profile") and image.mode in ("RGB", "CMYK"):
        return _in_srgb(image)
    return _as_stored(image)


def _as_stored(image: Image.Image) -> tuple[np.ndarray, Notes]:
    notes: Notes = ()
    if image.mode == "CMYK":
        notes = ("Converted from CMYK without its colour profile; colours are approximate.",)
    elif image.mode in ("1", "L"):
        notes = ("A greyscale photograph; the three colour channels are equal.",)
    return np.array(image.convert("RGB"), dtype=np.uint8), notes


def _eight_bits(values: np.ndarray) -> tuple[np.ndarray, str]:
    """uint8 (H, W) of grey values of any range, and a note on the range."""
    low, high = float(values.min()), float(values.max())
    if not (0 <= low <= high <= 65535):
        raise PhotoError(
            f"holds values from {low:g} to {high:g}. Grey values of 0 to 1, 0 to 255 or up to 65,535 can be read. "
            "Save it as an 8-bit JPEG or PNG and try again."
        )
    if values.dtype.kind == "f" and high <= _MAX_FRACTION:
        top, found = 1.0, "fractions of 0 to 1"
    else:
        bits = next(bits for bits in _DEPTHS if high < 2**bits)
        top, found = 2.0**bits - 1, f"{bits} bits"
    grey = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS].astype(np.float64)
        grey[start : start + _ROWS] = np.round(np.clip(rows / top, 0, 1) * 255)
    return grey, f"Grey values from {low:g} to {high:g}, read as {found} and brought to 8 bits a channel."


def _on_white(image: Image.Image) -> tuple[np.ndarray, Notes]:
    """Over white, a few rows at a time: large transparent pictures take several times the memory of their pixels."""
    width, height = image.size
    pixels, see_through = np.empty((height, width, 3), dtype=np.uint8), False
    for start in range(0, height, _ROWS):
        rgba = image.crop((0, start, width, min(height, start + _ROWS))).convert("RGBA")
        see_through |= bool(np.asarray(rgba)[:, :, 3].min() < 255)
        white = Image.new("RGBA", rgba.size, "white")
        pixels[start : start + _ROWS] = np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    return pixels, ("Transparent areas were filled with white.",) if see_through else ()


def _in_srgb(image: Image.Image) -> tuple[np.ndarray, Notes]:
    """By the profile in the file, unless that cannot be used or is sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        pixels, notes = _as_stored(image)
        return pixels, (*notes, "The colour profile in the file could not be used.")
    if image.mode == "RGB" and _changes_nothing(transform):
        return _as_stored(image)
    converted = ImageCms.applyTransform(image, transform)
    return np.array(converted, dtype=np.uint8), ("Converted to sRGB by the colour profile in the file.",)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    before = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 9, 3)
    after = np.asarray(ImageCms.applyTransform(Image.fromarray(before), transform))
    return int(np.abs(after.astype(int) - before).max()) <= _SAME_COLOUR
