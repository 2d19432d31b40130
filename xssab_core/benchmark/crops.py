"""Aligned crops of a data set, kept on disk so that each photograph is searched for its face once."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from xssab_core import paths
from xssab_core.faces.align import ALIGNER_VERSION, AlignedFace, Template, align_face, warp
from xssab_core.faces.detect import DETECTOR, DetectedFace, detect_faces
from xssab_core.faces.photo import Photo, open_photo


@dataclass(frozen=True)
class CropCache:
    """Landmarks and crops by image hash, detector and aligner version.

    Attributes:
        folder: where they lie; `default()` puts them into the store.
    """

    folder: Path

    @classmethod
    def default(cls) -> CropCache:
        """The cache in the store."""
        return cls(paths.home() / "cache")

    def face(self, path: Path) -> AlignedFace | None:
        """The face nearest the middle of an LFW image, which is the person it is named after; None without one."""
        photo = open_photo(path)
        faces = self._faces(photo)
        if not faces:
            return None
        return align_face(photo, face=_nearest_to_middle(faces, photo.size), detected=faces)

    def crop(self, path: Path, template: Template) -> np.ndarray | None:
        """uint8 (S, S, 3) RGB crop of that face, from the cache where it is there; None without a face."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cached = self._path("crops", f"{template.name}-{ALIGNER_VERSION}", sha256, ".png")
        if cached.exists():
            stored = cv2.imread(str(cached), cv2.IMREAD_COLOR)
            if stored is not None and stored.shape == (template.size, template.size, 3):
                return np.ascontiguousarray(stored[:, :, ::-1])
        face = self.face(path)
        if face is None:
            return None
        crop = warp(face.photo.pixels, face.landmarks, template)
        _write(cached, cv2.imencode(".png", crop[:, :, ::-1])[1].tobytes())
        return crop

    def _faces(self, photo: Photo) -> tuple[DetectedFace, ...]:
        cached = self._path("faces", DETECTOR.replace(" ", "-"), photo.sha256, ".json")
        try:
            stored = json.loads(cached.read_text())
            return tuple(DetectedFace(np.array(f["box"]), np.array(f["landmarks"]), f["confidence"]) for f in stored)
        except (OSError, ValueError, KeyError):
            faces = detect_faces(photo)
        record = [{"box": f.box.tolist(), "landmarks": f.landmarks.tolist(), "confidence": f.confidence} for f in faces]
        _write(cached, json.dumps(record).encode())
        return faces

    def _path(self, kind: str, version: str, sha256: str, suffix: str) -> Path:
        return self.folder / kind / version / sha256[:2] / f"{sha256}{suffix}"


def _nearest_to_middle(faces: tuple[DetectedFace, ...], size: tuple[int, int]) -> int:
    middle = np.array(size) / 2
    centres = np.array([(face.box[:2] + face.box[2:]) / 2 for face in faces])
    return int(np.argmin(np.linalg.norm(centres - middle, axis=1)))


def _write(path: Path, data: bytes) -> None:
    """Write whole or not at all, also when several processes write the same file; a full disk costs only speed."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
