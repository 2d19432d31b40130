"""Quality: what about a face should make its reader careful."""

from __future__ import annotations

import numpy as np

from xssab_core.faces.detect import DetectedFace
from xssab_core.metrics import compared, counted, percent

# The ArcFace template has 35 px between the eyes: below that the crop is enlarged and holds invented detail.
MIN_EYE_DISTANCE = 35.0
MIN_CONFIDENCE = 0.95
# Beyond what 999 of 1,000 faces of LFW show: a roll of 27 degrees, and 0.8 % of the crop outside.
MAX_ROLL = 30.0
MAX_OUTSIDE = 0.01


def eye_distance(landmarks: np.ndarray) -> float:
    """Distance between the eyes in pixels of the photograph; landmarks (5, 2)."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def roll(landmarks: np.ndarray) -> float:
    """Degrees, -180..180, by which the line of the eyes is turned clockwise from level; landmarks (5, 2)."""
    x, y = landmarks[1] - landmarks[0]
    return float(np.degrees(np.arctan2(y, x)))


def detection_warnings(face: DetectedFace, faces: int) -> tuple[str, ...]:
    """Sentences for a user on a face that was found among so many; empty when nothing asks for care."""
    found: list[str] = []
    if face.better_turn:
        found.append(f"The face may be turned. {turn_advice(face.better_turn)}")
    if face.confidence < MIN_CONFIDENCE:
        numbers = compared(face.confidence, MIN_CONFIDENCE)
        found.append(f"Uncertain detection: confidence {numbers.score}, below {numbers.threshold}.")
    if faces > 1:
        found.append(f"{faces} faces in this photograph: check that the right one is used.")
    return tuple(found)


def turn_advice(degrees: int) -> str:
    """What to do with a photograph that is better turned clockwise by so much."""
    return f"Turned clockwise by {degrees} degrees, the photograph shows a surer face: turn it and try again."


def geometry_warnings(landmarks: np.ndarray, outside: float) -> tuple[str, ...]:
    """Sentences for a user on where the landmarks (5, 2) lie.

    Args:
        landmarks: in pixels of the photograph.
        outside: share of the crop that lies outside it, 0..1.
    """
    found: list[str] = []
    distance, angle = eye_distance(landmarks), roll(landmarks)
    if distance < MIN_EYE_DISTANCE:
        found.append(
            f"Small face: {counted(int(distance), 'pixel')} between the eyes; below {MIN_EYE_DISTANCE:.0f} the crop is "
            "enlarged."
        )
    if outside > MAX_OUTSIDE:
        share = percent(outside, 0)
        found.append(f"{share} of the crop lies outside the photograph and is black: the score may not hold.")
    if abs(angle) > MAX_ROLL:
        found.append(f"The eyes are turned {abs(angle):.0f} degrees from level: check that the landmarks are right.")
    return tuple(found)
