"""Detect: photograph -> faces with boxes, five landmarks and confidence, largest first."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from xssab_core.faces.photo import Photo

DETECTOR = "facenet-pytorch 2.5.3 MTCNN"
MIN_FACE_SIZE = 20
# Faces in larger photographs are found at this size; their landmarks are scaled back.
_MAX_SIDE = 1600
# Landmarks are kept to this many digits of a pixel: what follows differs between processors, and crops would too.
_DIGITS = 2
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """One face as the detector saw it, in pixels of the upright photograph.

    Attributes:
        box: float64 (4,) x0, y0, x1, y1.
        landmarks: float64 (5, 2) x, y of left eye, right eye, nose, left and right mouth corner, where left
            and right are those of the picture; to a hundredth of a pixel.
        confidence: detector confidence, 0..1.
    """

    box: np.ndarray
    landmarks: np.ndarray
    confidence: float


@lru_cache(maxsize=1)
def _detector() -> MTCNN:
    # Always on the CPU, so that a face is aligned alike on every machine.
    return MTCNN(keep_all=True, min_face_size=MIN_FACE_SIZE, device=torch.device("cpu")).eval()


def detect_faces(photo: Photo) -> tuple[DetectedFace, ...]:
    """Every face found by MTCNN (Zhang et al., 2016), largest box first; empty when there is none."""
    pixels = photo.pixels
    scale = min(1.0, _MAX_SIDE / max(pixels.shape[:2]))
    if scale < 1.0:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if min(pixels.shape[:2]) <= MIN_FACE_SIZE:
        return ()
    # MTCNN keeps no state, but its image pyramid is memory-hungry: one photograph at a time.
    with _lock, torch.inference_mode():
        boxes, confidences, landmarks = _detector().detect(np.ascontiguousarray(pixels), landmarks=True)
    if boxes is None:
        return ()
    # facenet-pytorch returns object arrays.
    boxes = np.asarray(boxes.tolist(), dtype=np.float64) / scale
    landmarks = (np.asarray(landmarks.tolist(), dtype=np.float64) / scale).round(_DIGITS)
    confidences = np.asarray(confidences.tolist(), dtype=np.float64)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return tuple(
        DetectedFace(box=boxes[i], landmarks=landmarks[i], confidence=float(confidences[i]))
        for i in np.argsort(-area, kind="stable")
    )
