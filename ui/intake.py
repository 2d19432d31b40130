"""Photographs that a user brings: from a file or from the camera, kept for their browser until they take them away."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.choices import belongs, drop, exchange, keep
from ui.components import component
from ui.kept import take_changed
from ui.models_view import forget_pair
from ui.pictures import photo_with_faces, show_picture
from ui.state import Upload, browser, engine, forget_upload, uploads
from ui.words import plain
from xssab_core.errors import XssabError
from xssab_core.faces import SIDES, Photo
from xssab_core.faces.photo import SUFFIXES
from xssab_core.findings.several import MOST_PHOTOGRAPHS
from xssab_core.metrics import counted

_CAMERA = "camera"
_FILE, _FILES = "file", "files"
_SWAPPED = "_swapped"
_HELP = f"Up to {MOST_PHOTOGRAPHS} photographs of one person are compared by the mean of their embeddings."
# Of the tickets of one side, in the address; none has it in it.
_BETWEEN = ","


_both_at_once = component("intake")


def uploaded_pair() -> tuple[Photo, Photo] | None:
    """The widgets for two photographs; None while one is missing or cannot be read."""
    _say_swap_again()
    for side in SIDES:
        _take_over(side, _is_several(side))
    with st.container():
        _take_both()
    probe, reference = (uploaded(side, may_be_several=True) for side in SIDES)
    return None if probe is None or reference is None else (probe, reference)


def uploaded(side: str, may_be_several: bool = False) -> Photo | None:
    """The widgets for the photographs of a side, with a sentence where one cannot be read; the one that is meant, None
    while there is none."""
    name = side.capitalize()
    several = may_be_several and _is_several(side)
    if not may_be_several:
        _take_over(side, several)
    file = _show_widget(side, name, several)
    if may_be_several:
        st.toggle(
            f"Several {side} photographs", key=f"{side}_several", on_change=_back_to_one, args=(side,), help=_HELP
        )
    kept = _kept(side)
    if not kept:
        drop(*_choices_of(side))
    if not _tickets(side):
        if st.session_state.get(f"{side}_removed"):
            st.caption(f"The {side} was removed: it and what was computed from it are no longer in memory.")
        return None
    if not kept:
        st.warning(f"The {side} is no longer kept here. Upload it again.", icon=":material/history:")
        return None
    if several:
        _show_list(side, kept)
    elif file is None:
        _offer_removal(side, *next(iter(kept.items())), f"Remove {side}")
    return _opened(_meant(side, kept))


def photographs_of(side: str) -> list[Photo]:
    """All uploaded photographs of a side that can be read, the one that is meant first."""
    kept = _kept(side)
    if not kept:
        return []
    meant = _meant(side, kept)
    others = [upload for upload in kept.values() if upload is not meant]
    return [photo for upload in (meant, *others) if (photo := _opened(upload, silent=upload is meant)) is not None]


def _tickets(side: str) -> list[str]:
    """The tickets of a side, as the address carries them, or as they were exchanged last, see `_swapped_since`."""
    named = _swapped_since().get(side) or st.query_params.get(side, "")
    return [ticket for ticket in named.split(_BETWEEN) if ticket][:MOST_PHOTOGRAPHS]


def _swapped_since() -> dict[str, str]:
    """What the address says of the sides since they changed places, where the browser has not heard of it: what it asks
    for at that moment still has the one from before. Nothing where it went back to that one itself."""
    swapped: tuple[dict[str, str], dict[str, str]] | None = st.session_state.get(_SWAPPED)
    run = get_script_run_ctx()
    if swapped is None or run is None:
        return {}
    if run.is_history_navigation:
        del st.session_state[_SWAPPED]
        return {}
    before, since = swapped
    return since if all(st.query_params.get(side, "") == before[side] for side in SIDES) else {}


def _say_swap_again() -> None:
    for name, text in _swapped_since().items():
        with contextlib.suppress(StreamlitAPIException):  # of what a widget holds, Streamlit writes the address
            keep(name, text)


def _kept(side: str) -> dict[str, Upload]:
    """What is still kept of them for this browser."""
    return {ticket: upload for ticket in _tickets(side) if (upload := uploads().get(browser(), ticket)) is not None}


def _keep_tickets(side: str, tickets: Iterable[str]) -> None:
    keep(side, _BETWEEN.join(tickets))


def _is_several(side: str) -> bool:
    """Whether a side takes several photographs: the user said so, or the address names several."""
    key = f"{side}_several"
    if len(_tickets(side)) > 1:
        st.session_state[key] = True
    return bool(st.session_state.get(key, False))


def _back_to_one(side: str) -> None:
    """Of several photographs the one that is meant stays; the others go, with all that was computed from them."""
    if not st.session_state[f"{side}_several"]:
        kept = _kept(side)
        meant = _number_meant(side, len(kept))
        for number, ticket in enumerate(kept):
            if number != meant:
                _remove(side, ticket)


def _show_list(side: str, kept: Mapping[str, Upload]) -> None:
    """The photographs of a side, which of them maps are of, and a cross for each."""
    if st.session_state.pop(f"{side}_left_out", None):
        st.warning(f"A side takes {MOST_PHOTOGRAPHS} photographs; the others were left out.", icon=":material/block:")
    if len(kept) > 1:
        belongs(f"{side}_photo", tuple(kept), 1)
        st.segmented_control(
            f"Maps of the {side}",
            range(1, len(kept) + 1),
            default=1,
            required=True,
            key=f"{side}_photo",
            bind="query-params",
        )
    for number, (ticket, upload) in enumerate(kept.items(), start=1):
        _offer_removal(side, ticket, upload, f"Remove {number}")


def _offer_removal(side: str, ticket: str, upload: Upload, verb: str) -> None:
    label, key = f"{verb}: {plain(upload.name)}", f"{side}_remove_{ticket}"
    st.button(label, key=key, on_click=_remove, args=(side, ticket), icon=":material/close:", type="tertiary")


def _remove(side: str, ticket: str) -> None:
    forget_upload(ticket)
    forget_pair()
    left = [other for other in _tickets(side) if other != ticket]
    st.session_state[f"{side}_removed"] = not left
    _say_swap_again()
    st.session_state.pop(_SWAPPED, None)
    _keep_tickets(side, left)


def _meant(side: str, kept: Mapping[str, Upload]) -> Upload:
    return list(kept.values())[_number_meant(side, len(kept))]


def _number_meant(side: str, count: int) -> int:
    """Which of so many photographs of a side maps are of, from 0."""
    number = st.session_state.get(f"{side}_photo")
    return number - 1 if isinstance(number, int) and 1 <= number <= count else 0


def _opened(upload: Upload, silent: bool = False) -> Photo | None:
    """The photograph; None, and a sentence, where it cannot be read."""
    try:
        return engine().photo(upload.data, upload.name)
    except XssabError as error:
        logging.getLogger("xssab").warning("%s", error)
        if not silent:
            st.error(plain(error), icon=":material/error:")
        return None


def show_incomplete() -> None:
    """What is still to be done, and the photographs that are there, with their faces."""
    st.title("Upload two photographs")
    st.info(
        "Upload a probe and a reference photograph in the sidebar, both at once or one by one.",
        icon=":material/upload:",
    )
    for column, side in zip(st.columns(2), SIDES, strict=True):
        with column:
            for upload in _kept(side).values():
                _preview(side, upload.data, upload.name)


def _preview(side: str, data: bytes, name: str) -> None:
    try:
        photo = engine().photo(data, name)
    except XssabError:
        return  # the sentence stands at its widget
    faces = engine().faces(photo)
    found = counted(len(faces), "face")
    show_picture(photo_with_faces(photo), f"{side} photograph with {found}")
    st.caption(f"{plain(name)}: {found} found.")


def _take_both() -> None:
    """Two photographs at once, or one from the clipboard, into the widgets of the sides; and the way to swap them."""
    sides = [
        {
            "title": side,
            "field": "" if _is_filmed(side) else _widget(side, _is_several(side)),
            "filled": bool(_kept(side)),
            "holds": _BETWEEN.join(_tickets(side)),
            "several": _is_several(side),
        }
        for side in SIDES
    ]
    _both_at_once(key="both", data={"sides": sides, "suffixes": ",".join(f".{suffix}" for suffix in SUFFIXES)})
    if all(map(_kept, SIDES)):
        st.button("Swap probe and reference", on_click=_swap, icon=":material/swap_vert:")


def _swap() -> None:
    """The two sides change places, with all that was chosen for them. What their widgets hold belongs to a side: they
    are emptied, and the photographs are named below them."""
    _say_swap_again()
    before = {side: st.query_params.get(side, "") for side in SIDES}
    names = ((side, *_choices_of(side), f"{side}_several") for side in SIDES)
    for first, second in zip(*names, strict=True):
        exchange(first, second)
    for side in SIDES:
        _empty(side)
    said = (name for side in SIDES for name in (side, *_choices_of(side)))
    st.session_state[_SWAPPED] = before, {name: st.query_params.get(name, "") for name in said}


def _is_filmed(side: str) -> bool:
    return bool(st.session_state.get(f"{side}_{_CAMERA}_on", False))


def _widget(side: str, several: bool) -> str:
    """The key of the widget that takes photographs of a side."""
    kind = _CAMERA if _is_filmed(side) else _FILES if several else _FILE
    return f"{side}_{kind}_{st.session_state.get(_emptied(side), 0)}"


def _empty(side: str) -> None:
    """A widget under another key is an empty one."""
    st.session_state[_emptied(side)] = st.session_state.get(_emptied(side), 0) + 1


def _show_widget(side: str, name: str, several: bool) -> object | None:
    """The widget that takes a file or a picture of the camera; what it holds."""
    key = _widget(side, several)
    label = f"{name}: add photographs of one person" if several else name
    held = (
        st.camera_input(label, key=key)
        if _is_filmed(side)
        else st.file_uploader(label, type=list(SUFFIXES), accept_multiple_files=several, key=key)
    )
    st.toggle(f"{name} from the camera", key=f"{side}_{_CAMERA}_on")
    return held


def _take_over(side: str, several: bool) -> None:
    """What the widget of a side holds, and did not hold before, becomes the side's."""
    key = _widget(side, several)
    if take_changed(key, lambda files: (_join if several else _replace)(side, files)):
        return
    # Where the browser asked for this run before it had heard of the ticket, it brings the address as it was.
    if st.session_state.get(key) and not several and not _kept(side):
        _keep_tickets(side, [st.session_state[f"{side}_given"]])


def _replace(side: str, files: Sequence[UploadedFile]) -> None:
    """The user gave another photograph, or removed it with the widget's cross: what was there before goes, with all
    that belonged to it."""
    for ticket in _tickets(side):
        _remove(side, ticket)
    drop(*_choices_of(side))
    st.session_state[f"{side}_removed"] = not files
    for file in files:
        ticket = st.session_state[f"{side}_given"] = uploads().put(browser(), file.name, file.getvalue())
        _keep_tickets(side, [ticket])


def _join(side: str, files: Sequence[UploadedFile]) -> None:
    """The user gave further photographs: they join those that are there, and the widget is emptied for more."""
    kept = _kept(side)
    known, new = {upload.data for upload in kept.values()}, {}
    for file in files:
        if file.getvalue() not in known:  # the same photograph again would count twice
            new[file.getvalue()] = file.name
    room = MOST_PHOTOGRAPHS - len(kept)
    st.session_state[f"{side}_left_out"] = len(new) > room
    tickets = [uploads().put(browser(), name, data) for data, name in list(new.items())[:room]]
    _keep_tickets(side, [*kept, *tickets])
    _empty(side)


def _emptied(side: str) -> str:
    """Counts how often the widget of a side was emptied."""
    return f"{side}_emptied"


def _choices_of(side: str) -> tuple[str, ...]:
    """What is chosen for one photograph, by its names in the address."""
    return tuple(f"{side}_{name}" for name in ("face", "turn", "points", "photo"))
