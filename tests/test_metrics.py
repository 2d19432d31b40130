"""Average precision, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from xssab_core.metrics import Rate, average_precision, cosine, cosines, fmr, threshold_at_fmr

TRUTH = np.array([[True, False], [True, False]])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[4, 2], [3, 1]], 1.0),  # both true pixels first
        ([[1, 4], [2, 3]], (1 / 3 + 2 / 4) / 2),  # both last
        ([[4, 3], [2, 1]], (1 / 1 + 2 / 3) / 2),
        ([[0, 0], [0, 0]], 0.5),  # all tied: the share of true pixels
        ([[2, 2], [1, 1]], (1 / 2 + 2 / 4) / 2),  # ties count as one step
    ],
)
def test_average_precision_is_that_of_the_ranking(values: list[list[int]], expected: float) -> None:
    assert average_precision(TRUTH, np.array(values, dtype=np.float32)) == pytest.approx(expected)


def test_a_random_order_gives_the_share_of_true_pixels() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random((112, 112)) < 0.4
    found = [average_precision(truth, generator.random((112, 112))) for _ in range(20)]
    assert np.mean(found) == pytest.approx(truth.mean(), abs=0.005)


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_rate_is_wilsons(errors: int, trials: int, low: float, high: float) -> None:
    assert Rate(errors, trials).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("errors", "trials"), [(0, 1), (1, 1), (0, 2100), (14, 2100), (2099, 2100), (2100, 2100)])
def test_the_interval_of_a_rate_is_that_of_scipy(errors: int, trials: int) -> None:
    expected = binomtest(errors, trials).proportion_ci(method="wilson")
    assert Rate(errors, trials).interval == pytest.approx((expected.low, expected.high), abs=1e-14)


def test_the_threshold_at_a_false_match_rate_is_the_lowest_that_keeps_it() -> None:
    impostor = np.array([0.1, 0.2, 0.2, 0.3, 0.4])
    for target, allowed in ((0.0, 0), (0.2, 1), (0.4, 2), (0.39, 1), (1.0, 5)):
        threshold = threshold_at_fmr(impostor, target)
        assert fmr(impostor, threshold) <= target + 1e-9
        assert np.count_nonzero(impostor >= threshold) == allowed
        if allowed < len(impostor):
            assert fmr(impostor, np.nextafter(threshold, -1)) > target


def test_tied_impostors_are_let_in_together_or_not_at_all() -> None:
    impostor = np.array([0.1, 0.2, 0.2, 0.2])
    assert fmr(impostor, threshold_at_fmr(impostor, 0.5)) == 0.0


def test_cosines_are_of_each_row_with_its_partner() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert cosines(rows, rows[1]).tolist() == [0.0, 1.0, 0.0]
    assert cosines(rows, rows[::-1]).tolist() == [0.0, 1.0, 0.0]
    assert cosine(rows[0], -rows[0]) == -1.0
