"""Quality: what about a face should make its reader careful."""

from __future__ import annotations

import numpy as np

# The ArcFace template has 35 px between the eyes: below that the crop is enlarged and holds invented detail.
MIN_EYE_DISTANCE = 35.0
MIN_CONFIDENCE = 0.95


def eye_distance(landmarks: np.ndarray) -> float:
    """Distance between the eyes in pixels of the photograph; landmarks (5, 2)."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def face_warnings(landmarks: np.ndarray, confidence: float | None, faces: int | None) -> tuple[str, ...]:
    """Sentences for a user; empty when nothing about the face asks for care."""
    found: list[str] = []
    distance = eye_distance(landmarks)
    if distance < MIN_EYE_DISTANCE:
        found.append(
            f"Small face: {distance:.0f} pixels between the eyes; below {MIN_EYE_DISTANCE:.0f} the crop is enlarged."
        )
    if confidence is None:
        found.append("The landmarks were placed by hand.")
    elif confidence < MIN_CONFIDENCE:
        found.append(f"Uncertain detection: confidence {confidence:.2f}, below {MIN_CONFIDENCE:.2f}.")
    if faces is not None and faces > 1:
        found.append(f"{faces} faces in this photograph: check that the right one is used.")
    return tuple(found)
