"""From the bytes of a photograph to an aligned face."""

from xssab_core.faces.align import ARCFACE, AlignedFace, Template, align_face
from xssab_core.faces.detect import DetectedFace, best_turn, detect_faces
from xssab_core.faces.pair import SIDES, Pair
from xssab_core.faces.photo import TURNS, Photo, open_photo, turned

__all__ = [
    "ARCFACE",
    "SIDES",
    "TURNS",
    "AlignedFace",
    "DetectedFace",
    "Pair",
    "Photo",
    "Template",
    "align_face",
    "best_turn",
    "detect_faces",
    "open_photo",
    "turned",
]
