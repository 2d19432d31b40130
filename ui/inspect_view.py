"""The parts of the Inspect page, from the decision down to the downloads."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from ui.charts import argument_spectrum, spectrum_sentence
from ui.map_viewer import Legend, Original, Row, Tile, combined_tiles, map_viewer
from ui.measured import worth_of
from ui.pair_picker import offer_ways
from ui.pictures import crop_with_landmarks, photo_with_landmarks, show_picture
from ui.quality_view import show_quality
from ui.sidebar import Drawing, take_drawing
from ui.trust_view import check_of
from ui.words import plain
from xssab_core.explain import Explanation
from xssab_core.explain.xssab import same_maps_between
from xssab_core.faces import SIDES, AlignedFace, Pair
from xssab_core.faces.quality import eye_distance
from xssab_core.metrics import compared, percent
from xssab_core.models import FaceModel
from xssab_core.models.calibration import Calibration, calibration_of
from xssab_core.patch_lfw.generator import PatchedFace
from xssab_core.render import scales
from xssab_core.report import bundle, maps_npz, pictures, record, zipped
from xssab_core.scoring.likelihood import likelihood_record

_ENDS = Legend("against a match", "for a match")
_ORIGINS = {"by hand": "landmarks placed by hand", "already aligned": "taken as already aligned by the user"}


def show_decision(explanation: Explanation) -> None:
    """Score, threshold, margin, and the decision in words that claim no more than the numbers do."""
    above = explanation.is_match
    relation = "above" if explanation.margin > 0 else "exactly at" if above else "below"
    decision = ":green[match]" if above else ":red[non-match]"
    st.title(f"The model's score is {relation} the threshold: {decision}")
    numbers = compared(explanation.score, explanation.threshold.value)
    about = plain(f"{explanation.model.title}. {explanation.model.source}")
    calibration = calibration_of(explanation.model.id, explanation.weights_sha256)
    rates = None if calibration is None else calibration.rates(explanation.threshold.value)
    with st.container(horizontal=True, gap="medium"):
        st.metric("Score (cosine)", numbers.score, width="content")
        st.metric("Threshold", numbers.threshold, width="content")
        st.metric("Margin", numbers.margin, width="content")
        if rates is not None:
            st.metric("FMR", plain(percent(rates.false_match.value)), width="content")
            st.metric("FNMR", plain(percent(rates.false_non_match.value)), width="content")
        st.metric("Model", plain(explanation.model.id), help=about, width="content")
    st.caption(plain(_known_pairs(explanation, calibration)))


def _known_pairs(explanation: Explanation, calibration: Calibration | None) -> str:
    """What known pairs say of the score, and of the threshold; one paragraph, so that maps are seen at first sight."""
    if calibration is None:
        return "How often this model errs at this threshold is not known: it has no calibration."
    standing = calibration.standing(explanation.score, explanation.is_match)
    rates = calibration.rates(explanation.threshold.value)
    ratio, *_, holds = likelihood_record(calibration, explanation.score)["sentences"]
    worth = ratio if holds is ratio else f"{ratio} {holds}"
    return f"{standing}. At this threshold: {rates}. {calibration.origin}. {worth}"


def show_maps(shown: Explanation, beside: list[Explanation], model: FaceModel, pair: Pair, drawing: Drawing) -> None:
    """The combined map of each face, large and on its own scale; smaller the crop, the maps of one sign on a scale that
    they share, and the combined maps of other methods."""
    columns = [_combined(shown, model), *_of_one_sign(shown), *(_combined(other, model) for other in beside)]
    rows = []
    for index, (side, face) in enumerate(pair.by_side()):
        crop = Tile("Aligned crop", f"Aligned crop of the {side}, {face.photo.name}")
        tiles = [column[index] for column in columns]
        note = "unpatched" if isinstance(face, PatchedFace) else ""
        original = Original(face.photo, face.crop_to_photo(shown.model.template), note)
        rows.append(Row(side.capitalize(), face.crop_for(shown.model.template), [tiles[0], crop, *tiles[1:]], original))
    map_viewer(rows, drawing, _ENDS, "maps", large=True, on_drawing_change=_take_drawing)
    st.caption(plain(" ".join((_about_maps(shown, model), *_about_thresholds([shown, *beside])))))


def _take_drawing() -> None:
    take_drawing(st.session_state.maps.drawing)


def _combined(explanation: Explanation, model: FaceModel) -> list[Tile]:
    """The combined maps of both faces."""
    maps = [found.combined for _, found in explanation.by_side() if found.combined is not None]
    title, worth = explanation.method.short_title, worth_of(model, explanation.method.id)
    alts = [f"{explanation.method.title} combined map of the {side}" for side in SIDES]
    return combined_tiles(maps, [title] * len(maps), alts, worth.note if worth else "gain not measured here")


def _of_one_sign(explanation: Explanation) -> list[list[Tile]]:
    """The similarity maps of both faces, then their dissimilarity maps."""
    maps, found = explanation.maps(), []
    full = scales(maps)
    for name in ("similarity", "dissimilarity"):
        if f"probe_{name}" not in maps:
            continue
        tiles = []
        for side in SIDES:
            values = maps[f"{side}_{name}"]
            scale = full[f"{side}_{name}"]
            alt = (
                f"{explanation.method.title} {name} map of the {side}: values up to {values.max():.2e}, full colour "
                f"at {scale:.2e}"
            )
            tiles.append(Tile(name.capitalize(), alt, values, scale, name == "dissimilarity"))
        found.append(tiles)
    return found


def _about_maps(explanation: Explanation, model: FaceModel) -> str:
    return (
        f"{explanation.method.title}. Each combined map reaches full colour at its strongest place on the two faces; "
        "similarity and dissimilarity share a scale of their own. Outlined is what reaches half of the strongest place "
        f"of its sign. {sum(explanation.seconds.values()):.2f} s on {model.device_name}."
    )


def _about_thresholds(explanations: list[Explanation]) -> Iterator[str]:
    """What another threshold would change."""
    for explanation in explanations:
        if explanation.method.id == "layered":
            yield f"Layered orders pixels otherwise once the threshold passes the score, {explanation.score:.4f}."
        elif explanation.method.id == "xssab":
            low, high = same_maps_between(explanation.embeddings, explanation.threshold.value)
            yield f"xSSAB's maps stay exactly as they are from threshold {low:.4f} to {high:.4f}."


def show_photographs(pair: Pair, model: FaceModel | None = None) -> None:
    """Originals beside aligned crops, with the landmarks on both and what was found out about each face; how good its
    picture is where a model has been asked."""
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
            if model is not None:
                show_quality(face, model)
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
    checks = {explanation.method.id: check_of(explanation, pair) for explanation in explanations}

    def files(explanation: Explanation) -> dict[str, bytes]:
        images = pictures(explanation, pair, drawing.palette, drawing.opacity)
        about = record(explanation, pair, model.device_name, {}, checks[explanation.method.id]())
        return bundle(about, maps_npz(explanation), images)

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
