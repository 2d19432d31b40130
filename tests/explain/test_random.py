"""The random baseline: seeded by the pair, uniform, independent of the model."""

from __future__ import annotations

import numpy as np

from tests.explain.tiny import SIDE, random_pair, tiny_model
from xssab_core.explain import explain
from xssab_core.explain.random import Random


def ranks(values: np.ndarray | None) -> np.ndarray:
    assert values is not None
    return np.argsort(values, axis=None)


def test_the_order_follows_from_the_pair_alone() -> None:
    probe, reference = random_pair()
    one = explain(tiny_model(seed=0), probe, reference, "random", threshold=0.0, blur=True)
    other = explain(tiny_model(seed=1), probe.copy(), reference.copy(), "random", threshold=0.5, blur=False)
    np.testing.assert_array_equal(one.probe.combined, other.probe.combined)
    np.testing.assert_array_equal(one.reference.combined, other.reference.combined)


def test_another_pixel_another_partner_or_another_seed_gives_another_order() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    changed = probe.copy()
    changed[3, 4, 1] ^= 1
    orders = [ranks(explain(model, *pair, "random", threshold=0.0).probe.combined)
              for pair in ((probe, reference), (changed, reference), (probe, changed))]  # fmt: skip
    seeded = Random(seed=1)
    orders.append(ranks(seeded.maps(model, seeded.examine(model, probe, reference), 0.0, True)[0].combined))
    for index, order in enumerate(orders):
        for later in orders[index + 1 :]:
            # Independent orders of n pixels agree on about one place.
            assert (order == later).sum() < 10


def test_the_two_faces_get_independent_orders_that_swap_with_the_images() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    forth = explain(model, probe, reference, "random", threshold=0.0)
    back = explain(model, reference, probe, "random", threshold=0.0)
    np.testing.assert_array_equal(forth.probe.combined, back.reference.combined)
    assert abs(np.corrcoef(ranks(forth.probe.combined), ranks(forth.reference.combined))[0, 1]) < 0.1


def test_ranks_are_spread_evenly_without_ties() -> None:
    probe, reference = random_pair()
    maps = explain(tiny_model(), probe, reference, "random", threshold=0.0).probe
    assert maps.combined is not None
    assert maps.combined.dtype == np.float32
    assert maps.combined.shape == (SIDE, SIDE)
    expected = np.linspace(-1, 1, SIDE * SIDE)
    np.testing.assert_allclose(np.sort(maps.combined, axis=None), expected, atol=1e-6)
    assert len(np.unique(maps.combined)) == SIDE * SIDE
