"""Files that a browser uploaded and that its address names, so that a reload finds them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.state import Upload, browser, forget_upload, uploads
from ui.words import plain


def kept_file(label: str, name: str, kind: str, made_of_it: tuple[str, ...] = ()) -> Upload | None:
    """A file of this browser's, by its ticket in the address; None while there is none.

    Args:
        label: of the uploader.
        name: of the ticket in the address.
        kind: suffix of the file.
        made_of_it: names of tickets of what was made of it, which goes with it.
    """
    key = f"{name}_file"
    take_changed(key, lambda files: _take_over(name, made_of_it, files))
    file = st.file_uploader(label, type=[kind], key=key)
    if file is not None and name not in st.query_params:
        # The browser asked for this run before it had heard of the ticket.
        st.query_params[name] = st.session_state[_given(name)]
    ticket = st.query_params.get(name)
    found = None if ticket is None else uploads().get(browser(), ticket)
    if ticket is not None and found is None:
        st.warning("This file is no longer kept here. Upload it again.", icon=":material/history:")
    if found is not None and file is None:
        st.caption(plain(found.name))
    return found


def take_changed(key: str, take: Callable[[Sequence[UploadedFile]], None]) -> bool:
    """Called before the widget with this key, which takes files: where it holds others than when this was last asked,
    `take` gets them, none of them where the user emptied it; returns whether it did. A widget that is empty on a page
    just loaded was not emptied by the user.

    This goes by what is held and not by the widget's `on_change`, which Streamlit does not call again where a user does
    something else in the moment in which it runs.
    """
    held, before = st.session_state.get(key), st.session_state.get(f"{key}_taken", ())
    files = held if isinstance(held, list) else [held] * (held is not None)
    now = tuple(file.file_id for file in files)
    changed = now != before and key in st.session_state
    if changed:
        take(files)
    st.session_state[f"{key}_taken"] = now
    return changed


def _take_over(name: str, made_of_it: tuple[str, ...], files: Sequence[UploadedFile]) -> None:
    """Another file, or none: what was kept goes, and what was made of it."""
    for other in (name, *made_of_it):
        ticket = st.query_params.pop(other, None)
        if ticket is not None:
            forget_upload(ticket)
    for file in files:
        ticket = st.session_state[_given(name)] = uploads().put(browser(), file.name, file.getvalue())
        st.query_params[name] = ticket


def _given(name: str) -> str:
    """The ticket of what the widget holds."""
    return f"{name}_given"
