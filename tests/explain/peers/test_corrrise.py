"""CorrRISE against scipy's rank correlation, pixel by pixel, on embeddings in closed form."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from tests.explain.peers.linear import linear
from tests.explain.tiny import SIDE
from xssab_core.explain.peers.corrrise import CorrRise, keep_masks, rank_correlations


def test_maps_of_a_linear_embedder_equal_scipys_correlations_with_its_cosines() -> None:
    known, method = linear(), CorrRise(60)
    maps = method.maps(known.model, method.examine(known.model, *known.crops), 0.2)
    keep = keep_masks(60, SIDE).astype(np.float64)
    for face in (0, 1):
        cosines = [known.embed(known.pixels[face] * mask) @ known.unit[1 - face] for mask in keep]
        for row, column in np.random.default_rng(1).integers(0, SIDE, (150, 2)):
            visible = keep[:, row, column]
            expected = spearmanr(visible, cosines).statistic if np.ptp(visible) else 0.0
            np.testing.assert_allclose(maps[face].combined[row, column], expected, atol=1e-6)


def test_tied_cosines_share_their_ranks() -> None:
    generator = np.random.default_rng(2)
    visible = generator.integers(0, 2, (40, 7)).astype(np.float32)
    visible[:, 3] = 1
    values = generator.integers(0, 4, 40).astype(np.float64)
    expected = [spearmanr(column, values).statistic for column in visible.T[[0, 1, 2, 4, 5, 6]]]
    found = rank_correlations(visible, values)
    np.testing.assert_allclose(np.delete(found, 3), expected, atol=1e-6)
    assert found[3] == 0
    assert (rank_correlations(visible, np.ones(40)) == 0).all()


def test_masks_hide_three_squares_inside_the_crop_scaled_with_it_and_always_the_same() -> None:
    for side, patch in ((112, 30), (160, 43), (150, 40)):
        keep = keep_masks(500, side)
        hidden = (~keep).sum(axis=(1, 2))
        assert hidden.max() == 3 * patch**2  # no square reaches over the edge, and some three do not overlap
        assert hidden.min() >= patch**2
        corners = (~keep).any(axis=0)
        assert corners[0].any()
        assert corners[-1].any()
        np.testing.assert_array_equal(keep, keep_masks(500, side))
        np.testing.assert_array_equal(keep[:60], keep_masks(60, side))
