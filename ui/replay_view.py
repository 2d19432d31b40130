"""The parts of the Replay page: the viewer, what it says in words, and its downloads."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ui.address import per_mille
from ui.choices import belongs, drop, outlived
from ui.compare_view import first_method, is_at_once, offer
from ui.components import component, packed
from ui.jobs import LOOK_SECONDS, begin_anew, begin_work, jobs, session, so_far, watch
from ui.pictures import data_url
from ui.sidebar import Drawing
from ui.state import engine
from ui.words import plain
from xssab_core.explain import CAUTION, METHODS, AnyExplainer, Explanation
from xssab_core.faces import Pair
from xssab_core.gallery.thumbnails import outline
from xssab_core.metrics import compared, percent
from xssab_core.models import FaceModel, Threshold
from xssab_core.models.calibration import rates_at
from xssab_core.render import colour_layer, grey_crop, shared_scale
from xssab_core.replay.animation import animation
from xssab_core.replay.case import (
    PERMUTATIONS,
    Replay,
    flip_sentences,
)
from xssab_core.replay.dpr import ranking_map
from xssab_core.replay.figure import further_style

_AT, _PRESENT = "at", "present"
# Whether the position in the address is that of a case that was left.
_LEFT = "_at_left"
_RANDOM = "random"

_component = component("replay")


@dataclass(frozen=True)
class Order:
    """What orders the pixels: a method's map, with its blur or without."""

    method_id: str
    blur: bool


def _usable(model: FaceModel) -> list[str]:
    """The methods whose maps can order pixels; random order is always there."""
    return [m for m, method in METHODS.items() if m != "random" and method.unavailable(model) is None]


def pick_order(model: FaceModel) -> Order:
    """The map that orders the pixels: at first that which Inspect shows large."""
    usable = _usable(model)
    first = next(method_id for method_id in (first_method(model), *usable) if method_id in usable)
    belongs("method", tuple(usable), first)
    chosen = st.pills(
        "Pixels in the order of",
        usable,
        default=first,
        required=True,
        format_func=lambda method_id: plain(METHODS[method_id].info.short_title),
        key="method",
        bind="query-params",
    )
    method_id = chosen or first
    if not METHODS[method_id].info.ordered_unblurred:
        return Order(method_id, blur=True)
    blur = st.toggle(
        "Order by the blurred map",
        key="blurred",
        bind="query-params",
        help="The paper blurs the map that is shown; its code orders pixels before the blur, as is done here.",
    )
    return Order(method_id, blur)


def pick_others(model: FaceModel, order: Order) -> list[Order]:
    """Further methods on the same chart, each in the order that it would have alone."""
    usable = _usable(model)
    belongs("beside", tuple(usable), [])
    chosen = st.multiselect(
        "On the same chart",
        usable,
        format_func=lambda method_id: METHODS[method_id].info.short_title,
        placeholder="Other methods",
        key="beside",
        bind="query-params",
    )
    return [Order(m, not METHODS[m].info.ordered_unblurred) for m in chosen if m != order.method_id]


def make_replay(model: FaceModel, pair: Pair, order: Order, threshold: Threshold) -> Replay | None:
    """The replay of the pair; offers to compute a slow method first, and returns None until that is done."""
    method_id = order.method_id
    method = METHODS[method_id]
    if not is_at_once(model, pair, method):
        offer(model, pair, [method])
        return None
    return engine().play(model, pair, _explained(model, pair, order, threshold))


def _explained(model: FaceModel, pair: Pair, order: Order, threshold: Threshold) -> Explanation:
    return engine().explain(model, pair, order.method_id, threshold, order.blur)


def add_others(
    replay: Replay, model: FaceModel, pair: Pair, others: list[Order], threshold: Threshold
) -> tuple[Replay, list[AnyExplainer]]:
    """The replay with further methods on its chart, and those that are slow and still to be computed."""
    methods = {order: METHODS[order.method_id] for order in others}
    waiting = [method for method in methods.values() if not is_at_once(model, pair, method)]
    lines = (
        engine().play_another(model, pair, _explained(model, pair, order, threshold))
        for order, method in methods.items()
        if method not in waiting
    )
    return replay.with_others(lines), waiting


def offer_others(model: FaceModel, pair: Pair, waiting: list[AnyExplainer]) -> None:
    """Buttons that compute slow methods, those that share their passes together."""
    for kind in dict.fromkeys(method.evidence_kind for method in waiting):
        offer(model, pair, [method for method in waiting if method.evidence_kind == kind])


def add_random(model: FaceModel, replay: Replay, pair: Pair) -> tuple[Replay, Hashable | None]:
    """The replay with its random band, and the key of the job that computes it while it waits or runs."""
    known = engine().known_at_random(model, pair)
    if known is not None:
        return replay.with_random(known), None
    key: Hashable = ("random replay", model.weights_sha256, pair.key)
    title = f"Random order, {PERMUTATIONS} permutations"
    begin_work(_RANDOM, key, title, lambda progress: engine().play_at_random(model, pair, progress))
    job = jobs().get(key, session())
    if job is not None and not job.done:
        return replay, key
    if job is not None and not job.error:
        return replay.with_random(job.result), None
    st.info(plain(f"{title}: {job.error if job else 'Stopped.'}"), icon=":material/info:")
    if st.button("Compute the random order", key="random_again"):
        begin_anew(_RANDOM)
    return replay, None


def show_case(replay: Replay, pair: Pair) -> None:
    """What is replayed, in a title and a sentence."""
    threshold = replay.explanation.threshold
    start, end = (
        f"{compared(score, threshold.value).score} (**{'match' if threshold.is_match(score) else 'non-match'}**)"
        for score in replay.scores[[0, -1]]
    )
    st.title("Replay: does the map lead back?" if replay.case.mask is not None else "Replay: what carries the score?")
    if replay.case.mask is not None:
        told = (
            f"Patches cover {percent(replay.case.mask.mean(), 0)} of the probe. Its pixels are put back, those "
            "first that the map holds most responsible."
        )
    else:
        told = (
            "There is no unpatched original, so this is the deletion form: pixels of the probe are replaced by its "
            "blurred copy, those first that the map holds most responsible."
        )
    st.markdown(f"{plain(pair.title)}. {told} From {start} to {end}.")
    rates = rates_at(replay.explanation.model.id, replay.explanation.weights_sha256, threshold.value)
    if rates is not None:
        st.caption(plain(f"At the threshold, {threshold.value:.4f}: {rates} on {rates.origin}."))


def show_viewer(replay: Replay, model: FaceModel, pair: Pair, drawing: Drawing, running: Hashable | None) -> None:
    """The viewer. It shows the map as its method blurs it, whatever orders the pixels. Its position is kept in the
    address once it rests, and is one in this case: another pair and another model begin at the start. While the random
    orders are computed, it draws those there are."""
    if outlived(_AT, _case_key(replay, pair)):
        st.session_state[_LEFT] = True
    about = replay.explanation
    pictured = engine().explain(model, pair, about.method.id, about.threshold)
    draw = _viewer if running is None else _growing_viewer
    draw(replay, pair, ranking_map(pictured.probe), drawing, running)


def _draw_viewer(replay: Replay, pair: Pair, values: np.ndarray, drawing: Drawing, running: Hashable | None) -> None:
    if st.session_state.get(_LEFT):
        drop(_AT)  # again and again: what the browser asks for meanwhile still has the old address
    state = so_far(running)
    if state is not None:
        replay = replay.with_random(state.partial)
    data = _data(replay, pair, values, drawing)
    _component(key="replay", data=data, on_at_change=_rest, on_present_change=_present)


_viewer, _growing_viewer = st.fragment(_draw_viewer), st.fragment(_draw_viewer, run_every=LOOK_SECONDS)


def _rest() -> None:
    # Only when it changes: the viewer goes on saying where it rested in the case before.
    st.session_state[_LEFT] = False
    st.query_params[_AT] = f"{st.session_state.replay.at / 10:g}"


def _present() -> None:
    """In the address, so that a reload in the middle of a talk shows what was shown."""
    if st.session_state.replay.present:
        st.query_params[_PRESENT] = "true"
    else:
        drop(_PRESENT)


def show_random_progress(key: Hashable | None) -> None:
    """Progress of the random band."""
    if key is not None:
        watch(key, "random_replay")


def show_words(replay: Replay) -> None:
    """Where decisions flip, and the numbers behind the curves."""
    for sentence in flip_sentences(replay):
        st.markdown(f"- {plain(sentence)}")
    with st.expander("Scores at each step", icon=":material/table:"):
        columns = {"replaced": [percent(share, 0) for share in replay.shares], "pixels": replay.counts}
        columns |= {replay.explanation.order_title: replay.scores, "inverse": replay.inverse}
        columns |= {line.explanation.order_title: line.scores for line in replay.others}
        if replay.random is not None:
            columns |= {f"random {name}": values for name, values in _band(replay.random).items()}
        st.dataframe(pd.DataFrame(columns).round(6), hide_index=True, width="stretch")
        st.caption("Between two steps the pictures go on; the score shown is that of the last step.")


def show_downloads(replay: Replay, pair: Pair) -> None:
    """The replay as a moving picture, which is made when it is asked for, and as numbers."""
    moving = partial(animation, replay, pair.title)
    with st.container(horizontal=True):
        for label, data, name, mime in (
            ("Animation (WebP)", moving, "replay.webp", "image/webp"),
            ("Curve (CSV)", replay.csv(), "replay.csv", "text/csv"),
            ("Figure (SVG)", replay.svg(pair.title), "replay.svg", "image/svg+xml"),
        ):
            st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:")


def _data(replay: Replay, pair: Pair, values: np.ndarray, drawing: Drawing) -> dict[str, Any]:
    case, explanation = replay.case, replay.explanation
    layer = colour_layer(values, shared_scale([values]), drawing.palette)
    ranks = np.empty(len(replay.order), dtype="<i4")
    ranks[replay.order] = np.arange(len(replay.order))
    deletion = case.mask is None
    return {
        "key": _case_key(replay, pair),
        "at": per_mille(st.query_params.get(_AT, "0")),
        "present": st.query_params.get(_PRESENT) == "true",
        "heading": f"{pair.title}, {explanation.model.title}",
        "caution": CAUTION,
        "title": explanation.order_title,
        "mapTitle": explanation.method.short_title,
        "probeTitle": "Probe, pixels blurred" if deletion else "Probe, pixels put back",
        "summary": " ".join(flip_sentences(replay)),
        "size": len(case.start),
        "units": len(replay.order) if replay.cells is None else replay.cells**2,
        "start": packed(case.start),
        "end": packed(case.end),
        "reference": packed(case.reference),
        "outline": None if case.mask is None else outline(case.mask),
        "ranks": packed(ranks),
        "grey": data_url(grey_crop(case.start)),
        "layer": data_url(layer),
        "opacity": drawing.opacity,
        "threshold": explanation.threshold.value,
        "texts": _texts(replay),
        "flip": replay.flip(replay.scores),
        "curves": {
            "scores": replay.scores.tolist(),
            "inverse": replay.inverse.tolist(),
            "random": None
            if replay.random is None
            else {name: values.tolist() for name, values in _band(replay.random).items()}
            | {"permutations": len(replay.random)},
            "others": [_other(replay, number) for number in range(len(replay.others))],
        },
    }


def _other(replay: Replay, number: int) -> dict[str, Any]:
    line, (colour, dashes) = replay.others[number], further_style(number)
    return {
        "title": line.explanation.order_title,
        "scores": line.scores.tolist(),
        "flip": replay.flip(line.scores),
        "colour": colour,
        "dashes": dashes,
    }


def _case_key(replay: Replay, pair: Pair) -> str:
    return repr((pair.key, replay.explanation.weights_sha256))


def _texts(replay: Replay) -> dict[str, Any]:
    """The scores of the steps and the threshold, so that each score can be told from the threshold."""
    found = [compared(score, replay.explanation.threshold.value) for score in replay.scores]
    return {
        "scores": [numbers.score for numbers in found],
        "threshold": max((numbers.threshold for numbers in found), key=len),
    }


def _band(random: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean": random.mean(0), "low": random.min(0), "high": random.max(0)}
