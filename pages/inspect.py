"""Inspect: why this pair got this score."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.blind_view import may_see, noted
from ui.case_view import offer_case
from ui.compare_view import compare_methods, show_trust
from ui.findings_view import show_flip, show_regions
from ui.inspect_view import show_arguments, show_decision, show_downloads, show_maps, show_photographs
from ui.models_view import remember_pair
from ui.page import errors_as_sentences
from ui.pair_picker import open_pair_elsewhere, pick_pair
from ui.sidebar import pick_drawing, pick_model, pick_threshold
from ui.state import engine
from ui.words import plain
from xssab_core.explain import METHODS

pair = pick_pair()
model = pick_model()
threshold = pick_threshold(model)
drawing = pick_drawing()
if pair is not None and may_see(pair):
    reason = METHODS["xssab"].unavailable(model)
    with errors_as_sentences():
        # A black box still has a score and arguments; its maps come from the methods below.
        shown = "xssab" if reason is None else "random"
        explanation = engine().explain(model, pair, shown, threshold)
    remember_pair(explanation, pair.title)
    show_decision(explanation)
    if reason is None:
        show_maps(explanation, model, pair, drawing)
    else:
        st.info(
            f"{plain(reason)} xFace explains it from its embeddings alone: choose it below.", icon=":material/block:"
        )
    with errors_as_sentences():
        explanations = compare_methods(model, pair, threshold, drawing, explanation)
        if reason is None:
            show_trust(model, pair, explanation, explanations)
        show_regions(model, pair, explanations)
        show_flip(model, pair, explanations)
    open_pair_elsewhere("pages/replay.py", "Replay this pair")
    show_photographs(pair)
    show_arguments(explanation, drawing)
    show_downloads(explanations, model, pair, drawing)
    offer_case(explanations, model, pair, drawing, noted(pair))
