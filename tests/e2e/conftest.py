"""A real app in a real browser: one server for the session, and a record of every request the browser makes."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.e2e.app_process import App, start_app
from xssab_core.paths import ASSETS

# Generous, so that a busy machine fails no test; what must be fast is measured where it is tested.
expect.set_options(timeout=30_000)
SCREENSHOTS = Path(__file__).parent / "screenshots"
# A browser's own calls home are not the app's; without these switches Chromium makes some.
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def app(tmp_path_factory, sface) -> Iterator[App]:
    running = start_app(tmp_path_factory.mktemp("app") / "log.txt")
    yield running
    running.process.terminate()
    running.process.wait(20)
    # Errors a user is shown as a sentence leave their trace in the log; what nobody foresaw is logged as uncaught.
    assert "Uncaught" not in running.log.read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed; make test installs it on Debian")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        browser.close()


def foreign_requests(context: BrowserContext) -> list[str]:
    """A list that grows with each request to anything but this machine."""
    found: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            found.append(request.url)

    context.on("request", note)
    return found


@dataclass
class Profile:
    """A browser profile, and what its pages asked of anything but this machine."""

    context: BrowserContext
    foreign: list[str]


@pytest.fixture(scope="session")
def profiles(browser) -> Iterator[Callable[[str, str], Profile]]:
    """A profile for each app and colour scheme. Tests share it: scripts are fetched and compiled once."""

    @cache
    def profile_of(url: str, scheme: str) -> Profile:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme, base_url=url)
        context.set_default_timeout(60_000)
        return Profile(context, foreign_requests(context))

    yield profile_of
    for context in browser.contexts:
        context.close()


@pytest.fixture
def visit(profiles, app, request) -> Iterator[Page]:
    """A new page of the app; the test fails if it asked anything but 127.0.0.1."""
    profile = profiles(app.url, getattr(request, "param", "light"))
    page = profile.context.new_page()
    yield page
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")
    page.close()
    assert profile.foreign == []


@pytest.fixture(scope="session")
def two_faces(tmp_path_factory) -> Path:
    canvas = Image.new("RGB", (1300, 640), "grey")
    canvas.paste(Image.open(ASSETS / "samples" / "joe_biden_1.jpg"), (0, 0))
    canvas.paste(Image.open(ASSETS / "samples" / "barack_obama_3.jpg").resize((500, 500)), (700, 0))
    path = tmp_path_factory.mktemp("photos") / "two_faces.png"
    canvas.save(path)
    return path
