"""Benchmark: how good explanation methods are on Patch-LFW, as the paper measures it."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.benchmark_view import (
    pick_pairs,
    pick_results,
    show_areas,
    show_cost,
    show_curves,
    show_localisation,
    show_paper,
    show_setting,
    show_small_run,
)

st.title("Benchmark: Patch-LFW and DPR curves")
results = pick_results()
if results is not None:
    show_setting(results)
    shown = pick_pairs(results)
    show_curves(results, shown)
    show_areas(shown)
    show_cost(results)
    show_localisation(results, shown)
show_paper()
show_small_run()
