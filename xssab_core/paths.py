"""Where things lie: the store (weights, calibrations, caches) and what ships with the program."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def home() -> Path:
    """The store: `XSSAB_HOME` if set, else the user's data folder. Not created here."""
    configured = os.environ.get("XSSAB_HOME")
    return Path(configured).expanduser() if configured else user_data_path("xssab", appauthor=False)
