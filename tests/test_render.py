"""Maps to pictures: sign, strength and scale survive."""

import io

import numpy as np
import pytest
from PIL import Image

from xssab_core.render import PALETTES, colour_layer, enlarge, overlay, png, scales, shared_scale, strongest_areas


@pytest.mark.parametrize("palette", PALETTES)
def test_colour_tells_the_sign_and_alpha_the_strength(palette) -> None:
    values = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0, 9.0]], dtype=np.float32)
    layer = colour_layer(values, 2.0, palette)
    dissimilar, similar = PALETTES[palette]
    assert tuple(layer[0, 0, :3]) == dissimilar
    assert tuple(layer[0, 4, :3]) == similar
    alpha = layer[0, :, 3].astype(int)
    assert alpha[2] == 0
    assert alpha[0] == alpha[4] == alpha[5] == 255
    assert 0 < alpha[1] == alpha[3] < 255


def test_a_single_map_of_dissimilarity_is_drawn_in_its_colour() -> None:
    layer = colour_layer(np.ones((2, 2), np.float32), 1.0, dissimilar=True)
    assert (layer[..., :3] == PALETTES["pink-green"][0]).all()


def test_zero_maps_leave_the_greyscale_crop() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    shown = overlay(crop, colour_layer(np.zeros((8, 8), np.float32), 1.0))
    assert (shown == np.asarray(Image.fromarray(crop).convert("L"))[..., None]).all()


def test_opacity_scales_the_layer() -> None:
    crop = np.full((4, 4, 3), 100, np.uint8)
    layer = colour_layer(np.ones((4, 4), np.float32), 1.0)
    np.testing.assert_array_equal(overlay(crop, layer, 0.0), crop)
    assert tuple(overlay(crop, layer, 1.0)[0, 0]) == PALETTES["pink-green"][1]


def test_the_scale_is_shared_and_never_zero() -> None:
    assert shared_scale([np.array([1.0, -3.0]), np.array([2.0])]) == 3.0
    assert shared_scale([np.zeros(3)]) == 1.0


def test_combined_maps_and_those_of_one_sign_have_scales_of_their_own() -> None:
    maps = {
        "probe_combined": np.array([[-0.5, 0.25]]),
        "probe_similarity": np.array([[4.0, 1.0]]),
        "reference_combined": np.array([[0.75, 0.0]]),
        "reference_dissimilarity": np.array([[5.0, 0.0]]),
    }
    assert scales(maps) == {
        "probe_combined": 0.75,
        "probe_similarity": 5.0,
        "reference_combined": 0.75,
        "reference_dissimilarity": 5.0,
    }


def test_the_strongest_areas_of_both_signs_lie_where_the_blobs_are() -> None:
    y, x = np.mgrid[:112, :112]

    def blob(at_y: float, at_x: float) -> np.ndarray:
        return np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / (2 * 8.0**2))

    first, second = blob(30, 30) - 0.4 * blob(80, 80), 0.4 * blob(30, 80)
    (similar, dissimilar), (weak, none) = strongest_areas([first, second])
    assert similar[30, 30]
    assert dissimilar[80, 80]
    assert not (similar & dissimilar).any()
    # A Gaussian smoothed by another is a Gaussian: half of its height is reached at this radius.
    radius = np.sqrt(2 * np.log(2) * (8.0**2 + (0.02 * 112) ** 2))
    assert similar.sum() == pytest.approx(np.pi * radius**2, rel=0.03)
    assert dissimilar.sum() == pytest.approx(np.pi * radius**2, rel=0.03)
    assert not weak.any()  # under half of the strongest on the two faces
    assert not none.any()


def test_a_map_of_zeros_has_no_strongest_area() -> None:
    assert not np.any(strongest_areas([np.zeros((8, 8), np.float32)]))


def test_png_is_lossless_and_carries_its_text() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png(enlarge(picture, 3), {"Comment": "caution"}))) as stored:
        np.testing.assert_array_equal(np.asarray(stored)[::3, ::3], picture)
        assert stored.text["Comment"] == "caution"
