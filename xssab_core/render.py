"""Maps to pictures: the only place where values become colours."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image, PngImagePlugin

# (dissimilar, similar). Pink and green are the paper's; orange and blue stay apart for colour-blind readers.
PALETTES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "pink-green": ((0xE6, 0x1A, 0x8D), (0x2E, 0xA0, 0x1E)),
    "orange-blue": ((0xE6, 0x61, 0x01), (0x1F, 0x5F, 0xBF)),
}
DEFAULT_PALETTE = "pink-green"
DEFAULT_OPACITY = 0.9
# Alpha = (|value| / scale) ** this: below 1, so that weak areas stay visible. The legend shows the same curve.
_ALPHA_POWER = 0.7


def shared_scale(maps: Iterable[np.ndarray]) -> float:
    """The largest |value| of all maps: what is drawn at full strength. 1.0 when all are zero."""
    return max((float(np.abs(values).max()) for values in maps), default=0.0) or 1.0


def colour_layer(
    values: np.ndarray, scale: float, palette: str = DEFAULT_PALETTE, dissimilar: bool = False
) -> np.ndarray:
    """uint8 (S, S, 4) RGBA picture of a map: the colour tells the sign, the alpha grows with |value| / scale.

    Args:
        values: float (S, S), signed, or >= 0 for a single map.
        scale: the |value| drawn opaque.
        dissimilar: draw a single map in the colour of dissimilarity.
    """
    negative, positive = (np.array(colour, dtype=np.uint8) for colour in PALETTES[palette])
    shown = -values if dissimilar else values
    share = np.clip(np.abs(shown) / scale, 0.0, 1.0)
    layer = np.empty((*values.shape, 4), dtype=np.uint8)
    layer[..., :3] = np.where((shown >= 0)[..., None], positive, negative)
    layer[..., 3] = np.round(255 * share**_ALPHA_POWER).astype(np.uint8)
    return layer


def overlay(crop: np.ndarray, layer: np.ndarray, opacity: float = DEFAULT_OPACITY) -> np.ndarray:
    """uint8 (S, S, 3): an RGBA layer over the greyscale crop (greyscale, so that no skin tone poses as a colour).

    Args:
        crop: uint8 (S, S, 3) RGB.
        layer: uint8 (S, S, 4) from `colour_layer`.
        opacity: 0..1, strength of an opaque layer pixel.
    """
    grey = grey_crop(crop).astype(np.float64)
    alpha = layer[..., 3:].astype(np.float64) / 255 * opacity
    return np.asarray(np.round(grey * (1 - alpha) + layer[..., :3] * alpha), dtype=np.uint8)


def grey_crop(crop: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) greyscale picture of an RGB crop (ITU-R 601 luma)."""
    return np.asarray(Image.fromarray(crop).convert("L").convert("RGB"))


def legend(palette: str = DEFAULT_PALETTE, opacity: float = DEFAULT_OPACITY) -> np.ndarray:
    """uint8 (12, 256, 3) colour bar from -scale (left) to +scale over mid-grey."""
    values = np.repeat(np.linspace(-1, 1, 256)[None], 12, axis=0)
    return overlay(np.full((*values.shape, 3), 160, dtype=np.uint8), colour_layer(values, 1.0, palette), opacity)


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """The picture with every pixel repeated factor x factor times: nearest neighbour, nothing invented."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def png(picture: np.ndarray, text: dict[str, str] | None = None) -> bytes:
    """Lossless PNG of a uint8 (H, W, 3 or 4) picture, with text chunks that say what it is."""
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()
