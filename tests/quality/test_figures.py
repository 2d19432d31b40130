"""Figures of pictures whose figures are known, and of real photographs that were made worse."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from xssab_core.faces import ARCFACE, AlignedFace, Photo, align_face, open_photo
from xssab_core.quality.compression import jpeg_quality
from xssab_core.quality.figures import KINDS, enlargement, measure


def _face(pixels: np.ndarray, landmarks: np.ndarray | None = None) -> AlignedFace:
    points = np.array(ARCFACE.points) if landmarks is None else landmarks
    return AlignedFace(Photo("made", pixels, "0" * 64, "PNG"), points, "by hand", None, None, None, (), 0)


def _resized(face: AlignedFace, factor: float) -> AlignedFace:
    way = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    pixels = cv2.resize(face.photo.pixels, None, fx=factor, fy=factor, interpolation=way)
    return _face(pixels, (face.landmarks + 0.5) * factor - 0.5)


def test_figures_of_a_plain_grey_picture() -> None:
    found = measure(_face(np.full((112, 112, 3), 128, dtype=np.uint8)))
    assert found["brightness"] == pytest.approx(100 * 128 / 255)
    assert [found[name] for name in ("sharpness", "contrast", "colour", "clipped", "outside")] == pytest.approx([0] * 5)
    assert found["eye_distance"] == pytest.approx(35.2378, abs=1e-3)
    assert found["roll"] == pytest.approx(-0.317, abs=1e-3)
    assert "jpeg_quality" not in found
    assert found["enlarged"] == 16  # no detail at all
    assert set(found) < set(KINDS)


def test_figures_of_stripes_by_hand() -> None:
    pixels = np.zeros((112, 112, 3), dtype=np.uint8)
    pixels[:, 1::2] = (200, 100, 0)
    found = measure(_face(pixels))
    light = 0.299 * 200 + 0.587 * 100
    assert found["contrast"] == pytest.approx(100 * light / 2 / 255, rel=0.01)
    assert found["clipped"] == pytest.approx(50, abs=1)
    assert found["colour"] == pytest.approx(100 * 200 / 2 / 255, rel=0.02)
    assert found["sharpness"] == pytest.approx(2 * light, rel=0.01)  # the Laplacian is +2 and -2 times the light


@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_an_enlarged_photograph_is_told_by_about_its_factor(samples: dict[str, AlignedFace], factor: float) -> None:
    for name, face in samples.items():
        grown = enlargement(_resized(face, factor)) / enlargement(face)
        assert 0.9 * factor < grown < 1.15 * factor, name


def test_a_photograph_made_large_from_a_small_one_holds_the_detail_of_the_small_one(
    samples: dict[str, AlignedFace],
) -> None:
    face = samples["joe_biden_1"]
    small = _resized(face, 0.2)
    before, small_figures, after = (measure(one) for one in (face, small, _resized(small, 5)))
    assert after["eye_distance"] == pytest.approx(before["eye_distance"], rel=0.02)
    assert after["fine_eye_distance"] == pytest.approx(small_figures["fine_eye_distance"], rel=0.25)
    assert after["fine_eye_distance"] < before["fine_eye_distance"] / 3
    assert after["sharpness"] < 0.6 * before["sharpness"]


def test_what_makes_a_picture_worse_moves_the_figure_that_is_about_it(samples: dict[str, AlignedFace]) -> None:
    face = samples["barack_obama_2"]
    pixels, before = face.photo.pixels, measure(face)

    def after(changed: np.ndarray) -> dict[str, float]:
        return measure(replace(face, photo=replace(face.photo, pixels=changed.astype(np.uint8))))

    assert after(cv2.GaussianBlur(pixels, (0, 0), 4))["sharpness"] < before["sharpness"] / 2
    assert after(pixels * 0.3)["brightness"] == pytest.approx(0.3 * before["brightness"], rel=0.02)
    assert after(100 + pixels * 0.2)["contrast"] < before["contrast"] / 4
    assert after(np.clip(pixels * 2.5, 0, 255))["clipped"] > 20 > 1 > before["clipped"]
    grey = np.repeat((pixels @ (0.299, 0.587, 0.114))[..., None], 3, axis=2)
    assert after(grey)["colour"] == 0


@pytest.mark.parametrize("progressive", [False, True])
def test_the_quality_of_a_jpeg_is_read_exactly_where_libjpeg_saved_it(progressive: bool) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    for quality in range(1, 101):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, progressive=progressive)
        assert jpeg_quality(buffer.getvalue()) == quality


def test_other_formats_damage_and_nothing_have_no_jpeg_quality(samples: dict[str, AlignedFace]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(samples["joe_biden_1"].crop).save(buffer, "PNG")
    assert [jpeg_quality(data) for data in (buffer.getvalue(), b"", b"\xff\xd8\xff\xdb\x00\x02")] == [None] * 3


def test_a_crop_taken_as_it_is_and_a_face_at_the_edge_have_figures(samples: dict[str, AlignedFace]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(samples["joe_biden_1"].crop).save(buffer, "PNG")
    crop = align_face(open_photo(buffer.getvalue()), aligned=True)
    assert measure(crop)["sharpness"] == pytest.approx(measure(samples["joe_biden_1"])["sharpness"])
    edge = measure(_face(crop.photo.pixels, crop.landmarks - 100))
    assert edge["outside"] > 80
    assert edge["enlarged"] == 1
    assert all(map(np.isfinite, edge.values()))
