"""Pose: how a head is turned, estimated from five landmarks."""

from __future__ import annotations

import numpy as np

# Eyes, nose and corners of the mouth of a mean head, in distances between the eyes: x to the right of the picture, y
# down, z away from the camera. Found by factorisation (Tomasi and Kanade, "Shape and motion from image streams under
# orthography", IJCV 1992) of the landmarks of LFW, see measurements/quality.py; its mean orientation is the zero.
HEAD = np.array(
    [
        [-0.498, -0.546, 0.004],
        [0.502, -0.545, -0.004],
        [-0.001, 0.030, -0.422],
        [-0.448, 0.529, 0.234],
        [0.444, 0.532, 0.238],
    ]
)


def yaw_and_pitch(landmarks: np.ndarray) -> tuple[float, float]:
    """Degrees, -90..90, by which a mean head is turned whose points, seen from afar, lie where the landmarks do.

    An estimate: other heads have other noses, and a camera close by sees otherwise.

    Args:
        landmarks: float (5, 2) in pixels.

    Returns:
        yaw: positive where the face looks to the right of the picture.
        pitch: positive where it looks up.
    """
    rotation = _rotation(landmarks)
    looks = -rotation[:, 2]  # the head's own direction of sight, in the picture
    return float(np.degrees(np.arctan2(looks[0], -looks[2]))), float(np.degrees(np.arcsin(-looks[1])))


def _rotation(landmarks: np.ndarray) -> np.ndarray:
    """The rotation nearest to the map from the head onto the landmarks, without their roll; float64 (3, 3)."""
    points = np.asarray(landmarks, dtype=np.float64)
    head = HEAD - HEAD.mean(0)
    seen = np.linalg.lstsq(head, points - points.mean(0), rcond=None)[0].T
    left, _, right = np.linalg.svd(seen, full_matrices=False)
    first, second = left @ right
    return _levelled(np.stack([first, second, np.cross(first, second)]))


def _levelled(rotation: np.ndarray) -> np.ndarray:
    """Turned in the plane of the picture until the line of the eyes has no slope."""
    across = rotation[:, 0]
    angle = np.arctan2(across[1], across[0])
    back = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(back @ rotation)
