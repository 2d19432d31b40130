"""Maps to pictures: how values become colours. The app's viewer does the same in the browser."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

import cv2
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
ALPHA_POWER = 0.7
# Areas are outlined on maps smoothed by a Gaussian of this standard deviation, as a share of the side: an outline of
# each pixel of a fine map would hide it.
_SMOOTHING = 0.02


def shared_scale(maps: Iterable[np.ndarray]) -> float:
    """The largest |value| of all maps: what is drawn at full strength. 1.0 when all are zero."""
    return max((float(np.abs(values).max()) for values in maps), default=0.0) or 1.0


def scales(maps: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The |value| drawn at full strength, for each map of a pair by its name (`probe_combined`, ...).

    The combined maps of both faces share one and so reach full colour at their strongest place; those of a single sign,
    which may be many times stronger where the signs cancel, share another.
    """
    combined = {name: name.endswith("combined") for name in maps}
    return {name: shared_scale(maps[other] for other in maps if combined[other] == combined[name]) for name in maps}


def strongest_areas(maps: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each signed float (S, S) map of a pair, bool (S, S) masks of its strongest areas: similar, dissimilar.

    Of each sign what reaches half of that sign's largest value on the smoothed maps of both faces.
    """
    smooth = [cv2.GaussianBlur(values.astype(np.float64), (0, 0), _SMOOTHING * len(values)) for values in maps]
    high, low = max(float(values.max()) for values in smooth), min(float(values.min()) for values in smooth)
    nowhere = np.zeros(smooth[0].shape, dtype=bool)
    return [(v >= high / 2 if high > 0 else nowhere, v <= low / 2 if low < 0 else nowhere) for v in smooth]


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
    layer[..., 3] = np.round(255 * share**ALPHA_POWER).astype(np.uint8)
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


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """The picture with every pixel repeated factor x factor times: nearest neighbour, nothing invented."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def png(picture: np.ndarray, text: dict[str, str] | None = None, quick: bool = False) -> bytes:
    """Lossless PNG of a uint8 (H, W, 3 or 4) picture, with text chunks that say what it is; made quickly, for a screen,
    or small, for a file."""
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", pnginfo=info, compress_level=1 if quick else 6)
    return buffer.getvalue()
