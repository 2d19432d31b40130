"""What the server adds to each answer: which hosts it answers as, and what a page of it may load."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INDEX = Path(st.__file__).parent / "static" / "index.html"


def policy() -> str:
    """The Content-Security-Policy that admits the app itself and what was made in the page, and no other host.

    Streamlit fetches the camera's picture from a data: address, which asks nobody. Scripts come from the app's own
    files, from blob: (how Streamlit loads the code of components), and from the lines within Streamlit's own
    index.html, by their digest. Styles are inline, because Streamlit makes them in the browser.
    """
    lines = re.findall(r"<script>(.*?)</script>", _INDEX.read_text(encoding="utf-8"), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(line.encode()).digest()).decode() for line in lines]
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'self'; script-src 'self' blob: {scripts}; style-src 'self' 'unsafe-inline'; "
        "connect-src 'self' data:; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )


class ContentPolicy:
    """Adds `policy` to every answer, so that a browser refuses whatever a page is made to ask of another host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._policy = app, policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = self._policy
            await send(message)

        await self._app(scope, receive, send_with_policy)


def middleware() -> list[Middleware]:
    """Around the app. Streamlit itself holds `server.allowedHosts` against its websocket only."""
    hosts = st.get_option("server.allowedHosts") or ["*"]
    return [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False), Middleware(ContentPolicy)]
