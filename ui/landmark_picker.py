"""Placing the five landmarks by hand on a photograph."""

from __future__ import annotations

import numpy as np

from ui.components import component
from ui.pictures import data_url, reduced
from xssab_core.faces import ARCFACE, Photo

LANDMARK_NAMES = ("eye on the left", "eye on the right", "nose", "left mouth corner", "right mouth corner")
# A hand places no point more finely than this many digits of a pixel.
_DIGITS = 2

_component = component("landmark_picker")


def landmark_picker(photo: Photo, start: np.ndarray | None, key: str) -> np.ndarray | None:
    """Let the user drag five points onto a photograph.

    Args:
        photo: the photograph.
        start: float (5, 2) where the points are at first, in its pixels; None lays them out in its middle.

    Returns:
        float64 (5, 2) in pixels of the photograph in the run after the user confirmed them, else None. Points that
        were not moved are those of `start` exactly; where none of them was, nothing was chosen.
    """
    pixels, factor = reduced(photo)
    height, width = pixels.shape[:2]
    shown = _laid_out(width, height) if start is None else start * factor
    data = {
        "picture": data_url(pixels),
        "width": width,
        "height": height,
        "points": shown.tolist(),
        "names": list(LANDMARK_NAMES),
        "photo": photo.name,
    }
    result = _component(key=key, data=data, on_points_change=lambda: None)
    if result.points is None or (start is not None and not any(result.points)):
        return None
    stays = shown / factor if start is None else start
    placed = [
        stay if point is None else np.round(np.divide(point, factor), _DIGITS)
        for point, stay in zip(result.points, stays, strict=True)
    ]
    return np.array(placed, dtype=np.float64)


def _laid_out(width: int, height: int) -> np.ndarray:
    """float64 (5, 2) points in the middle of a picture."""
    template = np.array(ARCFACE.points) / ARCFACE.size - 0.5
    return np.round(template * min(width, height) * 0.8 + np.array([width, height]) / 2, _DIGITS)
