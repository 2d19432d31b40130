"""Case: check a case file that was made here or elsewhere."""

from ui.page import require_router

require_router(__file__)

import streamlit as st

from ui.case_view import check_case

st.title("Check a case file")
check_case()
