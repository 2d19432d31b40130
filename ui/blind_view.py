"""Blind mode: what an examiner sees in the photographs is noted before the model's score and maps are shown.

It lives in this session only. What was noted is locked when the score is shown; a pair whose score was seen before,
here or on Replay, is never noted blind.
"""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

from ui.inspect_view import show_photographs
from ui.words import code, plain
from xssab_core.casefile.filing import now
from xssab_core.casefile.format import COMPONENTS, Blind, locked
from xssab_core.faces import Pair

_NOTED, _SEEN = "_blind_notes", "_seen_pairs"
_MOST_LETTERS = 2_000


def may_see(pair: Pair) -> bool:
    """Whether score and maps of a pair are shown; asks for notes first where blind mode is on."""
    with st.sidebar:
        wanted = st.toggle(
            "Blind mode",
            key="blind",
            bind="query-params",
            help="Asks for notes on the two faces before score and maps are shown, and locks them then.",
        )
    notes = noted(pair)
    if notes is not None:
        st.caption(f"Noted before score and maps were shown, at {notes.locked_at}: {code(notes.sha256)}")
    elif wanted and pair.key not in _seen():
        return _ask(pair)
    elif wanted:
        st.info("Score and maps of this pair were shown before, so notes on it are not blind.", icon=":material/info:")
    mark_seen(pair)
    return True


def mark_seen(pair: Pair) -> None:
    """Called where a score is shown: notes on the pair are no longer blind."""
    _seen().add(pair.key)


def noted(pair: Pair) -> Blind | None:
    """What was noted of a pair before its score was shown in this session."""
    found: Blind | None = st.session_state.get(_NOTED, {}).get(pair.key)
    return found


def _seen() -> set[Hashable]:
    seen: set[Hashable] = st.session_state.setdefault(_SEEN, set())
    return seen


def _ask(pair: Pair) -> bool:
    st.title("What do you see?")
    show_photographs(pair)
    with st.form("blind_notes"):
        st.markdown("Note what you see of each component in both photographs. Empty fields are kept as empty.")
        said = {name: st.text_input(plain(name), max_chars=_MOST_LETTERS, key=f"blind_{name}") for name in COMPONENTS}
        done = st.form_submit_button("Lock the notes, show score and maps", icon=":material/lock:")
    if done:
        photographs = tuple(face.photo.sha256 for face in pair)
        st.session_state.setdefault(_NOTED, {})[pair.key] = locked(said, photographs, now())
        st.rerun()
    return False
