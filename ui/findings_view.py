"""What Inspect shows beyond the maps: the region ledger, and what would flip the decision."""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from ui.choices import belongs
from ui.compare_view import duration
from ui.jobs import Offer, begin_work, result_or_offer
from ui.state import engine
from ui.words import plain
from xssab_core.explain import Explanation
from xssab_core.faces import SIDES, Pair
from xssab_core.findings.figure import outlined
from xssab_core.findings.flip import FILLS, ORDERS, Fill, FlipSet, telling_fill
from xssab_core.findings.ledger import FILL, HIDDEN_ON, Ledger, ledger
from xssab_core.findings.regions import NAMES
from xssab_core.metrics import percent
from xssab_core.models import FaceModel, TorchFaceModel
from xssab_core.progress import Progress
from xssab_core.replay.dpr import STEPS

# What takes longer is offered.
_AT_ONCE_SECONDS = 2.0
_LEDGER_PASSES = 2 * (len(NAMES) + 1)
_BISECTION_PASSES = 10
_FLIP_PASSES = (1 + ORDERS) * (STEPS + _BISECTION_PASSES)
_FILL_TITLES: dict[Fill, str] = {"blur": "Its blurred copy", "partner": "The reference's pixels"}
_DEFINITIONS = (
    "Share: sum of the map over the region, as a part of the sum of |map| over the face. Hidden: by how much the score "
    f"moves when the region is replaced by {FILL}. P and R: probe and reference. Left and right are as in the picture."
)
_EXACT = (
    "Exact: what the region's cells of the last grid add to score minus threshold, which they sum to. A cell sees more "
    "of the picture than its place."
)


def show_regions(
    model: FaceModel, pair: Pair, explanations: Sequence[Explanation], after: Hashable | None = None
) -> None:
    """The region ledger of the map shown first. What was measured is measured once, for every map and threshold.
    `after` is a job that the page looks at already, see `watch`."""
    st.header("Regions")
    core = engine()
    measured = _worked_out(
        model,
        "regions",
        ("regions", model.weights_sha256, pair.key),
        "Hide each region",
        _LEDGER_PASSES,
        lambda progress: core.hidden_regions(model, pair, progress),
        after,
    )
    if measured is not None:
        _show_ledger(pair, ledger(model, pair, _first(explanations), measured=measured))


def _show_ledger(pair: Pair, found: Ledger) -> None:
    regions = found.measured.regions
    areas = [(str(number + 1), regions.mask(number)) for number in range(len(regions.names))]
    *pictures, words = st.columns([1, 1, 2])
    for column, (side, face) in zip(pictures, pair.by_side(), strict=True):
        with column:
            crop = face.crop_for(found.explanation.model.template)
            _show_svg(outlined(crop, areas), f"Aligned crop of the {side} with the outlines of nine numbered regions")
            st.caption(side.capitalize())
    words.markdown("\n".join(f"- {plain(sentence)}" for sentence in found.sentences()))
    table = _table(found)
    columns = {name: _column(name, table[name].dtype == "float") for name in table}
    st.dataframe(table, hide_index=True, width="stretch", column_config=columns)
    st.caption(plain(_DEFINITIONS if found.exact is None else f"{_DEFINITIONS} {_EXACT}"))


def _column(name: str, is_number: bool) -> Any:
    """Short heads keep the table as wide as the page; the whole name shows under the pointer."""
    label = name.replace("probe", "P").replace("reference", "R").replace("hidden on", "hide").replace(",", "")
    if not is_number:
        return st.column_config.TextColumn(label, help=name)
    return st.column_config.NumberColumn(
        label, help=name, width="small", format="%+.1f %%" if name.startswith("share") else "%+.4f"
    )


def _table(found: Ledger) -> pd.DataFrame:
    regions = found.measured.regions
    columns: dict[str, Any] = {
        "region": [f"{number + 1} {name}" for number, name in enumerate(regions.names)],
        "size": [percent(pixels / regions.labels.size, 1) for pixels in regions.pixels],
    }
    columns |= {f"share, {side}": 100 * shares for side, shares in zip(SIDES, found.shares, strict=True)}
    columns |= {f"hidden on {where}": changes for where, changes in zip(HIDDEN_ON, found.changes.T, strict=True)}
    columns["flips"] = [
        ", ".join(where for where, flips in zip(HIDDEN_ON, row, strict=True) if flips) for row in found.flips
    ]
    if found.exact is not None:
        columns |= {f"exact, {side}": exact for side, exact in zip(SIDES, found.exact, strict=True)}
    return pd.DataFrame(columns)


def show_flip(model: FaceModel, pair: Pair, explanations: Sequence[Explanation], after: Hashable | None = None) -> None:
    """The pixels of the probe that would turn the decision, in the order of the map shown first. `after` as in
    `show_regions`."""
    st.header("What would flip it")
    explanation = _first(explanations)
    default = telling_fill(explanation)
    belongs("fill", explanation.is_match, default)
    fill = st.segmented_control(
        "Pixels of the probe are replaced by",
        list(FILLS),
        default=default,
        required=True,
        format_func=_FILL_TITLES.__getitem__,
        key="fill",
        bind="query-params",
    )
    core, method, threshold = engine(), explanation.method.id, explanation.threshold.value

    def work(progress: Progress) -> FlipSet:
        return core.flip_set(model, pair, core.ordering(model, pair, explanation), fill or default, progress)

    found = _worked_out(
        model,
        "flip",
        ("flip", model.weights_sha256, pair.key, method, threshold, fill),
        "Find what flips the decision",
        _FLIP_PASSES,
        work,
        after,
    )
    if found is not None:
        _show_flip_set(pair, found)


def _show_flip_set(pair: Pair, found: FlipSet) -> None:
    mask, crop = found.mask, pair.probe.crop_for(found.explanation.model.template)
    text = "\n".join(f"- {plain(sentence)}" for sentence in found.sentences())
    if mask is None or found.changed is None:
        st.markdown(text)
        return
    whole, after, words = st.columns([1, 1, 2])
    with whole:
        _show_svg(outlined(crop, [("", mask)]), "Aligned crop of the probe with the outline of the pixels that flip it")
        st.caption("These pixels are replaced")
    with after:
        _show_svg(outlined(found.changed, []), "Aligned crop of the probe after the replacement")
        st.caption("The picture that is decided otherwise")
    words.markdown(text)


def _first(explanations: Sequence[Explanation]) -> Explanation:
    """The map that is shown first; a random one only where there is no other."""
    return next((found for found in explanations if found.method.id != "random"), explanations[0])


def _worked_out(
    model: FaceModel,
    slot: str,
    key: Hashable,
    title: str,
    passes: int,
    work: Callable[[Progress], Any],
    after: Hashable | None,
) -> Any:
    """What work beside the page found; None while it has not. Quick work begins by itself."""
    is_quick = isinstance(model, TorchFaceModel) and passes * engine().seconds_a_pass(model) <= _AT_ONCE_SECONDS
    if is_quick:
        begin_work(slot, key, title, work)
    button = f"{title}: {duration(model, passes)}"
    return result_or_offer(Offer(key, slot, title, work), button, after=after if is_quick else None)


def _show_svg(svg: str, alt: str) -> None:
    encoded = base64.b64encode(svg.encode()).decode()
    st.html(
        f'<img src="data:image/svg+xml;base64,{encoded}" alt="{escape(alt)}" style="width: 100%; border-radius: 4px">'
    )
