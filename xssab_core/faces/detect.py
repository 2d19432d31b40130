"""Detect: photograph -> faces with boxes, five landmarks and confidence, largest first."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from xssab_core.faces.photo import TURNS, Photo, turned

if TYPE_CHECKING:
    from facenet_pytorch import MTCNN

DETECTOR = "facenet-pytorch 2.5.3 MTCNN"
# Part of the key of faces and crops that are kept: change it whenever the same photograph would give other faces.
DETECTION_VERSION = "2"
MIN_FACE_SIZE = 20
# Faces in larger photographs are found at this size; their landmarks are scaled back.
_MAX_SIDE = 1600
# Landmarks are kept to this many digits of a pixel: what follows differs between processors, and crops would too.
_DIGITS = 2
# MTCNN misplaces the landmarks of a face that fills its picture by 10 pixels of 112 and more; a border brings that
# down to 2. Black, because mirrored and repeated edges make faces of their own or hide half a face.
_BORDER = 0.25
# A detector box that covers this share of the picture and reaches its edge fills it: 99 % of the crops of LFW to the
# ArcFace template, and 1 in 1,300 whole images.
_FILLS = 0.45
_EDGE = 0.02
# Less sure faces are looked for in the other turns as well: 97 % of LFW's faces are as sure, 1 % of those turned.
_SURE = 0.998
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """One face as the detector saw it, in pixels of the upright photograph.

    Attributes:
        box: float64 (4,) x0, y0, x1, y1.
        landmarks: float64 (5, 2) x, y of left eye, right eye, nose, left and right mouth corner, where left
            and right are those of the picture; to a hundredth of a pixel. They may lie outside the picture.
        confidence: detector confidence, 0..1.
        better_turn: degrees clockwise by which the photograph shows a surer face; 0 where it is right as it is.
    """

    box: np.ndarray
    landmarks: np.ndarray
    confidence: float
    better_turn: int = 0


def detect_faces(photo: Photo) -> tuple[DetectedFace, ...]:
    """Every face found by MTCNN (Zhang et al., 2016), largest box first; empty when there is none.

    A photograph that a face fills, and one in which none is found, is searched with a black border around it.
    """
    faces = _search(photo.pixels)
    if not faces or _fills(faces[0], photo):
        faces = _search_with_border(photo.pixels) or faces
    if not faces or faces[0].confidence >= _SURE:
        return faces
    turn = best_turn(photo, faces)
    return tuple(replace(face, better_turn=turn) for face in faces)


def best_turn(photo: Photo, faces: tuple[DetectedFace, ...] = ()) -> int:
    """Degrees clockwise, 90, 180 or 270, by which a photograph shows the surest face; 0 where no turn is surer than
    the faces found in it as it is."""
    found = {turn: _search(turned(photo, turn).pixels) for turn in TURNS}
    surest = {turn: faces[0].confidence for turn, faces in found.items() if faces}
    best = max(surest, key=lambda turn: surest[turn], default=0)
    as_it_is = faces[0].confidence if faces else 0.0
    return best if best and surest[best] >= max(_SURE, as_it_is) else 0


def load_detector() -> None:
    """Have the detector loaded before a photograph is there."""
    _detector()


@lru_cache(maxsize=1)
def _detector() -> MTCNN:
    # Its import takes more than a second, which the first page need not wait for.
    from facenet_pytorch import MTCNN

    # Always on the CPU, so that a face is aligned alike on every machine.
    return MTCNN(keep_all=True, min_face_size=MIN_FACE_SIZE, device=torch.device("cpu")).eval()


def _fills(face: DetectedFace, photo: Photo) -> bool:
    width, height = photo.size
    x0, y0, x1, y1 = np.clip(face.box / (width, height, width, height), 0, 1)
    return bool((x1 - x0) * (y1 - y0) >= _FILLS and min(x0, y0, 1 - x1, 1 - y1) <= _EDGE)


def _search_with_border(pixels: np.ndarray) -> tuple[DetectedFace, ...]:
    border = round(_BORDER * max(pixels.shape[:2]))
    found = _search(cv2.copyMakeBorder(pixels, border, border, border, border, cv2.BORDER_CONSTANT))
    return tuple(replace(face, box=face.box - border, landmarks=face.landmarks - border) for face in found)


def _search(pixels: np.ndarray) -> tuple[DetectedFace, ...]:
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
