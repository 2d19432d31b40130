"""The settings of a view, in the sidebar and in the URL: model, threshold, how maps are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.choices import drop, keep, outlived
from ui.page import errors_as_sentences
from ui.state import engine
from ui.threshold import threshold_slider
from ui.words import plain
from xssab_core.faces import Pair
from xssab_core.metrics import cosine
from xssab_core.models import DEFAULT_MODEL, MODELS, FaceModel, Threshold
from xssab_core.models.calibration import rates_at
from xssab_core.render import DEFAULT_OPACITY, PALETTES

_DIGITS = 4
_STEP = 0.001
_LABEL = "Decision threshold (cosine)"
_THRESHOLD = "threshold_"
_UNMEASURED = Threshold(0.3, "start", "where the slider starts: no scores of this model are known here")
# Of a look, in the address: what is not as it is at first.
_OFF, _BESIDE = "off", "beside"
_TITLE_LENGTH = 80
_TITLES = {"eer": "EER", "published": "Published"}
PALETTE_TITLES = {"pink-green": "Pink and green", "orange-blue": "Orange and blue (colour-blind safe)"}


@dataclass(frozen=True)
class Drawing:
    """How maps are drawn."""

    palette: str
    opacity: float


@dataclass(frozen=True)
class Look:
    """What of the maps is looked at.

    Attributes:
        outlines: the strongest areas are outlined.
        large: title of the tile that is large; any other text stands for the first.
        original: the photograph stands beside it.
    """

    outlines: bool
    large: str
    original: bool


def pick_model(place: DeltaGenerator | None = None) -> FaceModel:
    """The model of the view, loaded; picked in the sidebar or where the page wants it."""
    with place or st.sidebar:
        chosen = st.selectbox(
            "Model", models_here(), format_func=lambda i: MODELS[i].info.title, key="model", bind="query-params"
        )
        with errors_as_sentences(), st.spinner("Loading the model"):
            return engine().model(chosen)


def pick_threshold(model: FaceModel, pair: Pair | None = None) -> Threshold:
    """What slider and number say; at the place of a known threshold, exactly that one with its origin.

    Args:
        model: whose threshold it is.
        pair: the one in hand, whose decision follows the slider while it is dragged.
    """
    first, name = _first_threshold(model), _threshold_name(model)
    known = {_shown(preset): preset for preset in (*reversed(model.thresholds), first)}
    drop(*(other for other in st.query_params if other.startswith(_THRESHOLD) and other != name))
    if outlived("threshold", (model.weights_sha256, model.thresholds)):
        st.session_state[name] = _shown(first)

    with errors_as_sentences():
        score = None if pair is None else cosine(*engine().embed(model, pair.crops_for(model.info.template)))

    def choose(value: float) -> None:
        st.session_state[name] = round(value, _DIGITS)

    with st.sidebar:
        slider = st.container(key="threshold")
        value = st.number_input(
            _LABEL,
            -1.0,
            1.0,
            _shown(first),
            _STEP,
            f"%.{_DIGITS}f",
            key=name,
            bind="query-params",
            label_visibility="collapsed",  # the slider above bears it
        )
        value = round(value, _DIGITS)
        with slider:
            threshold_slider(_LABEL, value, model, [preset.value for preset in known.values()], score, choose)
        with st.container(horizontal=True, gap="small"):
            for preset in model.thresholds:
                st.button(
                    plain(_preset_title(preset.name)),
                    key=f"preset_{preset.name}",
                    type="primary" if _shown(preset) == value else "secondary",
                    on_click=choose,
                    args=(_shown(preset),),
                    help=plain(preset.origin),
                )
        threshold = known.get(value, Threshold.by_user(value))
        st.caption(f"{threshold.value:.{_DIGITS}f}: {plain(threshold.origin)}.")
        rates = rates_at(model.info.id, model.weights_sha256, threshold.value)
        if rates is not None:
            st.caption(plain(f"{rates} on {rates.origin}."))
    return threshold


def settings_in_url(model: FaceModel, threshold: Threshold) -> dict[str, str]:
    """Model and threshold as a page's URL says them. What is the default is left out: Streamlit would take it out of
    the URL as a step of its own, which the browser's Back button would then go back to."""
    said = {}
    if model.info.id != models_here()[0]:
        said["model"] = model.info.title
    if _shown(threshold) != _shown(_first_threshold(model)):
        said[_threshold_name(model)] = f"{threshold.value:.{_DIGITS}f}"
    return said


def _threshold_name(model: FaceModel) -> str:
    """In the address too a threshold names its model: between the change of a model and what follows from it the
    browser keeps a step, to which its Back button goes."""
    return _THRESHOLD + model.info.id


def models_here() -> list[str]:
    """The models that need not be fetched, the one that pages open with first; the default one where there is none."""
    return [model_id for model_id, entry in MODELS.items() if entry.is_fetched] or [DEFAULT_MODEL]


def _first_threshold(model: FaceModel) -> Threshold:
    return model.thresholds[0] if model.thresholds else _UNMEASURED


def _shown(threshold: Threshold) -> float:
    return round(threshold.value, _DIGITS)


def _preset_title(name: str) -> str:
    return _TITLES.get(name) or name.upper().replace("FMR-", "FMR ")


def pick_drawing() -> Drawing:
    """Palette and opacity of the maps."""
    with st.sidebar:
        return _drawing()


def keep_drawing() -> Drawing:
    """The same where the viewer itself has the controls, see `take_drawing`: these widgets keep it in the address and
    for other pages, and nobody sees them."""
    with st.sidebar, st.container(key="kept_drawing"):
        st.html("<style>.st-key-kept_drawing { display: none; }</style>")
        return _drawing()


def take_drawing(drawn: object) -> None:
    """Keep what the viewer reports: `palette` by its name, `opacity` in percent, and a `Look`."""
    if not isinstance(drawn, Mapping):
        return
    if drawn.get("palette") in PALETTES and drawn.get("opacity") in range(0, 101, 5):
        st.session_state.palette, st.session_state.opacity = drawn["palette"], drawn["opacity"]
    keep("large", str(drawn.get("large", ""))[:_TITLE_LENGTH])
    keep("outlines", "" if drawn.get("outlines") else _OFF)
    keep("original", _BESIDE if drawn.get("original") else "")


def looked_at() -> Look:
    """What the address says is looked at."""
    query = st.query_params
    return Look(query.get("outlines") != _OFF, query.get("large", "")[:_TITLE_LENGTH], query.get("original") == _BESIDE)


def _drawing() -> Drawing:
    palette = st.selectbox(
        "Colours", list(PALETTES), format_func=PALETTE_TITLES.__getitem__, key="palette", bind="query-params"
    )
    percent = st.slider(
        "Opacity", 0, 100, round(100 * DEFAULT_OPACITY), 5, format="%d %%", key="opacity", bind="query-params"
    )
    return Drawing(palette, percent / 100)
