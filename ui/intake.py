"""Photographs that a user brings: from a file or from the camera, kept for their browser until they take them away."""

from __future__ import annotations

import logging

import streamlit as st

from ui.choices import drop
from ui.models_view import forget_pair
from ui.pictures import photo_with_faces, show_picture
from ui.state import browser, engine, forget_upload, uploads
from ui.words import plain
from xssab_core.errors import XssabError
from xssab_core.faces import SIDES, Photo
from xssab_core.faces.photo import SUFFIXES
from xssab_core.metrics import counted

_CAMERA = "camera"
_FILE = "file"


def uploaded_pair() -> tuple[Photo, Photo] | None:
    """The widgets for two photographs; None while one is missing or cannot be read."""
    probe, reference = (uploaded(side) for side in SIDES)
    return None if probe is None or reference is None else (probe, reference)


def uploaded(side: str) -> Photo | None:
    """The widgets for one photograph, with a sentence where it cannot be read; None while there is none."""
    name = side.capitalize()
    file = _take_in(side, name)
    ticket = st.query_params.get(side)
    upload = None if ticket is None else uploads().get(browser(), ticket)
    if upload is None:
        drop(*_choices_of(side))
    if ticket is None:
        if st.session_state.get(f"{side}_removed"):
            st.caption(f"The {side} was removed: it and what was computed from it are no longer in memory.")
        return None
    if upload is None:
        st.warning(f"The {side} is no longer kept here. Upload it again.", icon=":material/history:")
        return None
    if file is None:
        st.caption(f"{name}: {plain(upload.name)}")
    try:
        return engine().photo(upload.data, upload.name)
    except XssabError as error:
        logging.getLogger("xssab").warning("%s", error)
        st.error(plain(error), icon=":material/error:")
        return None


def show_incomplete() -> None:
    """What is still to be done, and the photographs that are there, with their faces."""
    st.title("Upload two photographs")
    st.info("Upload a probe and a reference photograph in the sidebar.", icon=":material/upload:")
    for column, side in zip(st.columns(2), SIDES, strict=True):
        ticket = st.query_params.get(side)
        upload = None if ticket is None else uploads().get(browser(), ticket)
        if upload is not None:
            with column:
                _preview(side, upload.data, upload.name)


def _preview(side: str, data: bytes, name: str) -> None:
    try:
        photo = engine().photo(data, name)
    except XssabError:
        return  # the sentence stands at its widget
    faces = engine().faces(photo)
    found = counted(len(faces), "face")
    show_picture(photo_with_faces(photo, faces), f"{side} photograph with {found}")
    st.caption(f"{plain(name)}: {found} found.")


def _take_in(side: str, name: str) -> object | None:
    """The widget that takes a file or a picture of the camera; what it holds."""
    from_camera = st.session_state.get(f"{side}_{_CAMERA}_on", False)
    kind = _CAMERA if from_camera else _FILE
    given = {"key": f"{side}_{kind}", "on_change": _take_over, "args": (side, kind)}
    held = st.camera_input(name, **given) if from_camera else st.file_uploader(name, type=list(SUFFIXES), **given)
    st.toggle(f"{name} from the camera", key=f"{side}_{_CAMERA}_on")
    return held


def _take_over(side: str, kind: str) -> None:
    """The user gave another photograph, or removed it with the widget's cross: what was there before goes, with all
    that belonged to it. A widget that is empty on a page just loaded was not changed by the user: its file stays."""
    file = st.session_state[f"{side}_{kind}"]
    before = st.query_params.pop(side, None)
    if before is not None:
        forget_upload(before)
        forget_pair()
    drop(*_choices_of(side))
    st.session_state[f"{side}_removed"] = file is None
    if file is not None:
        st.query_params[side] = uploads().put(browser(), file.name, file.getvalue())


def _choices_of(side: str) -> tuple[str, ...]:
    """What is chosen for one photograph, by its names in the address."""
    return tuple(f"{side}_{name}" for name in ("face", "turn", "points"))
