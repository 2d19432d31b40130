"""Models: who they are, where their thresholds come from, and where the pair in hand falls."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.models_changes import may_change, offer_adding, offer_calibration, offer_fetch, show_news
from ui.models_compare import pick_rival, show_comparison
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
show_news()
show_overview()
chosen = st.selectbox(
    "Model", list(MODELS), format_func=lambda i: MODELS[i].info.title, key="model", bind="query-params"
)
st.header(plain(MODELS[chosen].info.title))
show_card(MODELS[chosen].info)
if not MODELS[chosen].is_fetched:
    show_missing(chosen)
    if may_change():
        with errors_as_sentences():
            offer_fetch(chosen)
else:
    with errors_as_sentences():
        model = engine().model(chosen)
        show_methods(model)
        calibration = calibration_of(chosen, model.weights_sha256)
        if calibration is None:
            show_uncalibrated(chosen)
        else:
            show_calibration(calibration, model.thresholds, pair_in_hand(chosen))
        if may_change():
            with st.expander("Calibrate it", icon=":material/straighten:", expanded=calibration is None):
                offer_calibration(model, calibration is not None)
        rival = pick_rival(chosen)
        if rival is not None:
            show_comparison((model, engine().model(rival)))
with st.expander("Bring your own model", icon=":material/add:"):
    if may_change():
        offer_adding()
    else:
        st.markdown(
            "Whoever runs this app keeps its models. In an app of your own, `xssab models add` takes a PyTorch "
            "checkpoint, any ONNX recogniser, or a program; so does this page."
        )
    st.caption("`docs/models.md` shows each of the paper's four checkpoints in three lines.")
