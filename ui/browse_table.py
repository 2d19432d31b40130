"""The pairs of Browse as a table: the rows and the order of the gallery, to be read, chosen from and taken along."""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st

from ui.browse_lens import Lens
from ui.browse_sheet import MOST, on_sheet, put_on_sheet
from ui.browse_words import OUTCOME_TITLES
from xssab_core.gallery.export import rows_csv, rows_parquet
from xssab_core.gallery.selection import beside

_KEY = "rows_"


def show_table(shown: pd.DataFrame, lens: Lens) -> None:
    """The rows; those that are marked are on the sheet."""
    if shown.empty:
        st.info("No pair fits. Widen the filters above.", icon=":material/filter_alt:")
        return
    indexes = shown["index"].tolist()
    # Marks are places in the table: other rows are another table.
    key = _KEY + hashlib.sha256(repr(indexes).encode()).hexdigest()[:16]
    marked = [place for place, index in enumerate(indexes) if index in on_sheet()]
    st.dataframe(
        _readable(shown, lens),
        hide_index=True,
        key=key,
        on_select=lambda: _take_marks(key, indexes),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": marked}},
        height=460,
        alt="The pairs that are shown, one a row",
    )
    st.caption(f"Mark rows to put their pairs on the sheet below, at most {MOST}.")
    show_downloads(shown, lens, "shown")


def _take_marks(key: str, indexes: list[int]) -> None:
    """What is marked is on the sheet, and of these rows nothing else is."""
    marked = [indexes[place] for place in st.session_state[key].selection.rows if place < len(indexes)]
    others = [index for index in on_sheet() if index not in set(indexes)]
    put_on_sheet([*others, *marked])


def show_downloads(rows: pd.DataFrame, lens: Lens, name: str) -> None:
    """The rows as CSV and Parquet."""
    with st.container(horizontal=True):
        for label, make, suffix, mime in (
            ("Rows (CSV)", rows_csv, "csv", "text/csv"),
            ("Rows (Parquet)", rows_parquet, "parquet", "application/octet-stream"),
        ):
            data, file = (lambda make=make: make(rows, lens.about)), f"pairs-{name}.{suffix}"
            key = f"{name}_{suffix}"
            st.download_button(label, data, file, mime, key=key, on_click="ignore", icon=":material/download:")


def _readable(shown: pd.DataFrame, lens: Lens) -> pd.DataFrame:
    columns = {
        "probe": shown["probe_identity"],
        "reference": shown["reference_identity"],
        "kind": shown["genuine"].map({True: "genuine", False: "impostor"}),
        "fold": shown["fold"],
        "score": shown["score"].round(4),
        "margin": shown["margin"].round(4),
        "outcome": shown["outcome"].map(OUTCOME_TITLES),
    }
    for other in lens.others:
        score, margin, outcome = (beside(other.model.info.id, what) for what in ("score", "margin", "outcome"))
        columns |= {
            f"{other.title}: score": shown[score].round(4),
            f"{other.title}: margin": shown[margin].round(4),
            f"{other.title}: outcome": shown[outcome].map(OUTCOME_TITLES),
        }
    return pd.DataFrame(columns | {"pair": shown["id"]})
