"""Another model beside the one of the view on Browse: what it decides on the same pairs, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from ui.browse_sets import PairSet, open_set
from ui.browse_words import OUTCOME_TITLES
from ui.choices import belongs
from ui.page import errors_as_sentences
from ui.sidebar import models_here
from ui.state import engine
from ui.words import plain
from xssab_core.gallery.selection import NO_SCORE, agreement, decided, with_other
from xssab_core.metrics import compared, percent
from xssab_core.models import MODELS, FaceModel, Threshold


@dataclass(frozen=True, eq=False)
class Other:
    """Another model and what it makes of a set at its own first threshold."""

    model: FaceModel
    pairs: PairSet
    threshold: Threshold

    def beside(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table from `decided` with the scores and outcomes of this model, see `with_other`."""
        own = self.pairs.table
        return with_other(table, decided(own[own[self.pairs.known]], self.pairs.score, self.threshold.value))

    def said(self, row: Any) -> str:
        """What it makes of a row of such a table."""
        if row.other_outcome == NO_SCORE:
            return f"{self.model.info.title}: no score yet"
        found = compared(row.other_score, self.threshold.value)
        return (
            f"{self.model.info.title}: score {found.score}, margin {found.margin}, "
            f"{OUTCOME_TITLES[row.other_outcome].lower()}"
        )


def pick_other(name: str, model: FaceModel) -> Other | None:
    """The model beside the one of the view; None for that one alone."""
    others = [model_id for model_id in models_here() if model_id != model.info.id]
    if not others:
        return None
    belongs("other", model.weights_sha256, None)
    with st.sidebar:
        chosen = st.selectbox(
            "Another model beside it",
            others,
            index=None,
            placeholder="None",
            format_func=lambda i: MODELS[i].info.title,
            key="other",
            bind="query-params",
        )
    if chosen is None:
        return None
    with errors_as_sentences():
        other = engine().model(chosen)
        if not other.thresholds:
            st.info(f"{plain(other.info.title)} has no threshold. Calibrate it first.", icon=":material/info:")
            return None
        return Other(other, open_set(name, other), other.thresholds[0])


def show_agreement(shown: pd.DataFrame, table: pd.DataFrame, model: FaceModel, other: Other) -> None:
    """How many pairs both models decide rightly, one of them, or none; of those shown and of all."""
    first, second = plain(model.info.title), plain(other.model.info.title)
    if not agreement(table).total:
        st.info(f"No pair has a score of both {first} and {second} yet.", icon=":material/info:")
        return
    heads = ("Set", "Pairs scored by both", "Both right", f"Only {first}", f"Only {second}", "Neither")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for title, rows in (("Shown", shown), ("All", table)):
        found = agreement(rows)
        counts = (found.both, found.first_only, found.second_only, found.neither)
        told = " | ".join(_share(count, found.total) for count in counts)
        lines.append(f"| **{title}** | {found.total:,} | {told} |")
    st.markdown("\n".join(lines))
    st.caption(
        f"{second} decides at its own threshold, {other.threshold.value:.4f}: {plain(other.threshold.origin)}. "
        "Scores of two models are on scales of their own; margins are told from each one's threshold."
    )


def _share(count: int, total: int) -> str:
    return f"{count:,} ({percent(count / total)})" if total else "0"
