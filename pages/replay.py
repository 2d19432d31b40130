"""Replay: follow the pixels back to the right decision."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.blind_view import mark_seen
from ui.page import errors_as_sentences
from ui.pair_picker import open_pair_elsewhere, pick_pair
from ui.replay_view import (
    add_others,
    add_random,
    make_replay,
    offer_others,
    pick_order,
    pick_others,
    show_case,
    show_downloads,
    show_random_progress,
    show_viewer,
    show_words,
)
from ui.sidebar import pick_drawing, pick_model, pick_threshold

pair = pick_pair()
model = pick_model()
threshold = pick_threshold(model, pair)
drawing = pick_drawing()
if pair is not None:
    mark_seen(pair)
    heading = st.container()
    order = pick_order(model)
    viewer = st.container()
    others = pick_others(model, order)
    with errors_as_sentences(), st.spinner("Explaining and replaying the pair"):
        replay = make_replay(model, pair, order, threshold)
        if replay is not None:
            replay, waiting = add_others(replay, model, pair, others, threshold)
    if replay is not None:
        with heading:
            show_case(replay, pair)
        replay, running = add_random(model, replay, pair)
        with viewer:
            show_viewer(replay, model, pair, drawing, running)
        show_random_progress(running)
        offer_others(model, pair, waiting)
        show_words(replay)
        show_downloads(replay, pair)
    open_pair_elsewhere("pages/inspect.py", "Inspect this pair")
