"""MinPlus, written out spot by spot on a linear embedder."""

from __future__ import annotations

import numpy as np
import pytest

from tests.explain.peers.linear import Linear, linear
from tests.explain.tiny import SIDE
from xssab_core.explain.peers.minplus import MinPlus, spots


def by_hand(known: Linear, face: int, most: int) -> np.ndarray:
    """The map of a face, one picture at a time, in float64."""
    crop, partner = known.crops[face], known.unit[1 - face]
    bells = []
    for row in range(7):
        for column in range(7):
            y, x = np.mgrid[:SIDE, :SIDE] + 0.5
            width = SIDE / 7
            distance = (y - (row + 0.5) * width) ** 2 + (x - (column + 0.5) * width) ** 2
            bells.append(np.exp(-distance / (2 * width**2)))

    def score(visible: np.ndarray) -> float:
        return float(known.embed(np.rint(crop * visible[..., None]).transpose(2, 0, 1)) @ partner)

    white, black = np.ones((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    single_minus = sum((score(white) - score(1 - bell)) * bell for bell in bells) / sum(bells)
    single_plus = sum((score(bell) - score(black)) * bell for bell in bells) / sum(bells)
    series_minus, series_plus = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))

    visible, left = white, list(bells)
    for _ in range(most):
        falls = [score(visible) - score(visible * (1 - bell)) for bell in left]
        if max(falls) < 0.01:
            break
        bell = left.pop(int(np.argmax(falls)))
        series_minus += max(falls) * bell
        visible = visible * (1 - bell)

    still_black, left = white, list(bells)
    for _ in range(most):
        rises = [score(1 - still_black * (1 - bell)) - score(1 - still_black) for bell in left]
        if max(rises) < 0.01:
            break
        bell = left.pop(int(np.argmax(rises)))
        series_plus += max(rises) * bell
        still_black = still_black * (1 - bell)
    return sum(each / np.abs(each).max() for each in (single_minus, single_plus, series_minus, series_plus)) / 4


@pytest.mark.parametrize("most", [1, 20])
def test_maps_of_a_linear_embedder_equal_the_formulas(most: int) -> None:
    known, method = linear(), MinPlus(most)
    maps = method.maps(known.model, method.examine(known.model, *known.crops), 0.2)
    for face in (0, 1):
        np.testing.assert_allclose(maps[face].combined, by_hand(known, face, most), atol=2e-4)


def test_there_are_49_spots_a_place_of_16_px_apart() -> None:
    bells = spots(112)
    assert bells.shape == (49, 112, 112)
    middles = {tuple(np.argwhere(bell >= bell.max() - 1e-12).mean(axis=0) + 0.5) for bell in bells}
    assert middles == {(y, x) for y in range(8, 112, 16) for x in range(8, 112, 16)}
    # One sigma, 16 px, from its middle a bell has exp(-1/2) of its height.
    assert bells[24][55, 55 + 16] / bells[24][55, 55] == pytest.approx(np.exp(-0.5), rel=0.04)
