"""Driving Streamlit's widgets and waiting for the browser."""

from playwright.sync_api import Page


def next_frame(page: Page) -> None:
    """Wait until the browser has drawn what it was told to."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def open_options(page: Page, label: str) -> None:
    """Open a select box. Its list closes when something scrolls, so scrolling to it ends before the click."""
    box = page.get_by_label(label, exact=True)
    box.scroll_into_view_if_needed()
    next_frame(page)
    box.click()


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a select box by its whole name."""
    open_options(page, label)
    page.get_by_role("option", name=option, exact=True).click()
