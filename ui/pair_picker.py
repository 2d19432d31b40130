"""Choosing a pair: samples, uploads, or LFW; and which face of each photograph is meant."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import streamlit as st

from ui.landmark_picker import landmark_picker
from ui.page import errors_as_sentences
from ui.pictures import photo_with_faces, show_picture
from ui.state import decode, engine, lfw_at, lfw_folder, read_photo, uploads
from xssab_core.benchmark.lfw import LfwPair
from xssab_core.faces import AlignedFace, Photo, align_face
from xssab_core.paths import ASSETS

SIDES = ("probe", "reference")
_SUFFIXES = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"]


@dataclass(frozen=True, eq=False)
class Pair:
    """The two photographs in hand and the face meant in each."""

    probe: AlignedFace
    reference: AlignedFace

    @property
    def key(self) -> Hashable:
        """Equal for equal photographs with equal landmarks."""
        faces = (self.probe, self.reference)
        return tuple((face.photo.sha256, face.landmarks.tobytes()) for face in faces)


def pick_pair() -> Pair | None:
    """The widgets for choosing a pair, in the sidebar; None while something is still to be chosen."""
    with st.sidebar:
        sources = ["Samples", "Upload"] + (["LFW"] if lfw_folder() else [])
        source = st.segmented_control(
            "Pair from", sources, default="Samples", required=True, key="source", bind="query-params"
        )
        with errors_as_sentences():
            photos = {"Samples": _sample_pair, "Upload": _uploaded_pair, "LFW": _lfw_pair}[source or "Samples"]()
    if photos is None:
        st.title("Upload two photographs")
        st.info("Upload a probe and a reference photograph in the sidebar.", icon=":material/upload:")
        return None
    faces = [_face(photo, side) for photo, side in zip(photos, SIDES, strict=True)]
    if faces[0] is None or faces[1] is None:
        return None
    if photos[0].sha256 == photos[1].sha256 and np.array_equal(faces[0].landmarks, faces[1].landmarks):
        st.warning("Probe and reference are the same file: the score only shows that.", icon=":material/warning:")
    return Pair(faces[0], faces[1])


def _sample_pair() -> tuple[Photo, Photo]:
    names = sorted(path.stem for path in (ASSETS / "samples").glob("*.jpg"))
    pairs = {f"{a}~{b}": (a, b) for a, b in combinations(names, 2)}
    chosen = st.selectbox("Pair", list(pairs), format_func=_sample_title, key="sample", bind="query-params")
    first, second = (read_photo(ASSETS / "samples" / f"{name}.jpg") for name in pairs[chosen])
    st.caption(_kind(pairs[chosen][0].rsplit("_", 1)[0] == pairs[chosen][1].rsplit("_", 1)[0]))
    with st.popover("Credits", type="tertiary"):
        st.markdown((ASSETS / "samples" / "CREDITS.md").read_text())
    return first, second


def _sample_title(pair: str) -> str:
    return " / ".join(_person(name) for name in pair.split("~"))


def _kind(genuine: bool) -> str:
    return "Genuine pair: two photographs of one person." if genuine else "Impostor pair: two people."


def _person(name: str) -> str:
    person, number = name.rsplit("_", 1)
    return f"{person.rsplit('_', 1)[-1].title()} {number}"


def _uploaded_pair() -> tuple[Photo, Photo] | None:
    found = [_uploaded(side) for side in SIDES]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _uploaded(side: str) -> Photo | None:
    file = st.file_uploader(side.capitalize(), type=_SUFFIXES, key=f"{side}_file")
    if file is not None and st.session_state.get(f"{side}_file_id") != file.file_id:
        st.session_state[f"{side}_file_id"] = file.file_id
        st.query_params[side] = uploads().put(file.name, file.getvalue())
        for choice in (f"{side}_points", f"{side}_face"):
            st.query_params.pop(choice, None)
            st.session_state.pop(choice, None)
    ticket = st.query_params.get(side)
    if ticket is None:
        return None
    upload = uploads().get(ticket)
    if upload is None:
        st.warning(f"The {side} is no longer kept here. Upload it again.", icon=":material/history:")
        return None
    if file is None:
        st.caption(f"{side.capitalize()}: {upload.name}")
    return decode(upload.data, upload.name)


def _lfw_pair() -> tuple[Photo, Photo]:
    lfw = lfw_at(lfw_folder() or "")
    pairs = {pair.id: pair for pair in lfw.pairs}
    chosen = st.selectbox(
        "Pair", list(pairs), format_func=lambda name: _lfw_title(pairs[name]), key="lfw", bind="query-params"
    )
    mislabelled = " The data set's errata call this label wrong." if pairs[chosen].is_mislabelled else ""
    st.caption(f"{_kind(pairs[chosen].genuine)}{mislabelled} The copy has {lfw.coverage}.")
    return read_photo(pairs[chosen].probe), read_photo(pairs[chosen].reference)


def _lfw_title(pair: LfwPair) -> str:
    return f"{pair.probe.stem.replace('_', ' ')} / {pair.reference.stem.replace('_', ' ')}"


def _face(photo: Photo, side: str) -> AlignedFace | None:
    """The face meant in a photograph; asks where there are several or none."""
    faces = engine().faces(photo)
    by_hand = _stored_points(side, photo)
    if by_hand is not None:
        with errors_as_sentences():
            return align_face(photo, by_hand)
    if not faces:
        st.error(
            f"{photo.name}: no face was found in the {side}. Choose another photograph, or drag the five points "
            "onto the face below.",
            icon=":material/face:",
        )
        _ask_for_points(photo, None, side)
        return None
    chosen = 0
    if len(faces) > 1:
        with st.sidebar:
            show_picture(photo_with_faces(photo, faces), f"{side} photograph with {len(faces)} numbered faces")
            numbers = list(range(1, len(faces) + 1))
            key = f"{side}_face"
            number = st.segmented_control(
                f"Face in the {side}", numbers, default=1, required=True, key=key, bind="query-params"
            )
        chosen = (number or 1) - 1
    return align_face(photo, face=chosen, detected=faces)


def landmark_editor(face: AlignedFace, side: str) -> None:
    """Let the user move the landmarks of a face, or go back to those detected."""
    with st.expander("Place the landmarks by hand", icon=":material/edit_location:"):
        if face.landmarks_origin == "by hand" and st.button("Use the detected landmarks", key=f"{side}_detected"):
            del st.query_params[f"{side}_points"]
            st.rerun()
        _ask_for_points(face.photo, face.landmarks, side)


def _ask_for_points(photo: Photo, start: np.ndarray | None, side: str) -> None:
    points = landmark_picker(photo, start, key=f"{side}_picker")
    if points is not None:
        with errors_as_sentences():
            align_face(photo, points)
        numbers = ";".join(f"{x:.2f},{y:.2f}" for x, y in points)
        st.query_params[f"{side}_points"] = f"{photo.sha256[:8]}:{numbers}"
        st.rerun()


def _stored_points(side: str, photo: Photo) -> np.ndarray | None:
    """Landmarks placed by hand on exactly this photograph, from the URL."""
    owner, _, numbers = st.query_params.get(f"{side}_points", "").partition(":")
    if owner != photo.sha256[:8]:
        return None
    try:
        return np.array([[float(v) for v in pair.split(",")] for pair in numbers.split(";")])
    except ValueError:
        return None
