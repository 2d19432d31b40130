"""The guided tour of Inspect: four steps about the pair that the app opens with. Its step is in the address."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from ui.choices import drop, keep
from ui.components import component
from ui.page import address
from ui.pair_picker import first_pair
from xssab_core.explain import Explanation
from xssab_core.faces import Pair
from xssab_core.models import DEFAULT_MODEL

_TOUR = "tour"
_component = component("tour")
# Streamlit's colours are not to be had outside its components; these are the theme's in .streamlit/config.toml.
_STYLE = """<style>
.st-key-tour { position: fixed; right: 1.5rem; bottom: 1.5rem; width: min(24rem, calc(100vw - 3rem)); z-index: 1000;
  padding: 1rem 1.2rem; border: 2px solid light-dark(#1f7a1a, #5fc257); border-radius: 8px; gap: 0.4rem;
  background: light-dark(#ffffff, #1c2227); box-shadow: 0 6px 24px rgb(0 0 0 / 35%); }
.st-key-PLACE { outline: 3px solid light-dark(#1f7a1a, #5fc257); outline-offset: 6px; border-radius: 4px;
  scroll-margin-top: 1rem; }
</style>"""


@dataclass(frozen=True)
class _Step:
    """A step: what it is about, what is said, and the class of what is pointed at."""

    heading: str
    text: str
    place: str


_STEPS = (
    _Step(
        "A wrong match",
        "Two people, and the model takes them for one: squares of the reference were pasted onto the probe. The score "
        "is above the threshold. Below it stands how often this model errs at that threshold on known pairs.",
        "decision",
    ),
    _Step(
        "The map says where",
        "Solid outlines: what speaks for a match most. Dashed ones: what speaks against it. The method shown large is "
        "the quick one that led back to the right decision best when it was measured; xSSAB stands beside it.",
        "maps",
    ),
    _Step(
        "The decision depends on the threshold",
        "Drag the threshold in the sidebar: decision, margin and both error rates follow at once. The maps follow when "
        "you let go.",
        "threshold",
    ),
    _Step(
        "Does the map lead back?",
        "Replay puts back first what the map names. At the threshold that this page opens with, the decision is right "
        "again before a tenth of the pixels is back.",
        "replay_link",
    ),
)


def link_to_tour() -> None:
    """A link that starts the tour, on the pair it is about."""
    if _step() is None:
        _link("Take the tour")


def show_tour(pair: Pair, explanation: Explanation) -> None:
    """The step of the tour that the address says, over the page; nothing where it says none."""
    number = _step()
    if number is None:
        return
    is_meant = explanation.model.id == DEFAULT_MODEL and pair.key == first_pair().key
    with st.container(key="tour"):
        if is_meant:
            _show(number)
        else:
            st.markdown("The tour is about the pair and the model that the app opens with.")
            _link("Begin there")
            st.button("End", on_click=drop, args=(_TOUR,))
        place = _STEPS[number - 1].place if is_meant else "tour"
        st.html(_STYLE.replace("PLACE", place))
        _component(key="tour_place", data={"place": place})


def _show(number: int) -> None:
    step, last = _STEPS[number - 1], len(_STEPS)
    st.markdown(f"**{number} of {last}: {step.heading}**")
    st.markdown(step.text)
    with st.container(horizontal=True, gap="small"):
        if number > 1:
            st.button("Back", on_click=keep, args=(_TOUR, str(number - 1)))
        if number < last:
            st.button("Next", type="primary", on_click=keep, args=(_TOUR, str(number + 1)))
        st.button("Skip" if number < last else "End", on_click=drop, args=(_TOUR,))


def _link(label: str) -> None:
    target = escape(address("pages/inspect.py", {_TOUR: "1"}))
    st.html(f'<a href="{target}" style="color: inherit">{escape(label)}</a>')


def _step() -> int | None:
    text = st.query_params.get(_TOUR, "")
    return int(text) if text in {str(number) for number in range(1, len(_STEPS) + 1)} else None
