"""Faces of the sample photographs that ship."""

import numpy as np
import pytest

from xssab_core.faces import detect_faces, open_photo, turned
from xssab_core.faces.known import known_faces
from xssab_core.paths import ASSETS

SAMPLES = sorted((ASSETS / "samples").glob("*.jpg"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_they_are_what_the_detector_finds(path) -> None:
    photo = open_photo(path)
    found, known = detect_faces(photo), known_faces(photo)
    assert known is not None
    for face, expected in zip(known, found, strict=True):
        np.testing.assert_allclose(face.landmarks, expected.landmarks, atol=0.02)
        np.testing.assert_allclose(face.box, expected.box, atol=0.02)
        assert face.confidence == pytest.approx(expected.confidence, abs=1e-4)
        assert face.better_turn == expected.better_turn


def test_a_photograph_that_is_turned_or_differs_by_a_byte_is_searched() -> None:
    photo = open_photo(SAMPLES[0])
    assert known_faces(turned(photo, 90)) is None
    assert known_faces(open_photo(SAMPLES[0].read_bytes() + b"\0", photo.name)) is None
