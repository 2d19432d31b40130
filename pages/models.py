"""Models: who they are, where their thresholds come from, and where the pair in hand falls."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.models_view import (
    pair_in_hand,
    show_calibration,
    show_card,
    show_methods,
    show_missing,
    show_overview,
    show_uncalibrated,
)
from ui.page import errors_as_sentences
from ui.state import engine
from ui.words import plain
from xssab_core.models import MODELS
from xssab_core.models.calibration import calibration_of

st.title("Face recognition models")
show_overview()
chosen = st.selectbox(
    "Model", list(MODELS), format_func=lambda i: MODELS[i].info.title, key="model", bind="query-params"
)
st.header(plain(MODELS[chosen].info.title))
show_card(MODELS[chosen].info)
if not MODELS[chosen].is_fetched:
    show_missing(chosen)
else:
    with errors_as_sentences():
        model = engine().model(chosen)
        show_methods(model)
        calibration = calibration_of(chosen, model.weights_sha256)
        if calibration is None:
            show_uncalibrated(chosen)
        else:
            show_calibration(calibration, model.thresholds, pair_in_hand(chosen))
with st.expander("Bring your own model", icon=":material/add:"):
    st.markdown(
        "`xssab models add` takes a PyTorch checkpoint, any ONNX recogniser, or a program. "
        "`docs/models.md` shows each of the paper's four checkpoints in three lines."
    )
