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

from ui.jobs import jobs, session
from xssab_core.data.lfw import Lfw, open_lfw
from xssab_core.engine import Engine
from xssab_core.faces import Photo

UPLOAD_BYTES = 512 * 2**20
UPLOAD_SECONDS = 2 * 3600
_XSRF_COOKIE = "_streamlit_xsrf"
_TOKEN_BYTES = 16


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this process."""
    return Engine()


@st.cache_resource(ttl=600, show_spinner="Reading the list of LFW pairs")
def lfw_at(folder: str) -> Lfw:
    """A copy of LFW, read once in a while."""
    return open_lfw(folder)


def lfw_folder() -> str | None:
    """Where LFW lies, if the user said so with `XSSAB_LFW`."""
    return os.environ.get("XSSAB_LFW") or None


def read_photo(path: Path) -> Photo:
    """A photograph from disk, decoded once."""
    return engine().photo(path.read_bytes(), path.name)


@dataclass(frozen=True)
class Upload:
    """An uploaded file and the browser it belongs to."""

    owner: str
    name: str
    data: bytes
    expires: float


class Uploads:
    """Uploaded files by an unguessable ticket, so that a reload finds them again. Only the browser that uploaded a
    file can take it out; the oldest make room; all are forgotten after a while or with the process.

    Args:
        limit: bytes kept. The newest file is kept however large it is.
        seconds: how long a file is kept.
    """

    def __init__(self, limit: int = UPLOAD_BYTES, seconds: float = UPLOAD_SECONDS) -> None:
        self._limit, self._seconds = limit, seconds
        self._files: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, owner: str, name: str, data: bytes) -> str:
        """Keep a file for a browser; returns its ticket."""
        ticket = secrets.token_urlsafe(12)
        with self._lock:
            self._drop_expired()
            self._files[ticket] = Upload(owner, name, data, time.monotonic() + self._seconds)
            while sum(len(file.data) for file in self._files.values()) > self._limit and len(self._files) > 1:
                self._files.popitem(last=False)
        return ticket

    def get(self, owner: str, ticket: str) -> Upload | None:
        """The browser's file; None when it is another's, forgotten, or never was."""
        with self._lock:
            self._drop_expired()
            file = self._files.get(ticket)
        return file if file is not None and secrets.compare_digest(file.owner, owner) else None

    def take(self, owner: str, ticket: str) -> Upload | None:
        """`get`, and forget the file."""
        file = self.get(owner, ticket)
        if file is not None:
            with self._lock:
                self._files.pop(ticket, None)
        return file

    def _drop_expired(self) -> None:
        for old in [ticket for ticket, file in self._files.items() if file.expires <= time.monotonic()]:
            del self._files[old]


@st.cache_resource(show_spinner=False)
def uploads() -> Uploads:
    """The uploads of this process."""
    return Uploads()


def forget_upload(ticket: str) -> None:
    """Keep nothing of this browser's file: not itself, nor its pixels, nor what was computed from it."""
    upload = uploads().take(browser(), ticket)
    if upload is not None:
        sha256 = hashlib.sha256(upload.data).hexdigest()
        jobs().forget(sha256, session())
        engine().forget(sha256)


def browser() -> str:
    """What stays the same over reloads in one browser and is secret to it. Without its cookie, the session, so that a
    reload finds nothing rather than another's file."""
    token = browser_of(st.context.cookies.get(_XSRF_COOKIE, ""))
    return token or str(st.session_state.setdefault("_browser", secrets.token_urlsafe(12)))


def browser_of(cookie: str) -> str | None:
    """A digest of the token in Streamlit's XSRF cookie, `2|mask|masked token|time`, masked anew on each load; None
    where the cookie is not of that form or its token is too short to be secret."""
    try:
        _, mask, masked, _ = cookie.split("|")
        token = bytes(a ^ b for a, b in zip(bytes.fromhex(masked), cycle(bytes.fromhex(mask)), strict=False))
    except ValueError:
        return None
    return hashlib.sha256(token).hexdigest() if len(token) >= _TOKEN_BYTES else None
