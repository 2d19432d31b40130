"""What the server refuses: hosts that are not its own, and a page that asks another host for anything."""

import base64
import os
import socket
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.e2e.app_process import App

OWN = ("127.0.0.1", "localhost")
FORGED = ("rebound.invalid", "127.0.0.1.rebound.invalid", "localhost@rebound.invalid", "")


def _ask(app: App, path: str, host: str, **headers: str) -> HTTPResponse:
    """A GET as that host, with the origin a page of it would have."""
    port = urlsplit(app.url).port
    name = f"{host}:{port}" if host else ""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    for key, value in {"Host": name, "Origin": f"http://{name}", **headers}.items():
        connection.putheader(key, value)
    connection.endheaders()
    return connection.getresponse()


def _shake_hands(app: App, host: str) -> HTTPResponse:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    versions = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": "streamlit"}
    return _ask(app, "/_stcore/stream", host, **upgrade, **versions)


@pytest.mark.parametrize("path", ["/", "/browse", "/_stcore/health", "/_stcore/host-config"])
def test_a_page_is_given_to_its_own_hosts_only(app: App, path: str) -> None:
    assert [_ask(app, path, host).status for host in OWN] == [200, 200]
    assert [_ask(app, path, host).status for host in FORGED] == [400] * len(FORGED)


def test_a_websocket_opens_to_its_own_hosts_only(app: App) -> None:
    assert [_shake_hands(app, host).status for host in OWN] == [101, 101]
    assert all(_shake_hands(app, host).status in (400, 403) for host in FORGED)


def test_a_request_without_a_host_is_refused(app: App) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(app.url).port or 0), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 400 " in plain.recv(64)


def test_a_page_cannot_ask_another_host_for_anything(browser: Browser, app: App) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{app.url}/models")
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached", timeout=90_000)
    assert [text for text in complaints if "Content Security Policy" in text] == []
    refused = page.evaluate(
        """async () => {
            const violations = [];
            document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
            const load = (tag, source) => new Promise((resolve) => {
                const element = Object.assign(document.createElement(tag), { src: source, onerror: resolve });
                document.body.append(element);
                setTimeout(resolve, 5000);
            });
            await load("img", "http://other.invalid/a.png");
            await load("script", "http://other.invalid/a.js");
            await fetch("http://other.invalid/").catch(() => null);
            try { new WebSocket("ws://other.invalid/"); } catch { /* refused at once */ }
            const inline = Object.assign(document.createElement("script"), { textContent: "window.ran = true" });
            document.body.append(inline);
            await new Promise((resolve) => setTimeout(resolve, 200));
            return { violations, ran: window.ran === true };
        }"""
    )
    page.close()
    assert refused["ran"] is False
    for directive in ("img-src", "script-src-elem", "connect-src"):
        assert directive in refused["violations"]
    assert refused["violations"].count("connect-src") == 2
