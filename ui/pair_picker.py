"""Choosing a pair: samples, uploads, LFW or Patch-LFW; which face of each photograph is meant; patches of one's own."""

from __future__ import annotations

from html import escape
from itertools import combinations

import numpy as np
import streamlit as st

from ui.address import aligned_text, is_aligned, points_on, points_text, turn_on, turn_text
from ui.choices import belongs, drop, keep
from ui.intake import show_incomplete, uploaded, uploaded_pair
from ui.landmark_picker import landmark_picker
from ui.page import address, errors_as_sentences, query_here
from ui.pictures import photo_with_faces, show_picture
from ui.state import engine, lfw_at, lfw_folder, read_photo
from ui.triage_runs import ROW, TRIAGED, row_photos
from ui.words import plain
from xssab_core.data.crops import CropCache, nearest_to_middle
from xssab_core.data.landmarks import settled
from xssab_core.data.lfw import Lfw, LfwPair
from xssab_core.errors import FaceError
from xssab_core.faces import ARCFACE, SIDES, AlignedFace, DetectedFace, Pair, Photo, align_face, turned
from xssab_core.patch_lfw.generator import PATCH_SIDE, PATCHES, PatchedFace, PatchLfw, uniform_positions
from xssab_core.paths import ASSETS

_SAMPLES = ASSETS / "samples"
_PATCH_LFW = "Patch-LFW"
# The pair that the app opens with. A false match that patches made: its map shows at once where, and its replay what an
# order of pixels is worth.
SHOWCASE = ("joe_biden_1", "barack_obama_2")


def pick_pair() -> Pair | None:
    """The widgets for choosing a pair, in the sidebar; None while something is still to be chosen."""
    with st.sidebar:
        sources = ["Samples", "Upload"] + (["LFW", _PATCH_LFW] if lfw_folder() else [])
        sources += [TRIAGED] if ROW in st.query_params else []
        source = st.segmented_control(
            "Pair from", sources, default="Samples", required=True, key="source", bind="query-params"
        )
        with errors_as_sentences():
            if source == _PATCH_LFW:
                return _patch_lfw_pair()
            photos: tuple[Photo, Photo] | None
            if source == TRIAGED:
                photos = row_photos()
            elif source == "Upload":
                photos = uploaded_pair()
            else:
                photos = _lfw_pair() if source == "LFW" else _sample_pair()
    if photos is None:
        show_incomplete()
        return None
    faces = [_face(photo, side, by_position=source == "LFW") for photo, side in zip(photos, SIDES, strict=True)]
    if faces[0] is None or faces[1] is None:
        return None
    sample = st.session_state.sample if source == "Samples" else None
    belongs("patch", (source, sample), sample == _id(*SHOWCASE))
    probe = _patched_by_hand(faces[0], faces[1], sample == _id(*SHOWCASE))
    if probe is None:
        return None
    pair = Pair(probe, faces[1])
    for warning in pair.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    return pair


def open_pair_elsewhere(file: str, label: str) -> None:
    """A link to another page with the same pair, model and threshold. It loads a new document: a switch within the
    session cannot be relied on to carry parameters that are bound to widgets."""
    target = escape(address(file, query_here()))
    st.html(f'<a href="{target}" style="color: inherit; font-weight: 600">{escape(label)}</a>')


def _sample_pair() -> tuple[Photo, Photo]:
    pairs = {_id(a, b): (a, b) for a, b in (SHOWCASE, *sample_pairs())}
    chosen = st.selectbox("Pair", list(pairs), format_func=sample_title, key="sample", bind="query-params")
    first, second = (read_photo(_SAMPLES / f"{name}.jpg") for name in pairs[chosen])
    st.caption(_kind(pairs[chosen][0].rsplit("_", 1)[0] == pairs[chosen][1].rsplit("_", 1)[0]))
    with st.popover("Credits", type="tertiary"):
        st.markdown((_SAMPLES / "CREDITS.md").read_text())
    return first, second


def _id(first: str, second: str) -> str:
    return f"{first}~{second}"


def sample_pairs() -> list[tuple[str, str]]:
    """Every pair of sample photographs, as the names of their files without suffix."""
    names = sorted(path.stem for path in _SAMPLES.glob("*.jpg"))
    return list(combinations(names, 2))


def first_pair() -> Pair:
    """The pair that the app opens with."""
    photos = [read_photo(_SAMPLES / f"{name}.jpg") for name in SHOWCASE]
    probe, reference = (settled(align_face(photo, face=0, detected=engine().faces(photo))) for photo in photos)
    positions = uniform_positions(np.random.default_rng(0), PATCHES, PATCH_SIDE)
    return Pair(PatchedFace.of(probe, reference, positions, PATCH_SIDE), reference)


def sample_title(pair: str) -> str:
    """The title of a sample pair `a~b`, as the URL carries it."""
    return " / ".join(_person(name) for name in pair.split("~"))


def _kind(genuine: bool) -> str:
    return "Genuine pair: two photographs of one person." if genuine else "Impostor pair: two people."


def _person(name: str) -> str:
    person, number = name.rsplit("_", 1)
    return f"{person.rsplit('_', 1)[-1].title()} {number}"


def _lfw_pair() -> tuple[Photo, Photo]:
    pair = _pick_lfw_pair(lfw_at(lfw_folder() or ""))
    return read_photo(pair.probe), read_photo(pair.reference)


def _patch_lfw_pair() -> Pair:
    lfw = lfw_at(lfw_folder() or "")
    pair = _pick_lfw_pair(lfw)
    faces = PatchLfw(lfw, CropCache.default(), ARCFACE).faces(pair)
    if faces is None:
        raise FaceError("No face was found in one of the two images. Choose another pair.")
    donor = "the reference" if not pair.genuine else faces[0].donor.photo.name
    st.caption(f"The probe carries {len(faces[0].positions)} patches from {plain(donor)}.")
    return Pair(*faces)


def _pick_lfw_pair(lfw: Lfw) -> LfwPair:
    pairs = {pair.id: pair for pair in lfw.pairs}
    chosen = pairs[
        st.selectbox(
            "Pair", list(pairs), format_func=lambda name: lfw_title(pairs[name]), key="lfw", bind="query-params"
        )
    ]
    mislabelled = " The data set's errata call this label wrong." if chosen.is_mislabelled else ""
    st.caption(f"{_kind(chosen.genuine)}{mislabelled} The copy has {plain(lfw.coverage)}.")
    return chosen


def lfw_title(pair: LfwPair) -> str:
    """The title of an LFW pair, as the URL carries it."""
    return f"{pair.probe.stem.replace('_', ' ')} / {pair.reference.stem.replace('_', ' ')}"


def _patched_by_hand(probe: AlignedFace, reference: AlignedFace, at_first: bool) -> AlignedFace | None:
    """The probe, with patches where the user asks for them; None while their donor is still to be chosen."""
    with st.sidebar:
        wanted = st.toggle(
            "Patch the probe",
            at_first,
            key="patch",
            bind="query-params",
            help="Makes a Patch-LFW case of this pair: squares of another face are pasted onto the probe. "
            "Squares of the reference pull towards a match, squares of a stranger towards a non-match.",
        )
        if not wanted:
            return probe
        patches = st.slider("Patches", 1, 60, PATCHES, key="patches", bind="query-params")
        side = st.slider("Side of a patch, pixels of 112", 4, 56, PATCH_SIDE, key="patch_side", bind="query-params")
        # Not a whole number: of those, Streamlit cannot read an address that says infinity.
        seed = int(
            st.number_input(
                "Seed of their places", 0.0, 999_999.0, 0.0, 1.0, "%.0f", key="patch_seed", bind="query-params"
            )
        )
        names = sorted(path.stem for path in _SAMPLES.glob("*.jpg"))
        donors = ["the reference", *map(_person, names), "an upload"]
        chosen = st.selectbox("Patches from", donors, key="donor_from", bind="query-params")
        with errors_as_sentences():
            photo: Photo | None
            if chosen == donors[0]:
                photo = reference.photo
            elif chosen == donors[-1]:
                photo = uploaded("donor")
            else:
                photo = read_photo(_SAMPLES / f"{names[donors.index(chosen) - 1]}.jpg")
    if photo is None:
        st.info("Upload the photograph that the patches come from, in the sidebar.", icon=":material/upload:")
        return None
    donor = reference if chosen == donors[0] else _face(photo, "donor")
    positions = uniform_positions(np.random.default_rng(seed), patches, side)
    return None if donor is None else PatchedFace.of(probe, donor, positions, side)


def _face(photo: Photo, side: str, by_position: bool = False) -> AlignedFace | None:
    """The face meant in a photograph; asks where there are several or none. The first choice is the largest face, or
    the one nearest the middle, as LFW means it."""
    photo = turned(photo, turn_on(photo.sha256, st.query_params.get(f"{side}_turn", "")))
    said = st.query_params.get(f"{side}_points", "")
    points = points_on(photo.sha256, said)
    if points is not None or (_is_square(photo) and is_aligned(photo.sha256, said)):
        with errors_as_sentences():
            return align_face(photo, points, aligned=points is None)
    faces = engine().faces(photo)
    if not faces:
        _ask_for_face(photo, side)
        return None
    chosen = nearest_to_middle(faces, photo.size) if by_position else 0
    if len(faces) > 1:
        chosen = _pick_face(photo, side, faces, chosen)
    else:
        drop(f"{side}_face")
    return settled(align_face(photo, face=chosen, detected=faces))


def _pick_face(photo: Photo, side: str, faces: tuple[DetectedFace, ...], first: int) -> int:
    key = f"{side}_face"
    with st.sidebar:
        show_picture(photo_with_faces(photo), f"{side} photograph with {len(faces)} numbered faces")
        belongs(key, photo.key, first + 1)
        number = st.segmented_control(
            f"Face in the {side}",
            range(1, len(faces) + 1),
            default=first + 1,
            required=True,
            key=key,
            bind="query-params",
        )
    return number - 1 if number else first


def _ask_for_face(photo: Photo, side: str) -> None:
    """What to do about a photograph in which no face was found."""
    st.error(
        f"{plain(photo.name)}: no face was found in the {side}. Choose another photograph, or drag the five points "
        "onto the face below.",
        icon=":material/face:",
    )
    _offer_other_ways(photo, side, _is_square(photo), engine().better_turn(photo))
    _ask_for_points(photo, None, side)


def _is_square(photo: Photo) -> bool:
    width, height = photo.size
    return width == height


def offer_ways(face: AlignedFace, side: str) -> None:
    """Other ways to take a photograph, where its face asks for them, and ways back from those taken."""
    if st.session_state.get("source") == _PATCH_LFW:
        return  # its faces are those of the data set
    _offer_other_ways(face.photo, side, face.looks_aligned, face.better_turn)
    if face.landmarks_origin == "already aligned":
        _way("Look for the face in this picture", f"{side}_points", "")
    with st.expander("Place the landmarks by hand", icon=":material/edit_location:"):
        if face.landmarks_origin == "by hand":
            _way("Use the detected landmarks", f"{side}_points", "")
        _ask_for_points(face.photo, face.landmarks, side)


def _offer_other_ways(photo: Photo, side: str, looks_aligned: bool, better_turn: int) -> None:
    if looks_aligned:
        _way("This picture is already aligned", f"{side}_points", aligned_text(photo.sha256))
    if better_turn:
        degrees = (photo.turn + better_turn) % 360
        _way(f"Turn it clockwise by {better_turn} degrees", f"{side}_turn", turn_text(photo.sha256, degrees))
    if photo.turn:
        _way("Turn it back", f"{side}_turn", "")


def _way(label: str, name: str, text: str) -> None:
    st.button(label, key=f"{name}_{label}", on_click=_take, args=(name, text))


def _take(name: str, text: str) -> None:
    """Landmarks lie on the photograph as it was turned when they were placed: another turn ends them."""
    if name.endswith("_turn"):
        drop(name.replace("_turn", "_points"))
    keep(name, text)


def _ask_for_points(photo: Photo, start: np.ndarray | None, side: str) -> None:
    points = landmark_picker(photo, start, key=f"{side}_picker")
    if points is not None:
        with errors_as_sentences():
            align_face(photo, points)
        keep(f"{side}_points", points_text(photo.sha256, points))
        st.rerun()
