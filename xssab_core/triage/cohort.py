"""The cohorts of a triage: what the maps of one outcome have in common, and two models on the same pairs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from xssab_core.errors import DataError
from xssab_core.metrics import rank_correlation
from xssab_core.render import colour_layer, overlay, shared_scale
from xssab_core.triage.table import ERRORS
from xssab_core.triage.tasks import Sum


@dataclass(frozen=True, eq=False)
class Cohort:
    """The pairs of one outcome.

    Attributes:
        pairs: how many.
        maps: float32 (2, S, S), the mean of their maps of probe and reference, each scaled so that its |values| add up
            to 1.
        crops: float32 (2, S, S), the mean grey value of their crops, 0..255.
    """

    pairs: int
    maps: np.ndarray
    crops: np.ndarray

    def pictures(self, palette: str) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (S, S, 3) pictures of both mean maps over the mean crops, on one scale."""
        scale = shared_scale(self.maps)
        first, second = (
            overlay(grey(crop), colour_layer(values, scale, palette))
            for crop, values in zip(self.crops, self.maps, strict=True)
        )
        return first, second


def grey(values: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) picture of grey values (S, S), 0..255."""
    return np.repeat(np.clip(np.round(values), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def cohorts_of(sums: Mapping[str, Sum]) -> dict[str, Cohort]:
    """The cohorts by outcome, from the sums of all their pairs."""
    return {
        group: Cohort(one.pairs, (one.maps / one.pairs).astype(np.float32), (one.crops / one.pairs).astype(np.float32))
        for group, one in sums.items()
    }


def cohorts_npz(cohorts: Mapping[str, Cohort]) -> bytes:
    """The cohorts as npz: `groups`, `pairs`, and `maps` and `crops` of shape (groups, 2, S, S)."""
    buffer = io.BytesIO()
    found = list(cohorts.values())
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        groups=np.array(list(cohorts), dtype=str),
        pairs=np.array([each.pairs for each in found]),
        maps=np.array([each.maps for each in found], dtype=np.float32),
        crops=np.array([each.crops for each in found], dtype=np.float32),
    )
    return buffer.getvalue()


def read_cohorts(data: bytes) -> dict[str, Cohort]:
    """What `cohorts_npz` wrote; DataError where it is damaged."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            found = zip(
                stored["groups"].tolist(), stored["pairs"].tolist(), stored["maps"], stored["crops"], strict=True
            )
            return {group: Cohort(*rest) for group, *rest in found}
    except Exception as error:  # numpy complains in many ways
        raise DataError("cohort.npz of this triage is damaged. Run it again.") from error


@dataclass(frozen=True, eq=False)
class Versus:
    """Model A against model B on the rows that both scored.

    Attributes:
        rows: float64 and text, one line for each row that they decide differently, the most different margins first:
            row, probe, reference, label, score_a, score_b, margin_a, margin_b, outcome_a, outcome_b.
        pairs: rows that both scored.
        labelled: of these, with a label.
        both_wrong, only_a_wrong, only_b_wrong: of the labelled ones.
        p: exact McNemar test: how likely a split of the errors that only one makes is, at least as uneven as this one,
            if both models were equally good; None without such an error.
        correlation: Spearman's, of the scores; NaN where one of them has no variation.
    """

    rows: pd.DataFrame
    pairs: int
    labelled: int
    both_wrong: int
    only_a_wrong: int
    only_b_wrong: int
    p: float | None
    correlation: float


def versus(first: pd.DataFrame, second: pd.DataFrame) -> Versus:
    """Compare two tables of triages of the same list.

    Raises:
        DataError: no row was scored in both.
    """
    named = ["row", "probe", "reference", "label", "score", "margin", "decision", "outcome"]
    other = second[["row", "score", "margin", "decision", "outcome"]]
    both = first[named].merge(other, on="row", suffixes=("_a", "_b"))
    if both.empty:
        raise DataError("No row was scored by both models. Compare two triages of the same list.")
    wrong_a, wrong_b = (both[f"outcome_{side}"].isin(ERRORS).to_numpy() for side in "ab")
    only_a, only_b = int((wrong_a & ~wrong_b).sum()), int((wrong_b & ~wrong_a).sum())
    apart = both[both["decision_a"] != both["decision_b"]]
    gap = (apart["margin_a"] - apart["margin_b"]).abs()
    return Versus(
        apart.loc[gap.sort_values(ascending=False, kind="stable").index].reset_index(drop=True),
        len(both),
        int(both["label"].notna().sum()),
        int((wrong_a & wrong_b).sum()),
        only_a,
        only_b,
        float(scipy.stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else None,
        rank_correlation(both["score_a"].to_numpy(), both["score_b"].to_numpy()),
    )
