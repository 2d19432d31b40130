"""A tiny copy of LFW made of the sample photographs, in the official layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from xssab_core.faces import ARCFACE, AlignedFace, Template
from xssab_core.faces.align import warp

# 250 x 250 pixels with the face in the middle third, as in LFW.
_LFW_LIKE = Template("lfw-like", 250, tuple((x + 69.0, y + 69.0) for x, y in ARCFACE.points))
_BRIGHTNESS = (1.0, 0.9, 0.8, 1.1)

PAIRS = """2\t6
Barack_Obama 1 9
Barack_Obama 2 10
Barack_Obama 3 11
Barack_Obama 4 12
Eileen_Collins 1 3
Joe_Biden 1 3
Barack_Obama 1 Eileen_Collins 3
Barack_Obama 2 Joe_Biden 3
Eileen_Collins 1 Barack_Obama 9
Joe_Biden 1 Barack_Obama 10
Eileen_Collins 1 Joe_Biden 4
Joe_Biden 2 Eileen_Collins 4
Barack_Obama 5 9
Barack_Obama 6 10
Barack_Obama 7 11
Barack_Obama 8 12
Eileen_Collins 2 4
Joe_Biden 2 4
Barack_Obama 3 Eileen_Collins 4
Barack_Obama 4 Joe_Biden 4
Eileen_Collins 2 Barack_Obama 11
Joe_Biden 2 Barack_Obama 12
Eileen_Collins 2 Joe_Biden 3
Joe_Biden 1 Eileen_Collins 3
"""


def write_tiny_lfw(root: Path, samples: dict[str, AlignedFace]) -> None:
    """24 pairs in two folds: `lfw-deepfunneled` with 20 images of three people, and pairs.txt."""
    people = {"Barack_Obama": "barack_obama", "Eileen_Collins": "eileen_collins", "Joe_Biden": "joe_biden"}
    for person, stem in people.items():
        folder = root / "lfw-deepfunneled" / person
        folder.mkdir(parents=True)
        faces = [face for name, face in samples.items() if name.startswith(stem)]
        number = 0
        for brightness in _BRIGHTNESS:
            for face in faces:
                number += 1
                picture = warp(face.photo.pixels, face.landmarks, _LFW_LIKE).astype(np.float64) * brightness
                stored = np.clip(picture, 0, 255).astype(np.uint8)[:, :, ::-1]
                cv2.imwrite(str(folder / f"{person}_{number:04d}.jpg"), stored)
    (root / "pairs.txt").write_text(PAIRS.replace(" ", "\t"))
