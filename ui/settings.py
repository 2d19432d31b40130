"""The settings of a view, in the sidebar and in the URL: model, threshold, how maps are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui.page import errors_as_sentences
from ui.state import engine
from xssab_core.models import DEFAULT_MODEL, MODELS, FaceModel, Threshold
from xssab_core.render import DEFAULT_OPACITY, PALETTES

_CUSTOM = "custom"
_TITLES = {"eer": "EER", "published": "Published", _CUSTOM: "Custom"}
_PALETTE_TITLES = {"pink-green": "Pink and green", "orange-blue": "Orange and blue (colour-blind safe)"}


@dataclass(frozen=True)
class Drawing:
    """How maps are drawn."""

    palette: str
    opacity: float


def pick_model() -> FaceModel:
    """The model of the view, loaded."""
    with st.sidebar:
        ids = [model_id for model_id, entry in MODELS.items() if entry.is_fetched] or [DEFAULT_MODEL]
        chosen = st.selectbox(
            "Model", ids, format_func=lambda i: MODELS[i].info.title, key="model", bind="query-params"
        )
        with errors_as_sentences(), st.spinner("Loading the model"):
            return engine().model(chosen)


def pick_threshold(model: FaceModel) -> Threshold:
    """A preset with its origin, or what the slider says."""
    presets = {known.name: known for known in model.thresholds}
    names = [*presets, _CUSTOM]

    def preset_chosen() -> None:
        name = st.session_state.preset
        if name in presets:
            st.session_state.threshold = round(presets[name].value, 3)

    def slider_moved() -> None:
        st.session_state.preset = _CUSTOM

    with st.sidebar:
        chosen = st.segmented_control(
            "Threshold",
            names,
            default=names[0],
            required=True,
            format_func=_preset_title,
            key="preset",
            bind="query-params",
            on_change=preset_chosen,
        )
        start = round(presets[names[0]].value, 3) if presets else 0.3
        value = st.slider(
            "Decision threshold (cosine)",
            -0.2,
            1.0,
            start,
            0.001,
            format="%.3f",
            key="threshold",
            bind="query-params",
            on_change=slider_moved,
            label_visibility="collapsed",
        )
        threshold = presets.get(chosen or "", Threshold(value, "user", "Chosen by the user with the slider"))
        st.caption(f"{threshold.value:.4f}. {threshold.origin}.")
    return threshold


def _preset_title(name: str) -> str:
    return _TITLES.get(name) or name.upper().replace("FMR-", "FMR ")


def pick_drawing() -> Drawing:
    """Palette and opacity of the maps."""
    with st.sidebar:
        palette = st.selectbox(
            "Colours", list(PALETTES), format_func=_PALETTE_TITLES.__getitem__, key="palette", bind="query-params"
        )
        percent = st.slider(
            "Opacity", 0, 100, round(100 * DEFAULT_OPACITY), 5, format="%d %%", key="opacity", bind="query-params"
        )
    return Drawing(palette, percent / 100)
