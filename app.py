"""The router: page config, the standing caution, and which page runs. Nothing else."""

import streamlit as st

from ui.page import caution, route
from xssab_core.paths import ASSETS

_LOGO = str(ASSETS / "logo.svg")

st.set_page_config(page_title="xSSAB: why match, why non-match", page_icon=_LOGO, layout="wide")
page = route()
st.logo(_LOGO, size="large")
caution()
page.run()
