"""Placing the five landmarks by hand on a photograph."""

from __future__ import annotations

import numpy as np

from ui.components import component
from ui.pictures import view_of
from xssab_core.faces import ARCFACE, Photo

LANDMARK_NAMES = ("eye on the left", "eye on the right", "nose", "left mouth corner", "right mouth corner")
# A hand places no point more finely than this many digits of a pixel.
_DIGITS = 2
# The side of the region around the points at first, as a multiple of how far they reach from their middle.
_REACH = 5.0

_component = component("landmark_picker")


def landmark_picker(photo: Photo, start: np.ndarray | None, key: str) -> np.ndarray | None:
    """Let the user drag five points onto a photograph, of which the face is shown large at first.

    Args:
        photo: the photograph.
        start: float (5, 2) where the points are at first, in its pixels; None lays them out in its middle.

    Returns:
        float64 (5, 2) in pixels of the photograph in the run after the user confirmed them, else None. Points that
        were not moved are those of `start` exactly; where none of them was, nothing was chosen.
    """
    points = _laid_out(*photo.size) if start is None else start
    whole = (0, 0, *photo.size)
    data = {
        "views": [view_of(photo, region) for region in ([] if start is None else [_around(start, photo)]) + [whole]],
        "width": photo.size[0],
        "height": photo.size[1],
        "points": points.tolist(),
        "names": list(LANDMARK_NAMES),
        "photo": photo.name,
    }
    result = _component(key=key, data=data, on_points_change=lambda: None)
    if result.points is None or (start is not None and not any(result.points)):
        return None
    placed = [
        stay if point is None else np.round(point, _DIGITS) for point, stay in zip(result.points, points, strict=True)
    ]
    return np.array(placed, dtype=np.float64)


def _around(points: np.ndarray, photo: Photo) -> tuple[int, int, int, int]:
    """The square around the points, as far as it lies on the photograph."""
    width, height = photo.size
    middle = np.clip(points.mean(axis=0), 0, (width - 1, height - 1))
    half = max(8.0, _REACH / 2 * float(np.abs(points - middle).max()))
    left, top = np.floor(np.maximum(middle - half, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(middle + half, (width, height))).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _laid_out(width: int, height: int) -> np.ndarray:
    """float64 (5, 2) points in the middle of a picture."""
    template = np.array(ARCFACE.points) / ARCFACE.size - 0.5
    return np.round(template * min(width, height) * 0.8 + np.array([width, height]) / 2, _DIGITS)
