"""The parts of the Inspect page, from the decision down to the downloads."""

from __future__ import annotations

import streamlit as st

from ui.charts import argument_spectrum, spectrum_sentence
from ui.map_viewer import Tile, map_viewer
from ui.pair_picker import offer_ways
from ui.pictures import crop_with_landmarks, photo_with_landmarks, show_picture
from ui.sidebar import Drawing
from ui.words import plain
from xssab_core.explain import Explanation
from xssab_core.faces import AlignedFace, Pair
from xssab_core.faces.quality import eye_distance
from xssab_core.metrics import compared
from xssab_core.models import FaceModel
from xssab_core.models.calibration import calibration_of
from xssab_core.render import shared_scale
from xssab_core.report import bundle, maps_npz, pictures, record, zipped

_ORIGINS = {"by hand": "landmarks placed by hand", "already aligned": "taken as already aligned by the user"}


def show_decision(explanation: Explanation) -> None:
    """Score, threshold, margin, and the decision in words that claim no more than the numbers do."""
    above = explanation.is_match
    relation = "above" if explanation.margin > 0 else "exactly at" if above else "below"
    decision = ":green[match]" if above else ":red[non-match]"
    st.title(f"The model's score is {relation} the threshold: {decision}")
    columns = st.columns(4)
    numbers = compared(explanation.score, explanation.threshold.value)
    columns[0].metric("Score (cosine)", numbers.score)
    columns[1].metric("Threshold", numbers.threshold)
    columns[2].metric("Margin", numbers.margin)
    about = plain(f"{explanation.model.title}. {explanation.model.source}")
    columns[3].metric("Model", plain(explanation.model.id), help=about)
    st.caption(plain(_known_pairs(explanation)))


def _known_pairs(explanation: Explanation) -> str:
    """What known pairs say of the score, and of the threshold."""
    calibration = calibration_of(explanation.model.id, explanation.weights_sha256)
    if calibration is None:
        return "How often this model errs at this threshold is not known: it has no calibration."
    standing = calibration.standing(explanation.score, explanation.is_match)
    return f"{standing}. At this threshold: {calibration.rates(explanation.threshold.value)}. {calibration.origin}."


def show_maps(explanation: Explanation, model: FaceModel, pair: Pair, drawing: Drawing) -> None:
    """Crops and maps of both faces on one shared scale."""
    scale = shared_scale(explanation.maps().values())
    rows = {}
    for (side, face), (_, maps) in zip(pair.by_side(), explanation.by_side(), strict=True):
        crop = face.crop_for(explanation.model.template)
        tiles = [Tile("Aligned crop", f"Aligned crop of the {side}, {face.photo.name}", crop)]
        for name, values in maps.named().items():
            alt = (
                f"{explanation.method.title} {name} map of the {side}: values from {values.min():.2e} to "
                f"{values.max():.2e}, full colour at {scale:.2e}"
            )
            tiles.append(Tile(name.capitalize(), alt, crop, values, scale, name == "dissimilarity"))
        rows[side.capitalize()] = tiles
    map_viewer(rows, drawing.palette, drawing.opacity, key="maps")
    st.caption(
        plain(
            f"{explanation.method.title}. All maps on one scale: full colour at |value| {scale:.3e}. "
            f"{sum(explanation.seconds.values()):.2f} s on {model.device_name}."
        )
    )


def show_photographs(pair: Pair) -> None:
    """Originals beside aligned crops, with the landmarks on both and what was found out about each face."""
    st.header("Photographs and alignment")
    for column, (side, face) in zip(st.columns(2, gap="large"), pair.by_side(), strict=True):
        with column:
            st.markdown(f"**{side.capitalize()}:** {plain(face.photo.name)}")
            original, aligned = st.columns(2)
            with original:
                show_picture(photo_with_landmarks(face), f"{side} photograph {face.photo.name} with its landmarks")
            with aligned:
                show_picture(crop_with_landmarks(face), f"Aligned crop of the {side} with its landmarks")
            st.caption(plain(_facts(face)))
            for warning in face.warnings:
                st.warning(plain(warning), icon=":material/warning:")
            offer_ways(face, side)


def _facts(face: AlignedFace) -> str:
    width, height = face.photo.size
    facts = [
        f"{face.photo.format}, {width} x {height} pixels",
        f"{eye_distance(face.landmarks):.0f} px between the eyes",
    ]
    if face.confidence is not None:
        facts.append(f"detector confidence {face.confidence:.4f}")
    if face.photo.exif_orientation != 1:
        facts.append(f"turned upright from EXIF orientation {face.photo.exif_orientation}")
    if face.photo.turn:
        facts.append(f"turned clockwise by {face.photo.turn} degrees by the user")
    if face.landmarks_origin in _ORIGINS:
        facts.append(_ORIGINS[face.landmarks_origin])
    facts.append(f"SHA-256 {face.photo.sha256[:16]}…")
    return " · ".join(facts)


def show_arguments(explanation: Explanation, drawing: Drawing) -> None:
    """The argument spectrum."""
    st.header("Arguments")
    sentence = spectrum_sentence(explanation)
    st.caption(plain(sentence))
    figure = argument_spectrum(explanation, drawing.palette)
    st.plotly_chart(figure, key="spectrum", config={"displayModeBar": False}, alt=sentence)


def show_downloads(explanations: list[Explanation], model: FaceModel, pair: Pair, drawing: Drawing) -> None:
    """Raw maps, pictures and the record of the result shown first; all of it for every method shown in one archive.
    Files are made when they are asked for."""
    st.header("Keep this result")
    shown = explanations[0]

    def files(explanation: Explanation) -> dict[str, bytes]:
        images = pictures(explanation, pair, drawing.palette, drawing.opacity)
        return bundle(record(explanation, pair, model.device_name, {}), maps_npz(explanation), images)

    def everything() -> bytes:
        found = files(shown)
        for other in explanations[1:]:
            found |= {f"{other.method.id}/{name}": data for name, data in files(other).items()}
        return zipped(found)

    def overlays() -> bytes:
        return zipped({name: data for name, data in files(shown).items() if name.endswith(".png")})

    offered = (
        ("Raw maps (npz)", lambda: maps_npz(shown), "maps.npz", "application/octet-stream"),
        ("Pictures (png, zip)", overlays, "overlays.zip", "application/zip"),
        ("Result (json)", lambda: files(shown)["result.json"], "result.json", "application/json"),
        ("Everything (zip)", everything, "xssab-result.zip", "application/zip"),
    )
    with st.container(horizontal=True):
        for label, data, name, mime in offered:
            st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:")
