"""Align: five landmarks -> a face crop on a model's template."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from xssab_core.errors import FaceError
from xssab_core.faces.detect import DetectedFace, detect_faces
from xssab_core.faces.photo import Photo
from xssab_core.faces.quality import face_warnings

# Part of the key of every cached crop: change it whenever the same input would give other pixels.
ALIGNER_VERSION = "1"


@dataclass(frozen=True)
class Template:
    """Where a model expects the five landmarks in its square input.

    Attributes:
        name: short name, part of cache keys.
        size: side of the crop in pixels.
        points: five (x, y) in crop pixels: left eye, right eye, nose, left and right mouth corner.
    """

    name: str
    size: int
    points: tuple[tuple[float, float], ...]


ARCFACE = Template(
    "arcface",
    112,
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
)


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face found (or marked by hand) in a photograph, ready to be cropped for any model.

    Attributes:
        photo: the photograph it is part of.
        landmarks: float64 (5, 2) in pixels of the upright photograph.
        confidence: detector confidence 0..1, or None when the landmarks were given by hand.
        box: float64 (4,) detector box, or None when the landmarks were given by hand.
        faces_in_photo: how many faces the detector saw, or None when it was not asked.
        warnings: sentences on what may make this face unreliable.
    """

    photo: Photo
    landmarks: np.ndarray
    confidence: float | None
    box: np.ndarray | None
    faces_in_photo: int | None
    warnings: tuple[str, ...]

    @property
    def landmarks_origin(self) -> str:
        """ "detected" or "by hand"."""
        return "by hand" if self.confidence is None else "detected"

    @cached_property
    def crop(self) -> np.ndarray:
        """uint8 (112, 112, 3) RGB on the ArcFace template."""
        return self.crop_for(ARCFACE)

    @property
    def key(self) -> Hashable:
        """Equal for equal photographs with equal landmarks."""
        return self.photo.sha256, self.landmarks.tobytes()

    def crop_for(self, template: Template) -> np.ndarray:
        """uint8 (S, S, 3) RGB on the given template, read-only."""
        crop = warp(self.photo.pixels, self.landmarks, template)
        crop.setflags(write=False)
        return crop

    def record(self) -> dict[str, Any]:
        """What a result says of this face, ready for JSON."""
        return {
            "file": self.photo.name,
            "sha256": self.photo.sha256,
            "format": self.photo.format,
            "width": self.photo.size[0],
            "height": self.photo.size[1],
            "exif_orientation": self.photo.exif_orientation,
            "landmarks": self.landmarks.round(3).tolist(),
            "landmarks_origin": self.landmarks_origin,
            "detector_confidence": self.confidence,
            "faces_in_photo": self.faces_in_photo,
            "warnings": list(self.warnings),
        }


def align_face(
    photo: Photo,
    landmarks: np.ndarray | list[tuple[float, float]] | None = None,
    face: int = 0,
    detected: tuple[DetectedFace, ...] | None = None,
) -> AlignedFace:
    """Choose one face of a photograph and fix its five landmarks.

    Args:
        photo: the photograph.
        landmarks: (5, 2) placed by hand, in pixels of the upright photograph; None asks the detector.
        face: which detected face, 0 = largest.
        detected: faces already detected in this photograph, to spare a second detection.

    Raises:
        FaceError: no face was found, `face` is out of range, or the landmarks cannot be aligned.
    """
    if landmarks is not None:
        points = _checked_landmarks(landmarks, photo)
        warnings = face_warnings(points, None, None) + photo.notes
        return AlignedFace(photo, points, None, None, None, warnings)
    faces = detect_faces(photo) if detected is None else detected
    if not faces:
        raise FaceError(
            f"{photo.name}: no face was found. Use a photograph with a larger, more frontal face, "
            "or mark the two eyes, the nose and the mouth corners by hand."
        )
    if not 0 <= face < len(faces):
        raise FaceError(f"{photo.name}: there is no face number {face + 1}; {len(faces)} were found.")
    chosen = faces[face]
    warnings = face_warnings(chosen.landmarks, chosen.confidence, len(faces)) + photo.notes
    return AlignedFace(photo, chosen.landmarks, chosen.confidence, chosen.box, len(faces), warnings)


def _checked_landmarks(landmarks: object, photo: Photo) -> np.ndarray:
    try:
        points = np.array(landmarks, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FaceError("Landmarks must be five x,y pairs of numbers.") from error
    width, height = photo.size
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError("Landmarks must be five x,y pairs: left eye, right eye, nose, left and right mouth corner.")
    if (points < 0).any() or (points[:, 0] > width).any() or (points[:, 1] > height).any():
        raise FaceError(f"{photo.name}: a landmark lies outside the photograph ({width} x {height} pixels).")
    if np.linalg.norm(points - points.mean(0), axis=1).max() < 2.0:
        raise FaceError("The five landmarks lie on one spot. Place them on the eyes, the nose and the mouth corners.")
    if _similarity(points, np.array(ARCFACE.points))[1] > 12.0:
        raise FaceError(
            "The five landmarks do not form a face. Their order is: the eye on the left of the picture, the eye on "
            "the right, the nose, the left mouth corner, the right mouth corner."
        )
    return points


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 2x3 matrix of the similarity (rotation, scale, shift) that maps (N, 2) source points onto the target
    points with least squared error; the closed form of Umeyama (1991) without reflection."""
    return _similarity(np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64))[0]


def _similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """The matrix and the root mean square distance that remains, in target pixels."""
    x, y = source.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    wanted = np.concatenate([target[:, 0], target[:, 1]])
    a, b, tx, ty = solution = np.linalg.lstsq(system, wanted, rcond=None)[0]
    residual = float(np.sqrt(np.mean((system @ solution - wanted) ** 2) * 2))
    return np.array([[a, -b, tx], [b, a, ty]]), residual


def warp(pixels: np.ndarray, landmarks: np.ndarray, template: Template) -> np.ndarray:
    """uint8 (S, S, 3) crop, bilinear, black outside the photograph; the ArcFace procedure (Deng et al., 2019).

    Faces more than twice as large as the template are first reduced by area averaging, which plain bilinear
    sampling would alias.
    """
    matrix = similarity_transform(landmarks, np.array(template.points))
    reduction = int(1.0 / np.hypot(matrix[0, 0], matrix[1, 0]))
    if reduction >= 2:
        height, width = (max(1, side // reduction) for side in pixels.shape[:2])
        scale = np.array([width / pixels.shape[1], height / pixels.shape[0]])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        # Pixel centres sit at half coordinates: scale about the corner, not about the first pixel's centre.
        landmarks = (np.asarray(landmarks) + 0.5) * scale - 0.5
        matrix = similarity_transform(landmarks, np.array(template.points))
    size = (template.size, template.size)
    return np.asarray(cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0), dtype=np.uint8)
