"""The sheet of Browse: pairs that were chosen, side by side, as one figure to take along. The address names them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from html import escape
from textwrap import wrap
from typing import Any

import pandas as pd
import streamlit as st

from ui.address import indexes
from ui.browse_lens import Lens
from ui.browse_maps import with_maps
from ui.browse_sets import Face
from ui.browse_words import OUTCOME_TITLES
from ui.choices import keep
from xssab_core.explain import CAUTION
from xssab_core.gallery import sheet
from xssab_core.gallery.selection import NO_SCORE
from xssab_core.gallery.sheet import Entry, Sheet, sheet_of
from xssab_core.metrics import compared, counted

MOST = 24
_SHEET, _CHANGED = "sheet", "_sheet_changed"


def on_sheet() -> tuple[int, ...]:
    """The indexes of the pairs on the sheet, in the order in which they were chosen."""
    return indexes(st.query_params.get(_SHEET, ""), MOST)


def put_on_sheet(chosen: Iterable[int]) -> None:
    """These, and no others; the first ones where they are too many."""
    keep(_SHEET, ".".join(map(str, list(dict.fromkeys(chosen))[:MOST])))


def choose(told: object) -> None:
    """Called with what a card tells: put its pair on the sheet, or take it off."""
    if isinstance(told, Mapping) and isinstance(told.get("id"), int):
        others = [index for index in on_sheet() if index != told["id"]]
        put_on_sheet([*others, told["id"]] if told.get("on") else others)
        st.session_state[_CHANGED] = True


def changed() -> bool:
    """Whether a card has changed the sheet since this was last asked."""
    return bool(st.session_state.pop(_CHANGED, False))


def show_sheet(table: pd.DataFrame, lens: Lens, downloads: Callable[[pd.DataFrame, Lens, str], None]) -> None:
    """The pairs that were chosen, as a figure, and the figure and their rows as files."""
    st.header("Sheet")
    wanted = [index for index in on_sheet() if index in set(table["index"])]
    if not wanted:
        st.caption(f"Put pairs on it, at most {MOST}, by the box on a card or a mark in the table.")
        return
    rows = table.set_index("index", drop=False).loc[wanted]
    if lens.maps is not None:
        lens.maps.draw(wanted)
    entries = [_entry(row, lens) for row in rows.itertuples(index=False)]
    drawn = sheet_of(entries, (*lens.about, CAUTION), f"{counted(len(entries), 'pair')} side by side")
    _show(drawn)
    with st.container(horizontal=True):
        for label, data, name, mime in (
            ("Figure (SVG)", drawn.svg, "pairs.svg", "image/svg+xml"),
            ("Figure (PDF)", partial(Sheet.pdf, drawn), "pairs.pdf", "application/pdf"),
        ):
            st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:")
        st.button("Clear the sheet", key="clear_sheet", on_click=put_on_sheet, args=((),), icon=":material/close:")
    downloads(rows, lens, "sheet")


def _show(drawn: Sheet) -> None:
    encoded = base64.b64encode(drawn.svg.encode()).decode()
    st.html(
        f'<img src="data:image/svg+xml;base64,{encoded}" alt="{escape("The pairs of the sheet, side by side")}" '
        f'style="width: 100%; max-width: {1.5 * drawn.width:.0f}px; background: #ffffff; border-radius: 4px">'
    )


def _entry(row: Any, lens: Lens) -> Entry:
    faces, size = lens.pairs.faces(row.index), lens.model.info.template.size
    shown = [faces]
    if lens.maps is not None and lens.maps.of(row.index) is not None:
        shown.append(with_maps(faces, row.index, lens.maps))
    lines = [f"{'Genuine' if row.genuine else 'Impostor'} pair" + (f", fold {row.fold}" if row.fold else "")]
    if row.outcome == NO_SCORE:
        lines.append("No score")
    else:
        found = compared(row.score, lens.threshold.value)
        lines += [OUTCOME_TITLES[row.outcome], f"Score {found.score}, margin {found.margin}"]
    for other in lens.others:
        lines += wrap(other.said(row.index), 46)
    return Entry([_pictures(both, size) for both in shown], lines)


def _pictures(faces: Sequence[Face], size: int) -> tuple[sheet.Face, sheet.Face]:
    first, second = (sheet.Face(face.name, face.png, size, face.outline) for face in faces)
    return first, second
