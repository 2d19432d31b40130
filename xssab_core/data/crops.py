"""Aligned crops of a data set, kept on disk so that each photograph is searched for its face once."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from msgspec import Struct

from xssab_core import paths
from xssab_core.data.landmarks import settled, shipped_landmarks
from xssab_core.errors import PhotoError
from xssab_core.faces.align import ALIGNER_VERSION, AlignedFace, Template, align_face, warp
from xssab_core.faces.detect import DETECTION_VERSION, DETECTOR, DetectedFace, detect_faces
from xssab_core.faces.photo import Photo, open_photo
from xssab_core.files import decoded, keep_if_possible

_Point = tuple[float, float]


class _StoredFace(Struct, frozen=True):
    """A face as the cache holds it; see `DetectedFace`."""

    box: tuple[float, float, float, float]
    landmarks: tuple[_Point, _Point, _Point, _Point, _Point]
    confidence: float


# Images that tell whether a data set holds crops that are already aligned.
_LOOKED_AT = 20


@dataclass(frozen=True)
class CropCache:
    """Landmarks and crops by image hash, detector and aligner version. Images whose landmarks ship are not searched.

    Attributes:
        folder: where they lie; `default()` puts them into the store.
        aligned: the images are crops that are already aligned, and are taken as they are.
    """

    folder: Path
    aligned: bool = False

    @classmethod
    def default(cls, aligned: bool = False) -> CropCache:
        """The cache in the store."""
        return cls(paths.home() / "cache", aligned)

    def face(self, path: Path) -> AlignedFace | None:
        """The face nearest the middle of an LFW image, which is the person it is named after; None without one."""
        return self._face(open_photo(path))

    def crop(self, path: Path, template: Template) -> np.ndarray | None:
        """uint8 (S, S, 3) RGB crop of that face, from the cache where it is there; None without a face."""
        made = self._crop(path, template)
        return None if made is None else made[0]

    def crop_png(self, path: Path, template: Template) -> bytes | None:
        """The same crop as a PNG file, encoded once; None without a face."""
        made = self._crop(path, template)
        return None if made is None else made[1]

    def look_aligned(self, paths: Sequence[Path]) -> bool:
        """Whether most of a few of the images look like crops that are already aligned; those without a face do not."""
        looks = []
        for path in paths[:_LOOKED_AT]:
            with contextlib.suppress(PhotoError):
                face = self.face(path)
                looks.append(face is not None and face.looks_aligned)
        return 2 * sum(looks) > len(looks)

    def is_faceless(self, sha256: str) -> bool:
        """Whether the image of that digest is known to show no face; False also where it was never searched."""
        return sha256 not in shipped_landmarks() and self._known_faces(sha256) == ()

    def _crop(self, path: Path, template: Template) -> tuple[np.ndarray, bytes] | None:
        data = read_image(path)
        sha256 = hashlib.sha256(data).hexdigest()
        kind = "aligned-" if self.aligned else ""
        version = f"{kind}{template.name}-{ALIGNER_VERSION}-{DETECTION_VERSION}"
        cached = self._path("crops", version, sha256, ".png")
        with contextlib.suppress(OSError):
            stored = cached.read_bytes()
            crop = cv2.imdecode(np.frombuffer(stored, dtype=np.uint8), cv2.IMREAD_COLOR) if stored else None
            if crop is not None and crop.shape == (template.size, template.size, 3):
                return np.ascontiguousarray(crop[:, :, ::-1]), stored
        landmarks = None if self.aligned else shipped_landmarks().get(sha256)
        photo = open_photo(data, path.name)
        if landmarks is None:
            face = self._face(photo)
            if face is None:
                return None
            landmarks = face.landmarks
        crop = warp(photo.pixels, landmarks, template)
        encoded = encode_png(crop)
        keep_if_possible(cached, encoded)
        return crop, encoded

    def _face(self, photo: Photo) -> AlignedFace | None:
        if self.aligned:
            return align_face(photo, aligned=True)
        faces = self._faces(photo)
        if not faces:
            return None
        return settled(align_face(photo, face=nearest_to_middle(faces, photo.size), detected=faces))

    def _faces(self, photo: Photo) -> tuple[DetectedFace, ...]:
        known = self._known_faces(photo.sha256)
        if known is not None:
            return known
        faces = detect_faces(photo)
        record = [{"box": f.box.tolist(), "landmarks": f.landmarks.tolist(), "confidence": f.confidence} for f in faces]
        keep_if_possible(self._faces_path(photo.sha256), json.dumps(record).encode())
        return faces

    def _known_faces(self, sha256: str) -> tuple[DetectedFace, ...] | None:
        """What the detector found before in the image of that digest; None where it never looked."""
        try:
            stored = decoded(self._faces_path(sha256).read_bytes(), list[_StoredFace])
        except (OSError, ValueError):
            return None
        return tuple(DetectedFace(np.array(f.box), np.array(f.landmarks), f.confidence) for f in stored)

    def _faces_path(self, sha256: str) -> Path:
        return self._path("faces", f"{DETECTOR.replace(' ', '-')}-{DETECTION_VERSION}", sha256, ".json")

    def _path(self, kind: str, version: str, sha256: str, suffix: str) -> Path:
        return self.folder / kind / version / sha256[:2] / f"{sha256}{suffix}"


def read_image(path: Path) -> bytes:
    """The bytes of an image; PhotoError when they cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from error


def nearest_to_middle(faces: tuple[DetectedFace, ...], size: tuple[int, int]) -> int:
    """Number of the face nearest the middle of a photograph of that (width, height): the one an LFW image is of."""
    middle = np.array(size) / 2
    centres = np.array([(face.box[:2] + face.box[2:]) / 2 for face in faces])
    return int(np.argmin(np.linalg.norm(centres - middle, axis=1)))


def encode_png(crop: np.ndarray) -> bytes:
    """A uint8 (S, S, 3) RGB crop as a PNG file, lossless and quickly made."""
    return bytes(cv2.imencode(".png", crop[:, :, ::-1])[1].tobytes())
