"""Methods side by side on the pair in hand."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import pandas as pd
import streamlit as st

from ui.choices import belongs
from ui.jobs import LOOK_SECONDS, Offer, jobs, offer_work, session, so_far, start_if_asked
from ui.map_viewer import Legend, Row, Tile, combined_tiles, map_viewer
from ui.measured import answers_best, worth_of
from ui.sidebar import Drawing, take_drawing
from ui.state import engine
from ui.words import plain
from xssab_core.explain import METHODS, AnyExplainer, Explanation, explain
from xssab_core.explain.confidence import CONFIDENCE, confidence_of
from xssab_core.faces import SIDES, Pair
from xssab_core.metrics import percent
from xssab_core.models import FaceModel, Threshold, TorchFaceModel
from xssab_core.progress import roughly
from xssab_core.render import shared_scale

# Chosen before the user chooses. A slow one among them is offered where nothing is known of it beforehand.
SHOWN_FIRST = ("xssab", "layered", "xface2", "xcos-s")
_LEGEND = Legend("strongest place of each method against a match", "strongest place of each method for a match")


def first_method(model: FaceModel) -> str:
    """The method whose maps are shown large: of the quick ones that which answers best where this was measured, else
    xSSAB; a black box has maps of methods that are chosen below, and its score beside random ones."""
    quick = [name for name, method in METHODS.items() if method.info.is_quick and method.unavailable(model) is None]
    return answers_best(model, quick) or ("xssab" if "xssab" in quick else "random")


def compare_methods(
    model: FaceModel, pair: Pair, threshold: Threshold, drawing: Drawing, shown: Explanation
) -> list[Explanation]:
    """Let the user choose methods and show their maps for the pair; returns their explanations."""
    st.header("Compared methods")
    reasons = {method_id: method.unavailable(model) for method_id, method in METHODS.items()}
    usable = {method_id: METHODS[method_id] for method_id, reason in reasons.items() if reason is None}
    first = [method_id for method_id in SHOWN_FIRST if method_id in usable]
    belongs("methods", tuple(usable), first)
    chosen = st.pills(
        "Methods",
        list(usable),
        selection_mode="multi",
        default=first,
        format_func=lambda method_id: plain(METHODS[method_id].info.short_title),
        key="methods",
        bind="query-params",
    )
    for reason in filter(None, reasons.values()):
        st.caption(f":material/block: {plain(reason)}")
    explanations = [shown]
    waiting: dict[str, list[AnyExplainer]] = {}
    for method_id in chosen:
        method = METHODS[method_id]
        if method_id == shown.method.id:
            continue
        if is_at_once(model, pair, method):
            explanations.append(engine().explain(model, pair, method_id, threshold))
        else:
            waiting.setdefault(method.evidence_kind, []).append(method)
    for methods in waiting.values():
        start_if_asked(_work_of(model, pair, methods))
    running = [methods for methods in waiting.values() if _is_running(model, pair, methods[0])]
    draw = _growing_grid if running else _grid
    draw(model, explanations, running, pair, threshold, drawing)
    _show_table(model, explanations)
    for methods in waiting.values():
        offer(model, pair, methods)
    return explanations


def is_at_once(model: FaceModel, pair: Pair, method: AnyExplainer) -> bool:
    """Whether nobody waits long for its maps of the pair: quick, computed before, or shipped."""
    return method.info.is_quick or engine().is_examined(model, pair, method.info.id)


def _draw_grid(
    model: FaceModel,
    explanations: list[Explanation],
    running: list[list[AnyExplainer]],
    pair: Pair,
    threshold: Threshold,
    drawing: Drawing,
) -> None:
    """The maps there are, and those of slow methods as far as they are."""
    titled = [(explanation.method.short_title, explanation) for explanation in explanations]
    for methods in running:
        titled += _so_far(model, methods, pair, threshold)
    columns = [_tiles_of(title, explanation, model) for title, explanation in titled]
    rows = [
        Row(side.capitalize(), face.crop_for(model.info.template), [column[index] for column in columns if column])
        for index, (side, face) in enumerate(pair.by_side())
    ]
    alone = (
        METHODS["xssab"].unavailable(model) is not None
    )  # the page has no larger viewer, which would have the controls
    map_viewer(rows, drawing, _LEGEND, "comparison", on_drawing_change=_take_drawing if alone else None)
    st.caption("Each method is drawn on its own scale: full colour at its own largest |value| on the two faces.")


def _take_drawing() -> None:
    take_drawing(st.session_state.comparison.drawing)


def _tiles_of(title: str, explanation: Explanation, model: FaceModel) -> list[Tile]:
    """A method's maps of both faces; none where it has no combined map."""
    maps = [found.combined for _, found in explanation.by_side() if found.combined is not None]
    worth = worth_of(model, explanation.method.id)
    note = worth.note if worth else "gain not measured here"
    return combined_tiles(maps, [title] * 2, [f"{title} map of the {side}" for side in SIDES], note) if maps else []


_grid, _growing_grid = st.fragment(_draw_grid), st.fragment(_draw_grid, run_every=LOOK_SECONDS)


def _so_far(
    model: FaceModel, methods: list[AnyExplainer], pair: Pair, threshold: Threshold
) -> list[tuple[str, Explanation]]:
    """Maps of methods that share their passes, from those made by now, with titles that say how many."""
    state = so_far(_key_of(model, pair, methods[0]))
    if state is None:
        return []
    crops = pair.crops_for(model.info.template)
    done = f"{state.done:,.0f} of {state.total:,.0f} passes"
    return [
        (
            f"{method.info.short_title}, {done}",
            explain(model, *crops, method.info.id, threshold, evidence=state.partial),
        )
        for method in methods
    ]


def _show_table(model: FaceModel, explanations: list[Explanation]) -> None:
    """What the gains were measured on, and what each method costs and says."""
    measured: dict[str, list[str]] = {}  # gains from different pairs are not to be compared, so each says its own
    for explanation in explanations:
        worth = worth_of(model, explanation.method.id)
        if worth is not None:
            measured.setdefault(worth.origin, []).append(explanation.method.short_title)
    for origin, titles in measured.items():
        st.caption(plain(f"{', '.join(titles)}: {origin}"))
    table = [
        {
            "method": explanation.method.title,
            "largest |value|": f"{_largest(explanation):.3e}",
            "seconds": round(sum(explanation.seconds.values()), 3),
            "forward passes": passes.forward,
            "backward passes": passes.backward,
            "needs": "gradients or grids" if explanation.method.white_box else "embeddings only",
            "says": ", ".join(_said(name, value) for name, value in explanation.numbers.items()),
            "remark": ", ".join(_remarks(explanation)),
        }
        for explanation in explanations
        for passes in [METHODS[explanation.method.id].passes(model)]
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    _explain_confidence(explanations)


def _remarks(explanation: Explanation) -> Iterator[str]:
    if explanation.method.joint:
        yield "one map for the pair, shown on both faces"
    if not explanation.seconds["examine"]:
        yield "its passes were made beforehand"


def _said(name: str, value: float) -> str:
    return f"{name} {percent(value, 1) if name == CONFIDENCE else f'{value:.4f}'}"


def _explain_confidence(explanations: list[Explanation]) -> None:
    """What the confidence of xFace is, where a method says one."""
    for explanation in explanations:
        if CONFIDENCE in explanation.numbers:
            found = confidence_of(explanation.model.id, explanation.weights_sha256)
            origin = "" if found is None else f" ({found.origin})"
            st.caption(
                plain(
                    "xFace's confidence is a sigmoid fitted to the scores of known pairs"
                    f"{origin}: of pairs with this score, the share that would be decided as this one is and rightly, "
                    "were genuine and impostor pairs equally frequent. It says nothing of this pair beyond its score."
                )
            )
            return


def _largest(explanation: Explanation) -> float:
    both = (explanation.probe.combined, explanation.reference.combined)
    return shared_scale(values for values in both if values is not None)


def _key_of(model: FaceModel, pair: Pair, method: AnyExplainer) -> Hashable:
    """The job that gathers the evidence of a method about a pair."""
    return method.evidence_kind, model.weights_sha256, pair.key


def _is_running(model: FaceModel, pair: Pair, method: AnyExplainer) -> bool:
    job = jobs().get(_key_of(model, pair, method), session())
    return job is not None and not job.done


def duration(model: FaceModel, passes: int) -> str:
    """How long so many passes take, roughly; of a black box, which computes elsewhere, only their number is known."""
    if isinstance(model, TorchFaceModel):
        return roughly(engine().seconds_for(model, passes))
    return f"up to {passes:,} passes"


def offer(model: FaceModel, pair: Pair, methods: list[AnyExplainer]) -> None:
    """A button that starts slow methods which share their passes, then their progress."""
    work = _work_of(model, pair, methods)
    ended = jobs().take_ended(work.key, session())
    if ended is not None and ended.error:
        st.info(plain(f"{work.title}: {ended.error}"), icon=":material/info:")
    elif ended is not None:
        st.rerun()  # it ended while the page ran, which has not drawn it
    button = f"Compute {plain(work.title)}: {duration(model, methods[0].passes(model).as_forward)}"
    offer_work(work, button)


def _work_of(model: FaceModel, pair: Pair, methods: list[AnyExplainer]) -> Offer:
    """What gathers the evidence that these methods share."""
    core, info = engine(), methods[0].info
    threshold = 0.0  # plays no part in what is gathered
    return Offer(
        _key_of(model, pair, methods[0]),
        methods[0].evidence_kind,
        ", ".join(method.info.short_title for method in methods),
        lambda progress: core.explain(model, pair, info.id, threshold, progress=progress),
        grows=methods[0].grows,
    )
