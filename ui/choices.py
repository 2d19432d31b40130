"""Choices that belong to something: a threshold to its model, a face number to its photograph. They end with it.

The address holds a choice beside what it belongs to. So the first page of a session takes it from there, and what is
chosen for another model or photograph later goes back to what a fresh address would show.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException


def outlived(name: str, owner: Hashable) -> bool:
    """Whether a choice was last made for another owner in this session; from now on it is this owner's."""
    key = _owner_of(name)
    before = st.session_state.get(key, owner)
    st.session_state[key] = owner
    return bool(before != owner)


def _owner_of(name: str) -> str:
    return f"_owner_of_{name}"


def belongs(name: str, owner: Hashable, default: Any) -> None:
    """Called right before the widget with this key: where the choice outlived its owner, it goes back to the default.
    Nothing is shown in between: a run that ends there, since the user went on, would leave the browser untold."""
    if outlived(name, owner):
        st.session_state[name] = default


def keep(name: str, text: str) -> None:
    """Put a choice that is no widget's into the address; nothing takes it out."""
    if text:
        st.query_params[name] = text
    else:
        drop(name)


def drop(*names: str) -> None:
    """Take choices out of the address whose owner is gone. What a widget of the page before holds, Streamlit takes out
    once the page has no such widget any more."""
    for name in names:
        with contextlib.suppress(StreamlitAPIException):
            st.query_params.pop(name, None)


def exchange(first: str, second: str) -> None:
    """Two choices change places, with their owners."""
    for a, b in ((first, second), (_owner_of(first), _owner_of(second))):
        for name, value in ((a, st.session_state.pop(b, None)), (b, st.session_state.pop(a, None))):
            if value is not None:
                st.session_state[name] = value
    said = st.query_params.get(first, ""), st.query_params.get(second, "")
    # Of what a widget holds, Streamlit writes the address.
    with contextlib.suppress(StreamlitAPIException):
        keep(first, said[1])
        keep(second, said[0])
