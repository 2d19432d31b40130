"""Where things lie: the store (weights, calibrations, caches) and what ships with the program."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "_app"

APP = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent
"""The folder of app.py and of all it needs: inside an installed package, or the checkout."""

ASSETS = APP / "assets"


def home() -> Path:
    """The store: `XSSAB_HOME` if set, else the user's data folder. Not created here."""
    configured = os.environ.get("XSSAB_HOME")
    return Path(configured).expanduser() if configured else user_data_path("xssab", appauthor=False)
