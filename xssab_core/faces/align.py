"""Align: five landmarks -> a face crop on a model's template."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from xssab_core.errors import Cure, FaceError
from xssab_core.faces.detect import DetectedFace, best_turn, detect_faces
from xssab_core.faces.photo import Photo
from xssab_core.faces.quality import detection_warnings, geometry_warnings, turn_advice
from xssab_core.metrics import counted

# Distance of landmarks from the template's own points, root mean square in pixels of 112: below it a square picture is
# taken for a crop to the template. All crops of LFW lie below it.
_ALIGNED_WITHIN = 8.0
# Landmarks may lie outside a photograph that cuts a face, but by no more than this share of its longer side.
_MAX_OUTSIDE = 1.0
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
        landmarks: float64 (5, 2) in pixels of the upright photograph; points may lie outside it.
        landmarks_origin: "detected", "by hand" or "already aligned".
        confidence: detector confidence 0..1, or None when the detector was not asked.
        box: float64 (4,) detector box, or None when the detector was not asked.
        faces_in_photo: how many faces the detector saw, or None when it was not asked.
        warnings: sentences on what may make this face unreliable.
        better_turn: degrees clockwise by which the photograph shows a surer face, see `turned`; 0 where it shows none.
    """

    photo: Photo
    landmarks: np.ndarray
    landmarks_origin: str
    confidence: float | None
    box: np.ndarray | None
    faces_in_photo: int | None
    warnings: tuple[str, ...]
    better_turn: int

    @property
    def looks_aligned(self) -> bool:
        """Whether the detector finds the face where a crop that is already aligned has it."""
        return self.landmarks_origin == "detected" and _on_template(self.photo, self.landmarks)

    @cached_property
    def crop(self) -> np.ndarray:
        """uint8 (112, 112, 3) RGB on the ArcFace template."""
        return self.crop_for(ARCFACE)

    @property
    def key(self) -> Hashable:
        """Equal for equal photographs with equal landmarks."""
        return self.photo.key, self.landmarks.tobytes()

    def crop_for(self, template: Template) -> np.ndarray:
        """uint8 (S, S, 3) RGB on the given template, read-only."""
        crop = warp(self.photo.pixels, self.landmarks, template)
        crop.setflags(write=False)
        return crop

    def crop_to_photo(self, template: Template) -> np.ndarray:
        """float64 (2, 3): the similarity that takes a place on the crop for a template to its place on the photograph.

        Both are in pixels from the upper left corner of the picture: the middle of its first pixel is (0.5, 0.5).
        """
        matrix = similarity_transform(self.landmarks, np.array(template.points))
        back = np.linalg.inv(matrix[:, :2])
        return np.column_stack([back, back @ (-0.5 - matrix[:, 2]) + 0.5])

    def record(self) -> dict[str, Any]:
        """What a result says of this face, ready for JSON."""
        return {
            "file": self.photo.name,
            "sha256": self.photo.sha256,
            "format": self.photo.format,
            "width": self.photo.size[0],
            "height": self.photo.size[1],
            "exif_orientation": self.photo.exif_orientation,
            "turn": self.photo.turn,
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
    aligned: bool = False,
) -> AlignedFace:
    """Choose one face of a photograph and fix its five landmarks.

    Args:
        photo: the photograph.
        landmarks: (5, 2) placed by hand or taken from a record, in pixels of the upright photograph; they may lie
            outside it where it cuts the face. None asks the detector.
        face: which detected face, 0 = largest.
        detected: faces already detected in this photograph, to spare a second detection.
        aligned: the photograph is a square crop to the ArcFace template: take it as it is, without the detector.

    Raises:
        FaceError: no face was found, `face` is out of range, the landmarks cannot be aligned, or a photograph said to
            be aligned is not square.
    """
    if aligned:
        points = _template_points(photo)
        return AlignedFace(photo, points, "already aligned", None, None, None, _warnings(photo, points), 0)
    if landmarks is not None:
        points = _checked_landmarks(landmarks, photo)
        warnings = ("The landmarks were placed by hand.", *_warnings(photo, points))
        return AlignedFace(photo, points, "by hand", None, None, None, warnings, 0)
    faces = detect_faces(photo) if detected is None else detected
    if not faces:
        raise _no_face(photo)
    if not 0 <= face < len(faces):
        raise FaceError(f"{photo.name}: there is no face number {face + 1}; it shows {counted(len(faces), 'face')}.")
    chosen = faces[face]
    warnings = detection_warnings(chosen, len(faces)) + _warnings(photo, chosen.landmarks)
    if _on_template(photo, chosen.landmarks):
        warnings = (_LOOKS_ALIGNED, *warnings)
    return AlignedFace(
        photo,
        chosen.landmarks,
        "detected",
        chosen.confidence,
        chosen.box,
        len(faces),
        warnings,
        chosen.better_turn,
    )


_LOOKS_ALIGNED = (
    "This looks like a crop that is already aligned. Without surroundings its landmarks are found a few pixels off, "
    "which moves the score: say that it is already aligned, and it is taken as it is."
)


def _no_face(photo: Photo) -> FaceError:
    turn = best_turn(photo)
    if turn:
        return FaceError(f"{photo.name}: no face was found. {turn_advice(turn)}", Cure("turn", str(turn)))
    return FaceError(
        f"{photo.name}: no face was found. Use a photograph with a larger, more frontal face, "
        "or mark the two eyes, the nose and the mouth corners by hand."
    )


def _warnings(photo: Photo, landmarks: np.ndarray) -> tuple[str, ...]:
    return geometry_warnings(landmarks, share_outside(landmarks, photo.size)) + photo.notes


def _template_points(photo: Photo) -> np.ndarray:
    """float64 (5, 2): where a crop to the ArcFace template, of whatever size, has the landmarks."""
    width, height = photo.size
    if width != height:
        raise FaceError(f"{photo.name}: {width} x {height} pixels. A crop that is already aligned is square.")
    return (np.array(ARCFACE.points) + 0.5) * (width / ARCFACE.size) - 0.5


def _on_template(photo: Photo, landmarks: np.ndarray) -> bool:
    width, height = photo.size
    if width != height:
        return False
    distance = np.sqrt(((landmarks - _template_points(photo)) ** 2).sum(1).mean())
    return bool(distance * ARCFACE.size < _ALIGNED_WITHIN * width)


def share_outside(landmarks: np.ndarray, size: tuple[int, int]) -> float:
    """0..1: how much of the crop at landmarks (5, 2) lies outside a photograph of (width, height) pixels."""
    matrix = similarity_transform(landmarks, np.array(ARCFACE.points))
    x, y = np.meshgrid(np.arange(ARCFACE.size), np.arange(ARCFACE.size))
    there = np.linalg.solve(matrix[:, :2], np.stack([x.ravel(), y.ravel()]) - matrix[:, 2:]) + 0.5
    inside = (there >= 0).all(0) & (there <= np.array(size)[:, None]).all(0)
    return float(1 - inside.mean())


def _checked_landmarks(landmarks: object, photo: Photo) -> np.ndarray:
    try:
        points = np.array(landmarks, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FaceError("Landmarks must be five x,y pairs of numbers.") from error
    width, height = photo.size
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError("Landmarks must be five x,y pairs: left eye, right eye, nose, left and right mouth corner.")
    margin = _MAX_OUTSIDE * max(width, height)
    if (points < -margin).any() or (points > np.array([width, height]) + margin).any():
        raise FaceError(f"{photo.name}: a landmark lies far outside the photograph ({width} x {height} pixels).")
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
