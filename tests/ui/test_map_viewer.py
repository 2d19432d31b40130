"""The photograph beside its crop: in its own pixels where it is looked at closely."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from ui.map_viewer import Original, _original, _views
from xssab_core.faces import ARCFACE, Photo, align_face


def _original_of(factor: int, samples) -> Original:
    face = samples["joe_biden_1"]
    pixels = np.array(face.photo.pixels.repeat(factor, 0).repeat(factor, 1))
    pixels += np.random.default_rng(0).integers(0, 20, pixels.shape, dtype=np.uint8)  # no two pixels are one
    photo = Photo("large.png", pixels, f"{factor:064d}", "PNG")
    found = align_face(photo, (face.landmarks + 0.5) * factor - 0.5)
    return Original(photo, found.crop_to_photo(ARCFACE))


def _shown(view) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(view["picture"].split(",")[1]))) as picture:
        assert not picture.info  # no metadata
        return np.asarray(picture)


def test_a_small_photograph_is_sent_as_it_is(samples) -> None:
    original = _original_of(1, samples)
    _, (whole,) = _views(original, 112)
    np.testing.assert_array_equal(_shown(whole), original.photo.pixels)


def test_of_a_large_one_the_face_is_sent_in_its_own_pixels(samples) -> None:
    original = _original_of(4, samples)
    photo, to_photo = original.photo, original.to_photo
    key, (whole, close) = _views(original, 112)
    assert key == _original(original)["key"]
    assert max(_shown(whole).shape) == 1280
    assert (whole["x"], whole["y"], whole["width"], whole["height"]) == (0, 0, *photo.size)
    left, top, right, bottom = close["x"], close["y"], close["x"] + close["width"], close["y"] + close["height"]
    np.testing.assert_array_equal(_shown(close), photo.pixels[top:bottom, left:right])
    corners = to_photo @ np.array([[0, 112, 0, 112], [0, 0, 112, 112], [1, 1, 1, 1]])
    limits = np.array(photo.size)[:, None]
    inside = np.clip(corners, 0, limits)
    assert (inside >= [[left], [top]]).all()
    assert (inside <= [[right], [bottom]]).all()
    a, b, c, d, e, f = _original(original)["toPhoto"]
    np.testing.assert_allclose([a + c + e, b + d + f], to_photo @ [1, 1, 1])
