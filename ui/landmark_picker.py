"""Placing the five landmarks by hand on a photograph."""

from __future__ import annotations

import numpy as np

from ui.components import component
from ui.pictures import data_url, reduced
from xssab_core.faces import ARCFACE, Photo

LANDMARK_NAMES = ("eye on the left", "eye on the right", "nose", "left mouth corner", "right mouth corner")

_component = component("landmark_picker")


def landmark_picker(photo: Photo, start: np.ndarray | None, key: str) -> np.ndarray | None:
    """Let the user drag five points onto a photograph.

    Args:
        photo: the photograph.
        start: float (5, 2) where the points are at first, in its pixels; None lays them out in its middle.

    Returns:
        float64 (5, 2) in pixels of the photograph in the run after the user confirmed them, else None.
    """
    pixels, factor = reduced(photo)
    height, width = pixels.shape[:2]
    if start is None:
        template = np.array(ARCFACE.points) / ARCFACE.size - 0.5
        start = (template * min(width, height) * 0.8 + np.array([width, height]) / 2) / factor
    data = {
        "picture": data_url(pixels),
        "width": width,
        "height": height,
        "points": (start * factor).tolist(),
        "names": list(LANDMARK_NAMES),
        "photo": photo.name,
    }
    result = _component(key=key, data=data, on_points_change=lambda: None)
    chosen = result.points
    return None if chosen is None else np.array(chosen, dtype=np.float64) / factor
