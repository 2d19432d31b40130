"""Other models beside the one of the view on Browse: what they decide on the same pairs, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st

from ui.browse_sets import PairSet, open_set
from ui.browse_words import OUTCOME_TITLES
from ui.choices import belongs
from ui.page import errors_as_sentences
from ui.sidebar import models_here
from ui.state import engine
from ui.words import plain
from xssab_core.gallery.selection import NO_SCORE, Agreement, agreement, decided, with_others
from xssab_core.metrics import compared, percent
from xssab_core.models import MODELS, FaceModel, Threshold


@dataclass(frozen=True, eq=False)
class Other:
    """Another model and what it makes of a set at its own first threshold."""

    model: FaceModel
    pairs: PairSet
    threshold: Threshold

    @property
    def title(self) -> str:
        """Of the model."""
        return self.model.info.title

    @cached_property
    def table(self) -> pd.DataFrame:
        """What it decides, see `decided`."""
        own = self.pairs.table
        return decided(own[own[self.pairs.known]], self.pairs.score, self.threshold.value)

    @cached_property
    def _by_index(self) -> pd.DataFrame:
        return self.table.set_index("index")

    def said(self, index: int) -> str:
        """What it makes of a pair."""
        if index not in self._by_index.index or self._by_index.at[index, "outcome"] == NO_SCORE:
            return f"{self.title}: no score"
        found = compared(float(self._by_index.at[index, "score"]), self.threshold.value)
        outcome = OUTCOME_TITLES[self._by_index.at[index, "outcome"]]
        return f"{self.title}: score {found.score}, margin {found.margin}, {outcome[0].lower()}{outcome[1:]}"


def pick_others(name: str, model: FaceModel) -> tuple[Other, ...]:
    """The models beside the one of the view."""
    others = [model_id for model_id in models_here() if model_id != model.info.id]
    if not others:
        return ()
    belongs("other", model.weights_sha256, [])
    with st.sidebar:
        chosen = st.multiselect(
            "Other models beside it",
            others,
            placeholder="None",
            format_func=lambda i: MODELS[i].info.title,
            key="other",
            bind="query-params",
        )
    with errors_as_sentences():
        models = [engine().model(model_id) for model_id in chosen]
        for other in models:
            if not other.thresholds:
                st.info(f"{plain(other.info.title)} has no threshold. Calibrate it first.", icon=":material/info:")
        return tuple(Other(each, open_set(name, each), each.thresholds[0]) for each in models if each.thresholds)


def beside_others(table: pd.DataFrame, others: Sequence[Other]) -> pd.DataFrame:
    """A table from `decided` with what the others make of its pairs, see `with_others`; as it is without any."""
    return with_others(table, {other.model.info.id: other.table for other in others}) if others else table


def show_agreement(shown: pd.DataFrame, table: pd.DataFrame, model: FaceModel, others: Sequence[Other]) -> None:
    """How many pairs the model and each of the others decide rightly, one of them, or none; of those shown and of
    all."""
    if not others:
        return
    first = plain(model.info.title)
    heads = ("Beside it", "Set", "Scored by both", "Both right", f"Only {first}", "Only the other", "Neither")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for other in others:
        for title, rows in (("Shown", shown), ("All", table)):
            found = agreement(rows, other.model.info.id)
            lines.append(f"| **{plain(other.title)}** | {title} | {_counts(found)} |")
    st.markdown("\n".join(lines))
    told = "; ".join(f"{other.title}: {other.threshold.value:.4f}, {other.threshold.origin}" for other in others)
    st.caption(
        f"Each decides at its own threshold. {plain(told)}. Scores of two models are on scales of their own; margins "
        "are told from each one's threshold."
    )


def _counts(found: Agreement) -> str:
    counts = (found.both, found.first_only, found.second_only, found.neither)
    return " | ".join([f"{found.total:,}", *(_share(count, found.total) for count in counts)])


def _share(count: int, total: int) -> str:
    return f"{count:,} ({percent(count / total)})" if total else "0"
