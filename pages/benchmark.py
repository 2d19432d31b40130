"""Benchmark: how good explanation methods are on Patch-LFW, as the paper measures it."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.benchmark_view import (
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
record = pick_results()
if record is not None:
    show_setting(record)
    show_curves(record)
    show_areas(record)
    show_cost(record)
    show_localisation(record)
show_paper()
show_small_run()
