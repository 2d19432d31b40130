"""Numbers as they are said: they agree with each other and with what they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xssab_core.metrics import compared, counted, percent


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        (14 / 2100, 2, "0.67 %"),
        (0.0, 2, "0.00 %"),
        (1.0, 2, "100.00 %"),
        (1e-6, 2, "under 0.01 %"),
        (1 - 1e-6, 2, "over 99.99 %"),
        (0.004, 0, "under 1 %"),
        (0.999, 0, "over 99 %"),
        (0.05, 0, "5 %"),
        (-0.0189, 1, "-1.9 %"),
        (-0.0001, 1, "0.0 %"),
    ],
)
def test_a_share_is_in_percent_and_never_rounded_to_nothing_or_everything(share: float, digits: int, said: str) -> None:
    assert percent(share, digits) == said.replace(" %", "\u00a0%")


def test_one_thing_is_not_many() -> None:
    assert [counted(number, "pair") for number in (0, 1, 2100)] == ["0 pairs", "1 pair", "2,100 pairs"]


def test_the_margin_is_the_difference_of_the_numbers_beside_it() -> None:
    generator = np.random.default_rng(0)
    scores = generator.uniform(-1, 1, 2000)
    for score, threshold in zip(scores, scores + generator.choice([1e-7, 1e-5, 1e-3, 0.3], 2000), strict=True):
        shown = compared(score, threshold)
        digits = len(shown.score.partition(".")[2])
        assert math.isclose(float(shown.score) - float(shown.threshold), float(shown.margin), abs_tol=10.0**-digits / 2)
        assert (float(shown.score) < float(shown.threshold)) == (score < threshold)


def test_a_score_can_be_told_from_a_threshold_that_has_the_same_four_digits() -> None:
    shown = compared(0.30572, 0.3056696601003489)
    assert (shown.score, shown.threshold, shown.margin) == ("0.30572", "0.30567", "+0.00005")
    shown = compared(0.5 - 2**-54, 0.5)
    assert float(shown.score) < float(shown.threshold)


def test_a_score_at_the_threshold_has_no_margin() -> None:
    shown = compared(0.3057, 0.3057)
    assert (shown.score, shown.threshold, shown.margin) == ("0.3057", "0.3057", "+0.0000")
    assert compared(-0.00001, 0.4).score == "0.0000"
