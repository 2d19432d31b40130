"""The router: page config, the standing caution, and which page runs. Nothing else."""

import streamlit as st

from ui.page import caution, route

st.set_page_config(page_title="xSSAB: why match, why non-match", page_icon="assets/logo.svg", layout="wide")
page = route()
st.logo("assets/logo.svg", size="large")
caution()
page.run()
