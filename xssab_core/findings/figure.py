"""Areas of a crop as a vector picture that also reads in grey, in a browser and in a PDF."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import cv2
import numpy as np

from xssab_core.drawing.svg import text_on_picture
from xssab_core.gallery.thumbnails import outline
from xssab_core.render import png

# In widths of a crop of 112 pixels: a light line in a dark one stands out from any skin, and in print.
_LINES = (("#000000", 1.3), ("#ffffff", 0.6))
_TEXT = 6.0


def outlined(crop: np.ndarray, areas: Iterable[tuple[str, np.ndarray]]) -> str:
    """An SVG file: the crop, pixel by pixel, with the border of each area and its label where the area is widest.

    Args:
        crop: uint8 (S, S, 3).
        areas: labels, which may be empty, and bool (S, S) masks; a mask without a True pixel is left out.
    """
    size, shown = len(crop), [(label, mask) for label, mask in areas if mask.any()]
    path, unit = "".join(outline(mask) for _, mask in shown), len(crop) / 112
    lines = "".join(
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width * unit:.2f}" stroke-linecap="square"/>'
        for colour, width in _LINES
    )
    labels = "".join(_label(label, mask, unit) for label, mask in shown if label)
    picture = base64.b64encode(png(crop)).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {size} {size}" width="{size}" height="{size}" style="image-rendering: pixelated">'
        f'<image xlink:href="data:image/png;base64,{picture}" x="0" y="0" width="{size}" height="{size}"/>'
        f"{lines}{labels}</svg>"
    )


def _label(text: str, mask: np.ndarray, unit: float) -> str:
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    widest = np.argwhere(depth == depth.max())
    y, x = widest[np.linalg.norm(widest - widest.mean(axis=0), axis=1).argmin()]
    # What sets it in a PDF does not know the middle of a line of text.
    size = _TEXT * unit
    return text_on_picture(x - 0.5, y - 0.5 + 0.36 * size, text, size, "middle")
