"""Selection: how scored pairs are decided at a threshold, and which of them are meant, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xssab_core.metrics import Rate

FALSE_MATCH, FALSE_NON_MATCH, MATCH, NON_MATCH = "FM", "FNM", "correct match", "correct non-match"
OUTCOMES = (FALSE_MATCH, FALSE_NON_MATCH, MATCH, NON_MATCH)
NO_SCORE = "no score"

# By id: the column to sort by and whether ascending.
ORDERS = {
    "closest": ("distance", True),
    "farthest": ("distance", False),
    "lowest": ("margin", True),
    "highest": ("margin", False),
    "official": ("index", True),
}


def decided(table: pd.DataFrame, score: str, threshold: float) -> pd.DataFrame:
    """A table of pairs with what a threshold makes of them.

    Args:
        table: with the columns index, genuine and the one named by `score` (cosine; NaN without a score).
        threshold: match iff score >= threshold.

    Returns:
        A copy with score, margin (score - threshold), distance (|margin|) and outcome (one of `OUTCOMES`, or
        `NO_SCORE`).
    """
    scores, genuine = table[score].to_numpy(dtype=np.float64), table["genuine"].to_numpy(dtype=bool)
    match = scores >= threshold
    cases = [np.isnan(scores), match & ~genuine, ~match & genuine, match & genuine]
    outcome = np.select(cases, [NO_SCORE, FALSE_MATCH, FALSE_NON_MATCH, MATCH], NON_MATCH)
    margin = scores - threshold
    return table.assign(score=scores, margin=margin, distance=np.abs(margin), outcome=outcome)


def with_others(table: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A table from `decided` with what other models make of the same pairs.

    Args:
        table: under the first model.
        others: tables from `decided` under the others, by model id; pairs are told by their index.

    Returns:
        A copy with score, margin and outcome of each other model (`NO_SCORE` where it has none), in columns named
        `other_<id>_<what>`, and `differs`: of the models that have a score, one says match where another does not.
    """
    found = table
    for model_id, other in others.items():
        columns = other.set_index("index")[["score", "margin", "outcome"]]
        found = found.join(columns.rename(columns=lambda name, of=model_id: beside(of, name)), on="index")
        found[beside(model_id, "outcome")] = found[beside(model_id, "outcome")].fillna(NO_SCORE)
    margins = found[["margin", *(beside(model_id, "margin") for model_id in others)]]
    return found.assign(differs=(margins >= 0).any(axis=1) & (margins < 0).any(axis=1))


def beside(model_id: str, what: str) -> str:
    """The column of `with_others` that holds the score, the margin or the outcome of a model."""
    return f"other_{model_id}_{what}"


@dataclass(frozen=True)
class Agreement:
    """How many pairs two models decide rightly, of those that both have a score of."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def total(self) -> int:
        """The pairs."""
        return self.both + self.first_only + self.second_only + self.neither


def agreement(table: pd.DataFrame, model_id: str) -> Agreement:
    """Of a table from `with_others`, with one of the others."""
    other = table[beside(model_id, "outcome")]
    both = (table["outcome"] != NO_SCORE) & (other != NO_SCORE)
    first, second = (found[both].isin((MATCH, NON_MATCH)) for found in (table["outcome"], other))
    counts = (int(found.sum()) for found in (first & second, first & ~second, ~first & second, ~first & ~second))
    return Agreement(*counts)


@dataclass(frozen=True)
class Selection:
    """Which pairs, and in which order. Bounds are inclusive; None and empty leave all in.

    Attributes:
        outcomes: of `OUTCOMES`.
        scores, distances: lowest and highest cosine, and |margin|. Pairs without a score are outside any bounds.
        identity: one of the two people must be this one.
        folds: numbers of folds.
        differing: only pairs that the models decide differently; of a table from `with_others`.
        order: of `ORDERS`; pairs without a score come last.
    """

    outcomes: tuple[str, ...] = ()
    scores: tuple[float, float] | None = None
    distances: tuple[float, float] | None = None
    identity: str | None = None
    folds: tuple[int, ...] = ()
    order: str = "closest"
    differing: bool = False

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table from `decided` that are meant, in order; ties in official order."""
        keep = np.ones(len(table), dtype=bool)
        if self.outcomes:
            keep &= table["outcome"].isin(self.outcomes).to_numpy()
        for column, bounds in (("score", self.scores), ("distance", self.distances)):
            if bounds is not None:
                keep &= table[column].between(*bounds).to_numpy()
        if self.identity is not None:
            people = (table[side] == self.identity for side in ("probe_identity", "reference_identity"))
            keep &= np.logical_or(*people)
        if self.folds:
            keep &= table["fold"].isin(self.folds).to_numpy()
        if self.differing:
            keep &= table["differs"].to_numpy(dtype=bool)
        column, ascending = ORDERS[self.order]
        ordered = table[keep].sort_values("index", kind="stable")
        return ordered.sort_values(column, ascending=ascending, kind="stable", na_position="last")


def error_rates_of(table: pd.DataFrame) -> tuple[Rate | None, Rate | None]:
    """FMR and FNMR of the scored rows of a table from `decided`; None without a pair of that kind."""
    scored = table[table["outcome"] != NO_SCORE]
    rates = []
    for kind, error in ((False, FALSE_MATCH), (True, FALSE_NON_MATCH)):
        outcomes = scored.loc[scored["genuine"] == kind, "outcome"]
        rates.append(Rate(int((outcomes == error).sum()), len(outcomes)) if len(outcomes) else None)
    return rates[0], rates[1]
