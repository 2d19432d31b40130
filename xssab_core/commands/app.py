"""`app`: start the app on this machine."""

from __future__ import annotations

import argparse
import runpy
import sys
from typing import Any

from xssab_core.paths import APP


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "app",
        help="start the app on http://127.0.0.1:8501",
        description="Starts the app. XSSAB_LFW names a copy of LFW; Streamlit's settings can be changed by environment "
        "variables, such as STREAMLIT_SERVER_PORT=8600.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> None:
    """Become Streamlit. It reads `.streamlit/config.toml` beside app.py last, so no configuration of the user or of
    the current folder opens the app to others; environment variables do, where that is wanted."""
    sys.argv = ["streamlit", "run", str(APP / "app.py")]
    runpy.run_module("streamlit", run_name="__main__")
