"""Starts the app as a user would."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CHECKOUT = (sys.executable, "-m", "streamlit", "run", "app.py")
LFW_FOLDER = ROOT.parent / "shared" / "lfw"


@dataclass
class App:
    """A running app."""

    url: str
    log: Path
    process: subprocess.Popen


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(
    log: Path, command: Sequence[str] = CHECKOUT, folder: Path = ROOT, port: int = 0, path: str = "", **variables: str
) -> App:
    """Start the app as `make run` does, or by another command in another folder; on a free port or that one, at the
    root or under a path; with LFW where it is there and further environment variables (`XSSAB_LFW=""` for none)."""
    port = port or free_port()
    lfw = {"XSSAB_LFW": str(LFW_FOLDER)} if LFW_FOLDER.is_dir() else {}
    served = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_BASE_URL_PATH": path}
    environment = os.environ | lfw | served | variables
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}{path}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            return App(url, log, process)
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.25)
    process.kill()
    raise RuntimeError(f"the app did not start:\n{log.read_text()}")
