"""The parts of the Browse page: which pairs, how many of them are errors, and the pairs as a gallery."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ui.address import page_number
from ui.browse_lens import Lens
from ui.browse_maps import with_maps
from ui.browse_sets import Face, LfwSet
from ui.browse_sheet import changed, choose, on_sheet
from ui.browse_words import OUTCOME_TITLES
from ui.components import component
from ui.jobs import FOR_EVER, Offer, jobs, offer_work, session
from ui.page import address
from ui.pictures import png_url
from ui.sidebar import settings_in_url
from ui.state import engine
from ui.words import plain
from xssab_core.gallery.selection import (
    FALSE_MATCH,
    FALSE_NON_MATCH,
    MATCH,
    NO_SCORE,
    NON_MATCH,
    ORDERS,
    OUTCOMES,
    Selection,
    error_rates_of,
)
from xssab_core.metrics import Rate, compared, counted, percent
from xssab_core.models import FaceModel
from xssab_core.progress import clock

CARDS_PER_PAGE = 12
# Of a pair that is scored: both faces, which others may share, and the patched probe.
_PASSES = 3
_OUTCOME_PILLS = {
    FALSE_MATCH: "FM",
    FALSE_NON_MATCH: "FNM",
    MATCH: "Correct match",
    NON_MATCH: "Correct non-match",
}
_ORDER_TITLES = {
    "closest": "Closest to the threshold first",
    "farthest": "Farthest from the threshold first",
    "lowest": "Lowest margin first",
    "highest": "Highest margin first",
    "official": "Official order",
}
_WHOLE_SCORES, _WHOLE_DISTANCES = (-1.0, 1.0), (0.0, 2.0)
PLACES = {"pages/inspect.py": "Inspect", "pages/replay.py": "Replay"}
_HINT = (
    "By keyboard: arrow keys move between pairs and on to the next page, Page Up and Page Down turn the page, "
    "Enter opens the pair."
)

_component = component("gallery")


def show_how_to_get_lfw() -> None:
    """Shown above the samples where there is no LFW."""
    st.info(
        "These are the sample pairs, which are not patched. To browse LFW and Patch-LFW, start the app with "
        "`XSSAB_LFW=/path/to/lfw make run`: the folder that holds `lfw-deepfunneled`, `lfw_funneled` or `lfw`, and "
        "`pairs.txt`. `xssab patch-lfw --lfw DIR --output DIR --download` fetches LFW "
        "(for research use).",
        icon=":material/folder:",
    )


def offer_scoring(pairs: LfwSet, model: FaceModel) -> None:
    """Where pairs have no score yet: say so, and compute them beside the page, with progress and a button to stop."""
    total, known = len(pairs.table), int(pairs.table[pairs.known].sum())
    if known == total:
        return
    key: Hashable = ("scores", str(pairs.scores.generator.lfw.images), model.weights_sha256)
    ended = jobs().take_ended(key, session())
    if ended is not None and ended.error:
        st.info(plain(f"{ended.error} Scores computed so far are kept."), icon=":material/info:")
    seconds = _PASSES * (total - known) * engine().seconds_a_pass(model)
    about = (
        f"Of {counted(total, 'pair')}, {known:,} have a score of {plain(model.info.title)}. Scoring the others "
        f"takes passes of at most about {clock(seconds)} where nothing else runs, and the time to find faces that were "
        "not found here before. It goes on beside the page, and continues where it was stopped."
    )
    button = f"Score the other {counted(total - known, 'pair')}"
    name, title = f"scores_{model.info.id}", f"Scoring, {model.info.title}"
    offer_work(Offer(key, name, title, pairs.scores.compute, FOR_EVER), button, about)


def pick_selection(table: pd.DataFrame) -> Selection:
    """The filters and the order, in a bar; all are in the URL. `table` is from `decided`."""
    first, second = st.columns([3, 2])
    outcomes = first.pills(
        "Outcome",
        OUTCOMES,
        selection_mode="multi",
        format_func=_OUTCOME_PILLS.__getitem__,
        help="FM: false match, two people decided to be one. FNM: false non-match, one person decided to be two.",
        key="outcome",
        bind="query-params",
        on_change=to_first_page,
    )
    order = second.selectbox(
        "Order",
        list(ORDERS),
        format_func=_ORDER_TITLES.__getitem__,
        key="order",
        bind="query-params",
        on_change=to_first_page,
    )
    columns = st.columns([3, 3, 3, 3])
    people = sorted(pd.concat([table["probe_identity"], table["reference_identity"]]).unique().tolist())
    identity = columns[0].selectbox(
        "Identity",
        people,
        index=None,
        placeholder="Everyone",
        key="identity",
        bind="query-params",
        on_change=to_first_page,
    )
    folds = columns[1].multiselect(
        "Fold",
        sorted(table["fold"].unique().tolist()),
        placeholder="All",
        key="fold",
        bind="query-params",
        on_change=to_first_page,
    )
    scores = _range(columns[2], "Score", _WHOLE_SCORES, "score")
    distances = _range(columns[3], "|Margin|", _WHOLE_DISTANCES, "margin")
    differing = "differs" in table and st.toggle(
        "Only pairs that the models decide differently",
        key="differing",
        bind="query-params",
        on_change=to_first_page,
    )
    return Selection(tuple(outcomes), scores, distances, identity, tuple(folds), order, bool(differing))


def _range(column: Any, label: str, whole: tuple[float, float], key: str) -> tuple[float, float] | None:
    """A slider with two ends; None while it spans everything."""
    low, high = column.slider(
        label, *whole, whole, 0.01, key=key, bind="query-params", on_change=to_first_page, format="%.2f"
    )
    return None if (low, high) == whole else (low, high)


def to_first_page() -> None:
    """Called when other rows are shown."""
    st.query_params.pop("page", None)


def show_rates(shown: pd.DataFrame, table: pd.DataFrame) -> None:
    """How many pairs there are and how many are decided wrongly, of those shown and of all."""
    lines = ["| Set | Pairs | FMR | FNMR |", "|---|---|---|---|"]
    for title, rows in (("Shown", shown), ("All", table)):
        false_match, false_non_match = error_rates_of(rows)
        lines.append(
            f"| **{title}** | {len(rows):,} | {_rate(false_match, 'impostor')} | {_rate(false_non_match, 'genuine')} |"
        )
    st.markdown("\n".join(lines))


def _rate(rate: Rate | None, kind: str) -> str:
    if rate is None:
        return f"no {kind} pairs"
    return f"**{percent(rate.value)}** ({rate.errors:,} of {rate.trials:,} {kind})"


def show_gallery(shown: pd.DataFrame, lens: Lens) -> None:
    """A page of cards, each with links that open its pair elsewhere, and its maps where they are wanted."""

    def prepare(indexes: Sequence[int]) -> None:
        if lens.maps is not None:
            lens.maps.draw(indexes)

    show_cards(shown, lambda row: _card(row, lens), prepare)


@st.fragment
def show_cards(
    shown: pd.DataFrame, card: Callable[[Any], dict[str, Any]], prepare: Callable[[Sequence[int]], None] | None = None
) -> None:
    """A page of the cards of a table's rows. They open pairs by links, because `st.switch_page` may not say in the URL
    what widgets of this page are bound to, and leaves the browser's Back button astray.

    Args:
        shown: the rows.
        card: what the gallery shows of a row.
        prepare: called with the indexes of a page before its cards are made.
    """
    if changed():
        st.rerun()  # the sheet is shown outside of this fragment
    if shown.empty:
        st.info("No pair fits. Widen the filters above.", icon=":material/filter_alt:")
        return
    pages = math.ceil(len(shown) / CARDS_PER_PAGE)
    page = min(page_number(st.query_params.get("page", "1")), pages)
    start = (page - 1) * CARDS_PER_PAGE
    rows = shown.iloc[start : start + CARDS_PER_PAGE]
    if prepare is not None:
        prepare(rows["index"].tolist())
    data = {
        "cards": [card(row) for row in rows.itertuples(index=False)],
        "page": page,
        "pages": pages,
        "range": _range_of(start + 1, start + len(rows), len(shown)),
        "hint": _HINT,
    }
    _component(key="gallery", data=data, on_page_change=_turn_page, on_chosen_change=_choose)


def _range_of(first: int, last: int, total: int) -> str:
    return f"Pair {first:,} of {total:,}" if first == last else f"Pairs {first:,} to {last:,} of {total:,}"


def _turn_page() -> None:
    st.query_params["page"] = str(int(st.session_state.gallery.page))


def _choose() -> None:
    choose(st.session_state.gallery.chosen)


def _card(row: Any, lens: Lens) -> dict[str, Any]:
    """What the gallery needs to show a row of a table from `decided`."""
    pairs, model, threshold = lens.pairs, lens.model, lens.threshold
    faces = with_maps(pairs.faces(row.index), row.index, lens.maps)
    numbers = ""
    if row.outcome != NO_SCORE:
        found = compared(row.score, threshold.value)
        numbers = f"Score {found.score}, margin {found.margin}"
        if pairs.score == "patched_score":
            numbers += f"; unpatched score {compared(row.clean_score, threshold.value).score}"
    query = pairs.query(row.index) | settings_in_url(model, threshold)
    error = row.outcome in (FALSE_MATCH, FALSE_NON_MATCH)
    return {
        "id": row.index,
        "title": " / ".join(face.name for face in faces),
        "faces": [_face(face, model.info.template.size) for face in faces],
        "outcome": OUTCOME_TITLES[row.outcome],
        "tone": "none" if row.outcome == NO_SCORE else "error" if error else "right",
        "numbers": numbers,
        "label": f"{'Genuine' if row.genuine else 'Impostor'} pair" + (f", fold {row.fold}" if row.fold else ""),
        "places": [{"title": title, "href": address(file, query)} for file, title in PLACES.items()],
        "doubt": "Label wrong, says the data set's errata" if row.mislabelled else "",
        "beside": [other.said(row.index) for other in lens.others],
        "chosen": row.index in on_sheet(),
    }


def _face(face: Face, size: int) -> dict[str, Any]:
    picture = "" if face.png is None else png_url(face.png)
    return {"name": face.name, "alt": face.alt, "picture": picture, "outline": face.outline, "size": size}


def pick_view() -> str:
    """Whether the pairs are shown as cards or as a table."""
    shown = st.segmented_control(
        "Show as", ["Cards", "Table"], default="Cards", required=True, key="view", bind="query-params"
    )
    return shown or "Cards"
