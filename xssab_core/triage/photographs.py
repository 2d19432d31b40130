"""One photograph of a triage: decoded, searched and cropped once, for every row that names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xssab_core.data.crops import nearest_to_middle
from xssab_core.data.landmarks import settled
from xssab_core.errors import FaceError, PhotoError
from xssab_core.faces import AlignedFace, DetectedFace, Photo, Template, align_face, detect_faces, open_photo
from xssab_core.faces.quality import eye_distance
from xssab_core.triage.pairs import Policy

# Of a picture: longer than this many times its width, or narrower than a crop, it is seldom a photograph of a face.
ODD_ASPECT = 2.5
ODD_SIDE = 112


@dataclass(frozen=True)
class Problem:
    """Why a row has no score.

    Attributes:
        kind: "row", "missing", "photograph", "face", "several faces" or "repeated".
        reason: a sentence.
    """

    kind: str
    reason: str


@dataclass(frozen=True)
class Wanted:
    """A photograph and the faces in it that rows ask for.

    Attributes:
        name: as the rows name it.
        source: its path, its bytes, or why there is neither.
        faces: their numbers, 1 = largest; 0 is the one the policy chooses.
    """

    name: str
    source: Path | bytes | Problem
    faces: tuple[int, ...]


@dataclass(frozen=True)
class FoundFace:
    """A face that a row asked for.

    Attributes:
        number: 1 = largest; 0 where the photograph was taken as a crop.
        eye_distance: pixels of the photograph.
        confidence: of the detector, 0..1; None where it was not asked.
        warnings: sentences on what may make it unreliable.
    """

    number: int
    eye_distance: float
    confidence: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Photograph:
    """What is known of a photograph.

    Attributes:
        sha256: of its bytes; empty where they cannot be used.
        width, height: upright, in pixels.
        faces: how many the detector saw; None where it was not asked.
        found: the faces asked for that can be used, by the number they were asked for with.
        refused: why the others cannot.
        problem: why the whole photograph cannot be used.
    """

    sha256: str = ""
    width: int = 0
    height: int = 0
    faces: int | None = None
    found: dict[int, FoundFace] = field(default_factory=dict)
    refused: dict[int, Problem] = field(default_factory=dict)
    problem: Problem | None = None


def look_at(
    wanted: Wanted, template: Template, policy: Policy, aligned: bool
) -> tuple[Photograph, dict[int, np.ndarray]]:
    """What is known of a photograph, and a uint8 (S, S, 3) crop for each face in it that can be used.

    Args:
        wanted: the photograph and which of its faces.
        template: of the model.
        policy: which face is meant where a row does not say.
        aligned: it is a crop already.
    """
    if isinstance(wanted.source, Problem):
        return Photograph(problem=wanted.source), {}
    try:
        photo = open_photo(wanted.source, wanted.name)
    except PhotoError as error:
        return Photograph(problem=Problem("photograph", str(error))), {}
    faces = () if aligned else detect_faces(photo)
    found: dict[int, FoundFace] = {}
    refused: dict[int, Problem] = {}
    crops: dict[int, np.ndarray] = {}
    for number in wanted.faces:
        face = _face(photo, faces, number, policy, aligned)
        if isinstance(face, AlignedFace):
            crops[number] = face.crop_for(template)
            index = 0 if aligned else _index(faces, number, policy, photo) + 1
            distance = eye_distance(face.landmarks)
            found[number] = FoundFace(index, distance, face.confidence, _odd_size(photo) + face.warnings)
        else:
            refused[number] = face
    return Photograph(photo.sha256, *photo.size, None if aligned else len(faces), found, refused), crops


def _face(
    photo: Photo, faces: tuple[DetectedFace, ...], number: int, policy: Policy, aligned: bool
) -> AlignedFace | Problem:
    try:
        if aligned:
            return align_face(photo, aligned=True)
        if policy == "refuse" and number == 0 and len(faces) > 1:
            reason = f"{photo.name}: {len(faces)} faces. Say which is meant by its number, 1 = largest."
            return Problem("several faces", reason)
        return settled(align_face(photo, face=_index(faces, number, policy, photo), detected=faces))
    except FaceError as error:
        return Problem("face", str(error))


def _index(faces: tuple[DetectedFace, ...], number: int, policy: Policy, photo: Photo) -> int:
    """Which of the faces, from 0."""
    if number:
        return number - 1
    return nearest_to_middle(faces, photo.size) if faces and policy == "middle" else 0


def _odd_size(photo: Photo) -> tuple[str, ...]:
    width, height = photo.size
    if max(width, height) > ODD_ASPECT * min(width, height) or min(width, height) < ODD_SIDE:
        return (f"Odd size: {width} x {height} pixels.",)
    return ()
