"""Outcomes, filters and rates, on six pairs worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from xssab_core.gallery.selection import ORDERS, Selection, decided, error_rates_of

TABLE = pd.DataFrame(
    {
        "index": [0, 1, 2, 3, 4, 5],
        "fold": [1, 1, 1, 2, 2, 2],
        "genuine": [True, True, False, False, False, True],
        "probe_identity": ["A", "B", "A", "B", "C", "C"],
        "reference_identity": ["A", "B", "B", "C", "A", "C"],
        "score": [0.9, 0.2, 0.3, 0.25, -0.1, math.nan],
    }
)
DECIDED = decided(TABLE, "score", 0.3)


def test_a_score_at_the_threshold_is_a_match() -> None:
    outcomes = ["correct match", "FNM", "FM", "correct non-match", "correct non-match", "no score"]
    assert list(DECIDED["outcome"]) == outcomes
    assert DECIDED["margin"][1] == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("closest", [2, 3, 1, 4, 0, 5]),
        ("farthest", [0, 4, 1, 3, 2, 5]),
        ("lowest", [4, 1, 3, 2, 0, 5]),
        ("highest", [0, 2, 3, 1, 4, 5]),
        ("official", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_orders_put_pairs_without_a_score_last(order, expected) -> None:
    assert list(Selection(order=order).of(DECIDED)["index"]) == expected
    assert order in ORDERS


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(outcomes=("FM", "FNM"), order="official"), [1, 2]),
        (Selection(scores=(0.2, 0.3), order="official"), [1, 2, 3]),
        (Selection(distances=(0.0, 0.06), order="official"), [2, 3]),
        (Selection(identity="A", order="official"), [0, 2, 4]),
        (Selection(folds=(2,), order="official"), [3, 4, 5]),
        (Selection(identity="C", folds=(2,), scores=(-1.0, 0.0), order="official"), [4]),
    ],
)
def test_filters_are_inclusive_and_combine(selection, expected) -> None:
    assert list(selection.of(DECIDED)["index"]) == expected


def test_rates_count_scored_pairs_only() -> None:
    false_match, false_non_match = error_rates_of(DECIDED)
    assert (false_match.errors, false_match.trials) == (1, 3)
    assert (false_non_match.errors, false_non_match.trials) == (1, 2)
    assert error_rates_of(DECIDED[DECIDED["genuine"]])[0] is None
