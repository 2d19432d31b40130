"""How far the shown map deserves belief: a verdict beside it, computed unasked where that is quick, and the numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

import streamlit as st

from ui.jobs import LOOK_SECONDS, Offer, begin_work, jobs, result_or_offer, session, start_if_asked
from ui.state import engine
from ui.words import plain
from xssab_core.explain import METHODS, Explanation
from xssab_core.faces import Pair
from xssab_core.models import FaceModel
from xssab_core.trust.checks import JITTERS, QUALITIES, Trust, agreement
from xssab_core.trust.words import sentences, verdict

# What takes longer is offered.
_AT_ONCE_SECONDS = 5.0
# A check explains the pair once for each change, and once by a model with randomised weights.
_EXPLANATIONS = len(JITTERS) + len(QUALITIES) + 1
_ICONS = {"stable": ":green[:material/check_circle:]", "unstable": ":orange[:material/warning:]"}


def begin_check(model: FaceModel, pair: Pair, shown: Explanation) -> None:
    """Check the map in the background where that is quick or was asked for."""
    passes = _EXPLANATIONS * METHODS[shown.method.id].passes(model).as_forward
    check = _check(model, pair, shown)
    start_if_asked(check)
    if passes * engine().seconds_a_pass(model) <= _AT_ONCE_SECONDS:
        begin_work(check.name, check.key, check.title, check.work)


def check_of(shown: Explanation, pair: Pair) -> Callable[[], Trust | None]:
    """What a check of the map has found out when it is asked; None while and where there is nothing. It may be asked
    where nothing is known of whose session it is."""
    job = jobs().get(_key(shown, pair), session())
    return lambda: None if job is None or not job.done or job.error else job.result


def show_verdict(shown: Explanation, pair: Pair) -> Hashable | None:
    """Stable, unstable or not checked, with what speaks against the map. While it is checked, how far that is: then the
    page looks at this job, whose key is returned."""
    key = _key(shown, pair)
    job = jobs().get(key, session())
    if job is not None and not job.done:
        _await(key)
        return key
    found = verdict(check_of(shown, pair)())
    icon = _ICONS.get(found.word, ":material/help:")
    st.markdown(f"{icon} Trust check: **{found.word}**. :small[{plain(found.reason)}]")
    return None


@st.fragment(run_every=LOOK_SECONDS)
def _await(key: Hashable) -> None:
    job = jobs().get(key, session())
    if job is None or job.done:
        st.rerun()
    st.markdown(f":material/hourglass: Trust check: under way, {job.state.share:.0%}")


def show_trust(model: FaceModel, pair: Pair, shown: Explanation, explanations: Iterable[Explanation]) -> None:
    """The sentences of the check, or the button that starts it."""
    st.header(plain(f"How far to trust the {shown.method.short_title} map"))
    found = check_of(shown, pair)()
    if found is None:
        _offer(model, pair, shown)
        return
    found = replace(found, agreement=agreement(shown, [other for other in explanations if other is not shown]))
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences(found)))
    st.caption(
        "Rank correlations over all pixels: 1 = same order, 0 = unrelated. What the words stand for is a convention."
    )


def _offer(model: FaceModel, pair: Pair, shown: Explanation) -> None:
    about = "Explains the pair again after small changes of the photographs and with randomised weights, and compares."
    result_or_offer(_check(model, pair, shown), "Check this map", about)


def _check(model: FaceModel, pair: Pair, shown: Explanation) -> Offer:
    core = engine()
    return Offer(
        _key(shown, pair),
        "trust",
        "Checking the map",
        lambda progress: core.trust(model, pair, shown, progress),
    )


def _key(shown: Explanation, pair: Pair) -> Hashable:
    return "trust", shown.weights_sha256, shown.method.id, shown.threshold, pair.key
