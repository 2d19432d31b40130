"""What outlives a rerun: the engine of the process, and the photographs a browser uploaded."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import streamlit as st

from xssab_core.data.lfw import Lfw, open_lfw
from xssab_core.engine import Engine
from xssab_core.faces import Photo, open_photo

UPLOAD_BYTES = 512 * 2**20
UPLOAD_SECONDS = 2 * 3600
_XSRF_COOKIE = "_streamlit_xsrf"


@st.cache_resource(show_spinner="Starting the engine")
def engine() -> Engine:
    """The one engine of this process."""
    return Engine()


@st.cache_resource(max_entries=128, show_spinner=False)
def _decoded(sha256: str, name: str, _data: bytes) -> Photo:
    return open_photo(_data, name)


def decode(data: bytes, name: str) -> Photo:
    """A photograph from its bytes, decoded once; PhotoError when it is none."""
    return _decoded(hashlib.sha256(data).hexdigest(), name, data)


@st.cache_resource(ttl=600, show_spinner="Reading the list of LFW pairs")
def lfw_at(folder: str) -> Lfw:
    """A copy of LFW, read once in a while."""
    return open_lfw(folder)


def lfw_folder() -> str | None:
    """Where LFW lies, if the user said so with `XSSAB_LFW`."""
    return os.environ.get("XSSAB_LFW") or None


def read_photo(path: Path) -> Photo:
    """A photograph from disk, decoded once."""
    return decode(path.read_bytes(), path.name)


@dataclass(frozen=True)
class Upload:
    """An uploaded file and the browser it belongs to."""

    owner: str
    name: str
    data: bytes
    expires: float


class Uploads:
    """Uploaded files by an unguessable ticket, so that a reload finds them again. Only the browser that uploaded a
    file can take it out; the oldest make room; all are forgotten after a while or with the process."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes) -> str:
        """Keep a file for this browser; returns its ticket."""
        ticket = secrets.token_urlsafe(12)
        with self._lock:
            self._files[ticket] = Upload(_browser(), name, data, time.monotonic() + UPLOAD_SECONDS)
            while sum(len(file.data) for file in self._files.values()) > UPLOAD_BYTES and len(self._files) > 1:
                self._files.popitem(last=False)
        return ticket

    def get(self, ticket: str) -> Upload | None:
        """This browser's file; None when it is another's, forgotten, or never was."""
        with self._lock:
            for old in [key for key, file in self._files.items() if file.expires < time.monotonic()]:
                del self._files[old]
            file = self._files.get(ticket)
        return file if file is not None and secrets.compare_digest(file.owner, _browser()) else None


@st.cache_resource(show_spinner=False)
def uploads() -> Uploads:
    """The uploads of this process."""
    return Uploads()


def _browser() -> str:
    """What stays the same over reloads in one browser and is secret to it: the token in Streamlit's XSRF cookie,
    `2|mask|masked token|time`, masked anew on each load. Without it, the session, so that a reload finds nothing
    rather than another's file."""
    try:
        _, mask, masked, _ = st.context.cookies.get(_XSRF_COOKIE, "").split("|")
        token = bytes(a ^ b for a, b in zip(bytes.fromhex(masked), cycle(bytes.fromhex(mask)), strict=False))
    except ValueError:
        return str(st.session_state.setdefault("_browser", secrets.token_urlsafe(12)))
    return hashlib.sha256(token).hexdigest()
