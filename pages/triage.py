"""Triage: many pairs at once, those that are decided wrongly or closely first."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.triage_view import pick_rows, pick_run, show_cohorts, show_facts, show_refused, show_rows, show_versus

st.title("Triage of many pairs")
run = pick_run()
if run is not None:
    show_facts(run)
    show_refused(run.triage)
    if not run.triage.table.empty:
        show_rows(run, pick_rows(run.triage.table))
        show_cohorts(run.triage)
        show_versus(run)
