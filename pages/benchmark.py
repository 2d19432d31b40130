"""Benchmark: how good explanation methods are on Patch-LFW, as the paper measures it."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.benchmark_runs import measure_here, pick_results
from ui.benchmark_view import (
    pick_pairs,
    show_areas,
    show_checks,
    show_cost,
    show_curves,
    show_deletion,
    show_differences,
    show_localisation,
    show_paper,
    show_setting,
)

st.title("Benchmark: Patch-LFW and DPR curves")
results = pick_results()
if results is not None:
    show_setting(results)
    shown = pick_pairs(results)
    curved = shown if results.has_common_curves else results
    show_curves(curved)
    show_areas(shown)
    against = show_differences(results)
    show_cost(results)
    show_localisation(curved)
    show_deletion(results, against)
    show_checks(results, against)
show_paper()
measure_here()
