"""Browse: the pairs of a data set as a gallery, with what the model decides on each."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.browse_sets import LfwSet, open_set, set_names
from ui.browse_view import offer_scoring, pick_selection, show_gallery, show_how_to_get_lfw, show_rates
from ui.choices import drop, outlived
from ui.page import errors_as_sentences
from ui.sidebar import pick_model, pick_threshold
from xssab_core.gallery.selection import decided

names = set_names()
with st.sidebar:
    name = st.segmented_control("Pairs of", names, default=names[0], required=True, key="set", bind="query-params")
model = pick_model()
threshold = pick_threshold(model)
st.title(f"Browse {name}")
with errors_as_sentences():
    pairs = open_set(name or names[0], model)
    if isinstance(pairs, LfwSet):
        offer_scoring(pairs, model)
    else:
        show_how_to_get_lfw()
    table = decided(pairs.table[pairs.table[pairs.known]], pairs.score, threshold.value)
    if outlived("page", (name, model.weights_sha256, threshold)):
        drop("page")
    if not table.empty:
        shown = pick_selection(table).of(table)
        show_rates(shown, table)
        show_gallery(pairs, shown, model, threshold)
