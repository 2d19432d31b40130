"""The router: page config, the standing caution, and which page runs; and the server it runs on. Nothing else."""

import streamlit as st

if __name__ == "__main__":  # each run of a page
    from ui.page import caution, route
    from xssab_core.paths import ASSETS

    logo = str(ASSETS / "logo.svg")
    st.set_page_config(page_title="xSSAB: why match, why non-match", page_icon=logo, layout="wide")
    page = route()
    st.logo(logo, size="large")
    caution()
    page.run()
else:  # once, when `streamlit run app.py` looks for a server
    import gc

    gc.disable()  # until `warm_up` has imported all
    from ui.server import middleware
    from ui.warm import warm_up

    app = st.App(__file__, middleware=middleware(), lifespan=warm_up)
