"""The parts of the Benchmark page that show results as the paper does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from ui.words import plain
from xssab_core.benchmark import paper
from xssab_core.benchmark.controls import RANDOM
from xssab_core.benchmark.figure import dpr_figure, dpr_svg
from xssab_core.benchmark.format import KINDS, Kind, MethodResult, Results
from xssab_core.benchmark.runner import UNBLURRED
from xssab_core.benchmark.table import areas_csv, areas_latex
from xssab_core.explain import METHODS
from xssab_core.metrics import Estimate, counted, percent

# More curves than this are not told apart; then so many of the best are drawn.
_MOST_CURVES, _BEST_CURVES = 9, 5

_ATTAINED = (
    "Of possible = (AUC of random - AUC) / (AUC of random - AUC of the clean errors), the share of what can be gained: "
    "errors that the model makes on clean pairs stay in every order. "
)
# The kinds of pairs by the names of their figures in the results.
_SIDES = {"genuine": "mated", "impostor": "non_mated"}
_CONTROLS = (
    "Controls need no model: what a method is worth shows against them. The oracle knows where the patches lie, "
    "and orders the pixels in them at random."
)


def show_setting(results: Results) -> None:
    """What was measured: model, pairs, threshold, and the error rates before and after patching (Table 1)."""
    data, rates, threshold = results.data, results.table1, results.threshold
    covered = "" if data.mean_patch_coverage is None else percent(data.mean_patch_coverage, 1)
    pairs = counted(data.pairs_selected, "pair")
    st.markdown(
        f"**{plain(results.model.title)}** on {plain(data.set)} ({plain(data.images)}): {pairs}; "
        f"copy with {plain(data.coverage)}. Threshold {threshold.value:.4f}: {plain(threshold.origin)}. "
        f"Patches of layout {plain(results.layout)} cover {covered or 'nothing'} of the probe on average."
    )
    shown = {
        "FMR, LFW": rates.clean_fmr,
        "FNMR, LFW": rates.clean_fnmr,
        "FMR, Patch-LFW": rates.patched_fmr,
        "FNMR, Patch-LFW": rates.patched_fnmr,
    }
    for column, (title, rate) in zip(st.columns(4), shown.items(), strict=True):
        if rate.value is not None and rate.interval is not None:
            low, high = rate.interval
            interval = f"95\u00a0% interval {percent(low)} to {percent(high)}, {counted(rate.pairs, 'pair')}"
            column.metric(title, percent(rate.value), help=interval)


def pick_pairs(results: Results) -> Results:
    """The results on the pairs that every method has, or on each method's own where the user wants that."""
    titles = {
        "common": f"Common pairs ({results.common.pairs.total:,})",
        "own": "Each method's own",
    }
    chosen = st.segmented_control(
        "Pairs",
        list(titles),
        default="common",
        required=True,
        format_func=titles.__getitem__,
        key="pairs",
        bind="query-params",
        help="Methods compare on the pairs that every one of them has; a slow one may have been run on fewer.",
    )
    if chosen == "own":
        return results
    if not results.has_common_curves:
        st.caption(
            "This file knows areas and gains on the common pairs, but neither curves nor localisation: those are on "
            "each method's own pairs, whose number stands beside it."
        )
    return results.on_common_pairs()


def show_curves(results: Results) -> None:
    """DPR curves as in figure 5."""
    st.header("DPR curves")
    methods = results.controls_last
    below = 70 + 21 * math.ceil(len(methods) / 2)  # pixels of the axis and of a legend with two methods a line
    drawn = _drawn_at_first(methods)
    figure = dpr_figure(results, drawn).update_layout(
        title=None,
        template=None,
        height=340 + below,
        margin={"t": 40, "r": 20, "b": below},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    )
    alt = f"DPR curves of FMR and FNMR of {', '.join(method.full_title for method in methods)}"
    st.plotly_chart(figure, key="dpr", config={"displayModeBar": False}, alt=alt)
    some = "" if len(drawn) == len(methods) else " A click on a name draws or hides its curves."
    st.caption(
        f"Lower is better: the errors that patches caused disappear sooner when the map finds the patches.{some}"
    )


def _drawn_at_first(methods: Sequence[MethodResult]) -> frozenset[str]:
    """The labels of methods whose curves are drawn unasked: all, where they are few, else the best, the paper's own,
    maps of the user's own, and chance."""
    if len(methods) <= _MOST_CURVES:
        return frozenset(method.label for method in methods)
    return frozenset(
        method.label
        for rank, method in enumerate(_best_first(methods))
        if rank < _BEST_CURVES
        or method.is_random
        or _as_in_paper(method.label) == "xssab"
        or not (method.is_control or _as_in_paper(method.label) in METHODS)
    )


def show_areas(results: Results) -> None:
    """Areas and gains, as Table 2, beside the paper's own."""
    st.header("Area under the DPR curve")
    model_id = results.model.id
    knows_attained = any(method.attained for method in results.methods)
    rows = []
    for method in results.controls_last:
        row = {"method": plain(method.full_title), "pairs": f"{method.pairs.total:,}"}
        for kind in KINDS:
            row[f"gain {kind.upper()}"] = "" if method.is_random else _gain(method, kind)
            row[f"paper {kind.upper()}"] = _paper_gain(model_id, method.label, kind)
        for kind in KINDS:
            unit_step = _number(method.unit_step_area.of(kind), 2)
            row[f"AUC {kind.upper()}"] = _number(method.auc.of(kind).value) + (unit_step and f" ({unit_step})")
        rows.append(row)
    _table(rows, "Gain over random and area under the DPR curve by method, with the paper's gains")
    whose = "of the same network" if model_id in paper.MODELS else "over its networks, none of which is this model"
    st.caption(
        "Gain over random = 1 - AUC / AUC of random on the same pairs, with its 95 % bootstrap interval. It needs no "
        f"scale, so it is what can be compared with the paper: beside it stands the paper's gain {whose}. "
        f"{_ATTAINED if knows_attained else ''}"
        "AUC is over 0..100 %, 1 = error at every step; in brackets the sum over the 20 points 0..95 %. "
        f"{_CONTROLS} "
        "The paper's xSSAB stands beside both rows of xSSAB: its text blurs the map, its code does not."
    )
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("Table (CSV)", areas_csv, "dpr.csv", "text/csv"),
            ("Table (LaTeX)", areas_latex, "dpr.tex", "text/x-tex"),
            ("Figure (SVG)", dpr_svg, "dpr.svg", "image/svg+xml"),
        ):
            data = make(results)
            st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:")


def show_differences(results: Results) -> str | None:
    """How much better or worse each method is than a chosen one, on the pairs that every method has; the label of that
    one. None where the file does not say."""
    if not results.common.differences:
        return None
    st.header("Differences between methods")
    methods = {method.label: method for method in results.controls_last}
    against = st.selectbox(
        "Compare with",
        list(methods),
        index=list(methods).index(_best_first(methods.values())[0].label),
        format_func=lambda label: methods[label].full_title,
        key="against",
        bind="query-params",
        width=400,
    )
    rows = []
    for label, method in methods.items():
        found = None if label == against else results.common.difference(label, against)
        if found is not None:
            row = {"method": plain(method.full_title)}
            rows.append(row | {f"difference {kind.upper()}": _bare_interval(found.of(kind)) for kind in KINDS})
    _table(rows, f"Differences of the area under the DPR curve from {methods[against].full_title} by method")
    chosen = plain(methods[against].full_title)
    st.caption(
        f"AUC of the method minus that of {chosen} on the same {results.common.pairs.total:,} "
        "pairs, with the 95 % interval of resampling both together: below zero is better than it, an interval that "
        "holds zero tells no difference."
    )
    return str(against)


def show_deletion(results: Results, against: str | None) -> None:
    """Deletion and insertion on clean pairs, where the run measured them, and the differences from a method."""
    deletion = results.deletion
    if deletion is None:
        return
    st.header("Deletion and insertion")
    known = [(m, found) for m in results.controls_last if (found := deletion.methods.get(m.label)) is not None]
    for kind, tab in zip(_SIDES, st.tabs([f"{kind.capitalize()} pairs" for kind in _SIDES]), strict=True):
        areas = [
            {"method": plain(method.full_title)}
            | {
                plain(name.replace("-", ", ")): _bare_interval(getattr(accuracy.auc, _SIDES[kind]))
                for name, accuracy in occluded.accuracy.items()
            }
            for method, occluded in known
        ]
        with tab:
            _table(areas, f"Area under the accuracy of deletion and insertion by method and fill, {kind} pairs")
    st.caption(
        f"On {deletion.pairs.genuine:,} genuine and {deletion.pairs.impostor:,} impostor pairs without patches, in the "
        "order of the map of the clean probe, what speaks for the decision first: area under the share of right "
        "decisions over 0..100 % of the pixels taken away (deletion: less is better) or shown (insertion: more is "
        "better), with its 95 % interval. A model that refuses every picture has no error on impostor pairs, so the "
        "kinds stand apart."
    )
    moves = [
        {"method": plain(method.full_title)}
        | {
            f"{kind}, {plain(fill)}": _bare_interval(getattr(moved, side))
            for kind, side in _SIDES.items()
            for fill, moved in occluded.top.items()
        }
        for method, occluded in known
        if not method.is_random
    ]
    _table(moves, "How far the score moves without the first 1 % of the pixels by method, kind of pairs and fill")
    st.caption(
        "Without the first 1 % of the pixels: how far the score moves against the decision when they are hidden, minus "
        "the same of random."
    )
    apart = [
        (plain(method.full_title), difference)
        for method, _ in known
        if against and (difference := deletion.difference(method.label, against)) is not None
    ]
    tables = {
        f"{kind} pairs": [
            {"method": title}
            | {plain(name.replace("-", ", ")): _bare_interval(getattr(auc, side)) for name, auc in each.auc.items()}
            for title, each in apart
        ]
        for kind, side in _SIDES.items()
    }
    tables["without the first 1 % of the pixels"] = [
        {"method": title}
        | {
            f"{kind}, {plain(fill)}": _bare_interval(getattr(moved, side))
            for kind, side in _SIDES.items()
            for fill, moved in each.top.items()
        }
        for title, each in apart
    ]
    _show_differences(tables, results, against, "Differences of deletion and insertion")


def show_checks(results: Results, against: str | None) -> None:
    """Consistency and randomisation, where the run measured them, and the differences from a method."""
    checks = results.checks
    if checks is None:
        return
    st.header("Checks of the maps")
    rows = []
    for method in results.controls_last:
        found = checks.methods.get(method.label)
        if found is not None:
            rows.append(
                {
                    "method": plain(method.full_title),
                    "one identity": _bare_interval(found.consistency.mated),
                    "two identities": _bare_interval(found.consistency.non_mated),
                    "randomised": _bare_interval(found.randomised),
                }
            )
    _table(rows, "Consistency within an identity and dependence on the weights by method")
    st.caption(
        f"On {checks.pairs.genuine:,} genuine and {checks.pairs.impostor:,} impostor pairs without patches. "
        "Identities: cosine between the maps of the two faces of a pair, of one person or of two; empty where a method "
        "gives one map for both faces. Randomised: rank correlation of the size of the map with that of a copy of the "
        "model with shuffled weights; near 1, the map is not about the model. 95 % intervals."
    )
    differences = [
        {
            "method": plain(method.full_title),
            "one identity": _bare_interval(each.consistency.mated),
            "two identities": _bare_interval(each.consistency.non_mated),
            "randomised": _bare_interval(each.randomised),
        }
        for method in results.controls_last
        if against and (each := checks.difference(method.label, against)) is not None
    ]
    _show_differences({"all pairs": differences}, results, against, "Differences of the checks")


def _show_differences(
    tables: dict[str, list[dict[str, str]]], results: Results, against: str | None, about: str
) -> None:
    """What methods have more than the chosen one, in a table for each kind of pairs; nothing where the file does not
    say."""
    if any(tables.values()):
        title = next(method.full_title for method in results.methods if method.label == against)
        with st.expander(f"{about} from {plain(title)}"):
            for pairs, rows in tables.items():
                st.caption(f"{pairs.capitalize()}, with the 95 % interval of resampling both methods together.")
                _table(rows, f"{about} from {title} by method, {pairs}")


def show_paper() -> None:
    """What the paper reports: Table 2 as gains over random, and Table 1."""
    st.header("The paper's own numbers")
    st.caption("Table 2 as gain over random, FMR / FNMR.")
    methods = ("xface1", "xface2", "xface3", "xcos-w", "xcos-s", "xssab")
    rows = [
        {"method": METHODS[method].info.short_title}
        | {
            model: " / ".join(percent(gain, 0) for gain in paper.gains(model, method)) if method in areas else ""
            for model, areas in paper.TABLE_2.items()
        }
        for method in methods
    ]
    _table(rows, "The paper's gains over random by method and model")
    st.caption("Table 1: error rates at the EER threshold of unpatched LFW.")
    names = ("EER, LFW", "FMR, Patch-LFW", "FNMR, Patch-LFW")
    rates = [
        {"model": model} | {name: percent(rate, 1) for name, rate in zip(names, values, strict=True)}
        for model, values in paper.TABLE_1.items()
    ]
    _table(rates, "The paper's error rates by model")


def show_cost(results: Results) -> None:
    """Passes and seconds, as Table 3."""
    st.header("Cost of a map")
    seconds = results.run.seconds_per_map
    rows = [
        {
            "method": plain(method.full_title),
            "forward passes": _number(method.forward_passes, 0),
            "backward passes": _number(method.backward_passes, 0),
            "seconds (median)": _number(seconds[method.label].seconds_map.median),
            "paper's seconds": _number(paper.TABLE_3.get(_as_in_paper(method.label)), 2),
        }
        for method in results.controls_last
        if method.label in seconds
    ]
    _table(rows, "Passes and seconds of a map by method")
    st.caption(
        "Passes a pair. The paper's seconds (Table 3) are from the authors' machine; those beside are a worker's on "
        f"{plain(results.provenance.device)}; the workers of a run share its machine."
    )


def show_localisation(results: Results) -> None:
    """How well maps find the patches."""
    st.header("Finding the patches")
    rows = [
        {
            "method": plain(method.full_title),
            "pairs": f"{method.pairs.total:,}",
            "all pairs": _number(method.localisation.all),
            "impostor pairs": _number(method.localisation.fmr),
            "genuine pairs": _number(method.localisation.fnmr),
            "chance": _number(method.localisation.chance),
        }
        for method in results.controls_last
    ]
    _table(rows, "Average precision of localisation by method")
    st.caption(
        "Average precision of the order of the pixels against the true mask of patched pixels; not in the paper."
    )


def _best_first(methods: Iterable[MethodResult]) -> list[MethodResult]:
    """The methods by their mean gain, controls last."""
    return sorted(methods, key=lambda method: (method.is_control, -(method.gain.mean.value or -1.0)))


def _table(rows: list[dict[str, str]], alt: str) -> None:
    """Rows as a table that wraps where the window is narrow."""
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal", alt=alt)


def _as_in_paper(label: str) -> str:
    """The method's id in the paper's tables."""
    return label.removesuffix(UNBLURRED)


def _paper_gain(model_id: str, label: str, kind: Kind) -> str:
    """The paper's gain over random for that model; for a model that is not in the paper the range over all of its."""
    models = [paper.MODELS[model_id]] if model_id in paper.MODELS else list(paper.TABLE_2)
    method = _as_in_paper(label)
    found = [paper.gains(model, method)[KINDS.index(kind)] for model in models if method in paper.TABLE_2[model]]
    if not found or method == RANDOM:
        return ""
    low, high = percent(min(found), 0), percent(max(found), 0)
    return low if low == high else f"{low} to {high}"


def _interval(estimate: Estimate) -> str:
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return ""
    return f"{percent(value, 1)} " + _unbroken(f"({percent(low, 1)} to {percent(high, 1)})")


def _gain(method: MethodResult, kind: Kind) -> str:
    """Gain with its interval, and how much of what can be gained it is."""
    possible = None if method.attained is None else method.attained.of(kind).value
    share = "" if possible is None else " " + _unbroken(f"{percent(possible, 1)} of possible")
    return _interval(method.gain.of(kind)) + share


def _bare_interval(estimate: Estimate) -> str:
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return ""
    return f"{value:z.3f} " + _unbroken(f"({low:z.3f} to {high:z.3f})")


def _unbroken(text: str) -> str:
    """The text with spaces at which a narrow cell does not break it."""
    return text.replace(" ", "\u00a0")


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
