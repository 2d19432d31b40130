"""The pages there are, the guard each begins with, and the caution above each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.navigation.page import Page as StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.words import plain
from xssab_core.errors import XssabError
from xssab_core.explain import CAUTION

_ROUTED = "_routed"


@dataclass(frozen=True)
class PageEntry:
    """A page of the app: its file and the options of `st.Page`."""

    file: str
    options: dict[str, Any]


PAGES = (
    PageEntry(
        "pages/inspect.py", {"title": "Inspect", "icon": ":material/compare:", "url_path": "start", "default": True}
    ),
    # The default page answers at the root only; this lets /inspect work as well.
    PageEntry("pages/inspect.py", {"title": "Inspect", "url_path": "inspect", "visibility": "hidden"}),
    PageEntry("pages/replay.py", {"title": "Replay", "icon": ":material/replay:"}),
    PageEntry("pages/browse.py", {"title": "Browse", "icon": ":material/grid_view:"}),
    PageEntry("pages/triage.py", {"title": "Triage", "icon": ":material/sort:"}),
    PageEntry("pages/benchmark.py", {"title": "Benchmark", "icon": ":material/monitoring:"}),
    PageEntry("pages/models.py", {"title": "Models", "icon": ":material/neurology:"}),
    PageEntry("pages/case.py", {"title": "Check a case file", "icon": ":material/fact_check:"}),
)


def route() -> StreamlitPage:
    """Called by app.py: tell Streamlit which pages there are; returns the one to run."""
    st.session_state[_ROUTED] = True
    page = st.navigation(_pages())
    _keep_history(page)
    return page


def _keep_history(page: StreamlitPage) -> None:
    """Where the browser went back or forward to another page, open it with the whole query of its address: Streamlit
    takes out what a widget of the page before holds as well."""
    run = get_script_run_ctx()
    if run is not None and run.is_history_navigation:
        query = parse_qs(run.query_string, keep_blank_values=True)
        if query.keys() - st.query_params.keys():
            st.switch_page(page, query_params=query)


def require_router(file: str) -> None:
    """The first line of each page, given its `__file__`. Streamlit runs the first deep link after a start without
    app.py, because there is a folder `pages`: send it through the router, to the same page with the same query."""
    if not st.session_state.get(_ROUTED):
        # Without icons: before app.py sets the page's own, the browser would fetch them from fonts.gstatic.com.
        pages = _pages(icon=None)
        st.navigation(pages, position="hidden")
        here = next(page for page in pages if page.url_path == Path(file).stem)
        st.switch_page(here, query_params=query_here())


def _pages(**options: Any) -> list[StreamlitPage]:
    return [st.Page(entry.file, **(entry.options | options)) for entry in PAGES]


def query_here() -> dict[str, list[str]]:
    """The query of this address, with every value of what is there several times."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def address(file: str, query: Mapping[str, str | list[str]]) -> str:
    """Where the page of a file opens with a query, relative to any page; the default page at the root, where it stands
    in the navigation."""
    return f"{'.' if file == PAGES[0].file else Path(file).stem}?{urlencode(query, doseq=True)}"


def caution() -> None:
    """The standing caution, on every page."""
    st.caption(f":material/info: {CAUTION}")


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an expected error as its sentence and stop the page there; what is above it stays."""
    try:
        yield
    except XssabError as error:
        logging.getLogger("xssab").warning("%s", error, exc_info=True)
        st.error(plain(error), icon=":material/error:")
        st.stop()
