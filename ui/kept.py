"""Files that a browser uploaded and that its address names, so that a reload finds them again."""

from __future__ import annotations

import streamlit as st

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
    file = st.file_uploader(label, type=[kind], key=f"{name}_file", on_change=_take_over, args=(name, made_of_it))
    ticket = st.query_params.get(name)
    found = None if ticket is None else uploads().get(browser(), ticket)
    if ticket is not None and found is None:
        st.warning("This file is no longer kept here. Upload it again.", icon=":material/history:")
    if found is not None and file is None:
        st.caption(plain(found.name))
    return found


def _take_over(name: str, made_of_it: tuple[str, ...]) -> None:
    """Another file, or none: what was kept goes, and what was made of it."""
    file = st.session_state[f"{name}_file"]
    for other in (name, *made_of_it):
        ticket = st.query_params.pop(other, None)
        if ticket is not None:
            forget_upload(ticket)
    if file is not None:
        st.query_params[name] = uploads().put(browser(), file.name, file.getvalue())
