"""Inspect: why this pair got this score."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.blind_view import may_see, noted
from ui.case_view import offer_case
from ui.compare_view import compare_methods, first_method
from ui.findings_view import show_flip, show_regions
from ui.inspect_view import show_arguments, show_decision, show_downloads, show_maps, show_photographs
from ui.models_view import remember_pair
from ui.page import errors_as_sentences
from ui.pair_picker import open_pair_elsewhere, pick_pair
from ui.several_view import show_several
from ui.sidebar import keep_drawing, pick_model, pick_threshold
from ui.state import engine
from ui.tour import link_to_tour, show_tour
from ui.trust_view import begin_check, show_trust, show_verdict
from ui.words import plain
from xssab_core.explain import METHODS
from xssab_core.findings.several import Further

picked = pick_pair()
# Neither here nor beside the slider is anything said of a pair that is to be noted blind first.
pair = picked if picked is not None and may_see(picked) else None
model = pick_model()
threshold = pick_threshold(model, pair)
drawing = keep_drawing()
if pair is not None:
    reason = METHODS["xssab"].unavailable(model)
    with errors_as_sentences():
        # A black box still has a score and arguments; its maps come from the methods below.
        explanation = engine().explain(model, pair, first_method(model), threshold)
    remember_pair(explanation, pair.title)
    with st.container(key="decision"):
        show_decision(explanation)
    with st.container(horizontal=True, vertical_alignment="center"):
        checking = None
        if reason is None:
            begin_check(model, pair, explanation)
            checking = show_verdict(explanation, pair)
        with st.container(key="replay_link", width="content"):
            open_pair_elsewhere("pages/replay.py", "Replay: put back what the map names")
        link_to_tour()
    if reason is None:
        beside = [] if explanation.method.id == "xssab" else [engine().explain(model, pair, "xssab", threshold)]
        show_maps(explanation, beside, model, pair, drawing)
    else:
        st.info(
            f"{plain(reason)} xFace explains it from its embeddings alone: choose it below.", icon=":material/block:"
        )
    # Each part has its place, whatever it shows: else the browser would draw what follows anew when work beside it
    # ends, and close an editor that is open.
    with st.container():
        show_tour(pair, explanation)
    further: Further = {}
    with st.container(), errors_as_sentences():
        further = show_several(model, pair, explanation)
    with st.container(), errors_as_sentences():
        explanations = compare_methods(model, pair, threshold, drawing, explanation)
    with st.container(), errors_as_sentences():
        if reason is None:
            show_trust(model, pair, explanation, explanations)
    with st.container(), errors_as_sentences():
        show_regions(model, pair, explanations, checking)
    with st.container(), errors_as_sentences():
        show_flip(model, pair, explanations, checking)
    with st.container():
        show_photographs(pair, model)
    show_arguments(explanation, drawing)
    show_downloads(explanations, model, pair, drawing)
    offer_case(explanations, model, pair, drawing, noted(pair), further)
