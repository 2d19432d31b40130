"""Deletion and insertion: which pixels are shown, and the scores that follow."""

from __future__ import annotations

import numpy as np
import pytest

from xssab_core.replay.case import blurred
from xssab_core.replay.deletion import CURVES, SHARES, deciding, occluded_scores, shown


def _embed(crops: np.ndarray) -> np.ndarray:
    """An embedder whose answer is known: the pixels themselves and a constant, as unit rows."""
    rows = np.concatenate([crops.reshape(len(crops), -1) / 255.0, np.ones((len(crops), 1))], axis=1)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_deletion_keeps_what_is_at_or_below_the_percentile() -> None:
    values = np.random.default_rng(0).permutation(400).reshape(20, 20).astype(np.float64)
    for share in SHARES:
        mask = shown(values, share)
        assert mask.sum() == round(400 * (1 - share))
        assert not mask.any() or values[mask].max() < values[~mask].min(initial=np.inf)
    # Pixels of one value go together.
    halves = np.repeat([[0.0], [1.0]], 10, axis=0) * np.ones(20)
    assert shown(halves, 0.4).all()
    assert (shown(halves, 0.6) == (halves == 0)).all()


def test_maps_are_read_by_the_decision_and_attention_as_it_is() -> None:
    values = np.array([[1.0, -2.0]])
    assert deciding(values, is_match=True).tolist() == [[1.0, -2.0]]
    assert deciding(values, is_match=False).tolist() == [[-1.0, 2.0]]
    assert deciding(values, is_match=False, attention=True).tolist() == [[1.0, -2.0]]


def test_scores_are_those_of_pictures_filled_pixel_by_pixel() -> None:
    generator = np.random.default_rng(1)
    crop = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    reference = _embed(generator.integers(0, 256, (1, 20, 20, 3), dtype=np.uint8))[0]
    values = generator.normal(size=(20, 20))
    clean = float(_embed(crop[None])[0] @ reference)
    found = occluded_scores(_embed, crop, reference, clean, values)
    assert set(found.curves) == set(CURVES)
    for fill, filled in (("black", np.zeros_like(crop)), ("blurred", blurred(crop))):
        for step, share in enumerate(SHARES):
            limit = np.percentile(values, 100 - 100 * share)
            left, rest = filled.copy(), crop.copy()
            for y, x in np.ndindex(20, 20):
                if values[y, x] <= limit and share < 1:
                    left[y, x], rest[y, x] = crop[y, x], filled[y, x]
            for way, picture in (("deletion", left), ("insertion", rest)):
                expected = float(_embed(picture[None])[0] @ reference)
                assert found.curves[f"{way}-{fill}"][step] == pytest.approx(expected, abs=1e-12)
        top = crop.copy()
        for place in sorted(range(400), key=lambda at: -values.flat[at])[:4]:
            top[divmod(place, 20)] = filled[divmod(place, 20)]
        assert found.top[fill] == pytest.approx(float(_embed(top[None])[0] @ reference), abs=1e-12)
