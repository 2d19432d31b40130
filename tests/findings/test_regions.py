"""Regions part the crop of any template, with the face's parts where alignment puts them."""

from __future__ import annotations

import numpy as np
import pytest

from xssab_core.faces.align import ARCFACE, Template, similarity_transform
from xssab_core.findings.regions import NAMES, regions_of
from xssab_core.models.adding import TEMPLATES, template_for

ALL = [*TEMPLATES.values(), template_for(224), template_for(64, "facenet")]


@pytest.mark.parametrize("template", ALL, ids=lambda template: f"{template.name}-{template.size}")
def test_each_pixel_is_in_one_region_and_each_region_has_pixels(template: Template) -> None:
    regions = regions_of(template)
    assert regions.labels.shape == (template.size, template.size)
    assert regions.names == NAMES
    together = sum(regions.mask(number).astype(int) for number in range(len(NAMES)))
    np.testing.assert_array_equal(together, 1)
    assert regions.pixels.min() > 0
    assert regions.pixels.sum() == template.size**2


@pytest.mark.parametrize("template", ALL, ids=lambda template: f"{template.name}-{template.size}")
def test_the_landmarks_of_an_aligned_face_lie_in_the_regions_they_are_of(template: Template) -> None:
    face = np.array(ARCFACE.points) * 3.7 + 11
    matrix = similarity_transform(face, np.array(template.points))
    regions = regions_of(template)
    found = [NAMES[regions.labels[y, x]] for x, y in np.rint(face @ matrix[:, :2].T + matrix[:, 2]).astype(int)]
    assert found == ["left eye", "right eye", "nose", "mouth", "mouth"]


def test_regions_turn_with_the_landmarks() -> None:
    # A quarter turn, clockwise as rows go down: (x, y) -> (111 - y, x).
    turned = Template("turned", 112, tuple((111 - y, x) for x, y in ARCFACE.points))
    same = regions_of(turned).labels == np.rot90(regions_of(ARCFACE).labels, -1)
    assert same.mean() > 0.999


@pytest.mark.parametrize("name", TEMPLATES)
def test_regions_keep_their_share_of_the_crop_at_any_size(name: str) -> None:
    small, large = regions_of(TEMPLATES[name]), regions_of(template_for(512, name))
    np.testing.assert_allclose(large.pixels / 512**2, small.pixels / small.labels.size, atol=0.006)


def test_sums_are_those_of_the_masks_and_add_up_to_the_whole() -> None:
    values = np.random.default_rng(0).normal(size=(112, 112))
    regions = regions_of(ARCFACE)
    sums = regions.sums(values)
    np.testing.assert_allclose(sums, [values[regions.mask(number)].sum() for number in range(len(NAMES))], rtol=1e-12)
    assert sums.sum() == pytest.approx(values.sum(), abs=1e-9)
