"""Benchmark: how good explanation methods are on Patch-LFW, as the paper measures it."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.benchmark_view import (
    read_results,
    results_files,
    show_areas,
    show_cost_and_localisation,
    show_curves,
    show_paper,
    show_setting,
    show_small_run,
)
from ui.page import errors_as_sentences
from ui.settings import pick_model

st.title("Benchmark: Patch-LFW and DPR curves")
files = results_files()
with st.sidebar:
    chosen = st.selectbox("Results", list(files), key="results", bind="query-params")
    given = st.file_uploader("Or a results.json of yours", type=["json"], key="results_file")
model = pick_model()
with errors_as_sentences():
    if given is not None or chosen is not None:
        record = (
            read_results(given.getvalue(), given.name) if given is not None else read_results(files[chosen], chosen)
        )
        show_setting(record)
        show_curves(record)
        show_areas(record)
        show_cost_and_localisation(record)
    else:
        st.info("No results are here yet. Measure some below, or put a results.json in.", icon=":material/monitoring:")
    show_paper()
    show_small_run(model.info.id)
