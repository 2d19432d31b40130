"""Browse: the pairs of a data set as a gallery or a table, with what one model, or two, decide on each."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.browse_beside import beside_others, pick_others, show_agreement
from ui.browse_lens import Lens
from ui.browse_maps import pick_maps
from ui.browse_sets import LfwSet, open_set, set_names
from ui.browse_sheet import show_sheet
from ui.browse_table import show_downloads, show_table
from ui.browse_view import (
    offer_scoring,
    pick_selection,
    pick_view,
    show_gallery,
    show_how_to_get_lfw,
    show_rates,
)
from ui.choices import drop, outlived
from ui.page import errors_as_sentences
from ui.sidebar import pick_model, pick_threshold
from xssab_core.gallery.selection import decided

names = set_names()
with st.sidebar:
    chosen = st.segmented_control("Pairs of", names, default=names[0], required=True, key="set", bind="query-params")
name = chosen or names[0]
model = pick_model()
threshold = pick_threshold(model)
st.title(f"Browse {name}")
others = pick_others(name, model)
with errors_as_sentences():
    pairs = open_set(name, model)
    if isinstance(pairs, LfwSet):
        offer_scoring(pairs, model)
        for other in others:
            if isinstance(other.pairs, LfwSet):
                offer_scoring(other.pairs, other.model)
    else:
        show_how_to_get_lfw()
    table = decided(pairs.table[pairs.table[pairs.known]], pairs.score, threshold.value)
    if outlived("page", (name, model.weights_sha256, threshold)):
        drop("page")
    if not table.empty:
        table = beside_others(table, others)
        shown = pick_selection(table).of(table)
        show_rates(shown, table)
        show_agreement(shown, table, model, others)
        left, right = st.columns([2, 5])
        with left:
            view = pick_view()
        with right:
            maps = pick_maps(pairs, model, threshold)
        lens = Lens(pairs, model, threshold, others, maps)
        if view == "Table":
            show_table(shown, lens)
        else:
            show_gallery(shown, lens)
        show_sheet(table, lens, show_downloads)
