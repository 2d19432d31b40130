"""Regions: the crop parted into forehead, brows, eyes, nose, cheeks, mouth, chin and jaw, and what lies outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xssab_core.faces.align import ARCFACE, Template, similarity_transform

# Left and right as seen in the picture, as the landmarks are. Cheeks go up beside the eyes, brows out to the temples.
NAMES = (
    "forehead",
    "brows",
    "left eye",
    "right eye",
    "nose",
    "cheeks",
    "mouth",
    "chin and jaw",
    "outside the face",
)

# In face coordinates: a to the right in distances between the eyes, from the line between the middles of eyes and
# mouth; b down from the eyes, 1 at the mouth. Chosen after the usual proportions of adult faces, and by eye on the
# sample photographs.
_HALF_WIDTH, _HAIRLINE, _WIDEST, _CHIN = 1.1, -0.95, 0.2, 1.6
_BROWS, _LIDS, _EYES = -0.4, -0.1, 0.2
_EYE_END = 0.88
_BRIDGE, _WINGS = 0.14, 0.34
_MOUTH_SPREAD, _MOUTH_END, _JAW = 1.3, 1.3, 1.05


@dataclass(frozen=True, eq=False)
class Regions:
    """A partition of a crop: each pixel lies in one region.

    Attributes:
        names: of the regions, in the order of `NAMES`. One that the crop does not show has no pixels.
        labels: int64 (S, S), the place of each pixel's region in `names`.
    """

    names: tuple[str, ...]
    labels: np.ndarray

    def mask(self, number: int) -> np.ndarray:
        """bool (S, S): the pixels of a region."""
        return np.asarray(self.labels == number)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """float64 (R,): the sum of a map (S, S) over each region; together the sum of the map."""
        return np.bincount(self.labels.ravel(), values.ravel().astype(np.float64), len(self.names))

    @property
    def pixels(self) -> np.ndarray:
        """int64 (R,): how many pixels each region has."""
        return np.bincount(self.labels.ravel(), minlength=len(self.names))


def regions_of(template: Template) -> Regions:
    """The regions of a template's crop.

    They belong to a face of ArcFace's proportions that is aligned to the template's five landmarks as every face is,
    by a similarity: a template whose landmarks have other proportions does not stretch faces, it only compromises.
    """
    face = np.array(ARCFACE.points)
    matrix = similarity_transform(face, np.array(template.points))
    points = face @ matrix[:, :2].T + matrix[:, 2]
    y, x = np.mgrid[: template.size, : template.size]
    a, b = np.moveaxis(_to_face(points, np.stack([x, y], axis=-1)), -1, 0)
    (_, _), (_, _), (_, nose_tip), (corner, _), _ = _to_face(points, points)
    nose_end = nose_tip + 0.3 * (1 - nose_tip)
    nose_half = _BRIDGE + (_WINGS - _BRIDGE) * np.clip(b / nose_end, 0, 1)
    radius, side = np.where(b < _WIDEST, _WIDEST - _HAIRLINE, _CHIN - _WIDEST), np.abs(a)
    parts = {
        "outside the face": (a / _HALF_WIDTH) ** 2 + ((b - _WIDEST) / radius) ** 2 > 1,
        "nose": (b > _LIDS) & (b <= nose_end) & (side <= nose_half),
        "mouth": (b > nose_end) & (b <= _MOUTH_END) & (side <= _MOUTH_SPREAD * abs(corner)),
        "forehead": b <= _BROWS,
        "brows": b <= _LIDS,
        "left eye": (b <= _EYES) & (side <= _EYE_END) & (a < 0),
        "right eye": (b <= _EYES) & (side <= _EYE_END) & (a >= 0),
        "chin and jaw": b > _JAW,
    }
    numbers = [NAMES.index(name) for name in parts]
    return Regions(NAMES, np.select(list(parts.values()), numbers, NAMES.index("cheeks")).astype(np.int64))


def _to_face(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """float64 (..., 2): places (..., 2) of the crop in the face coordinates of five landmarks."""
    left, right, _, *corners = points
    eyes, mouth = (left + right) / 2, (corners[0] + corners[1]) / 2
    axes = np.stack([right - left, mouth - eyes], axis=1)
    return np.asarray((places - eyes) @ np.linalg.inv(axes).T)
