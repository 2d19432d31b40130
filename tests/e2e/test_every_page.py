"""What holds for every page: it can be reached cold, read by everyone, and says what it is not."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import axe_violations

# A page, and what is there once it is drawn.
PAGES = {
    "/": ".st-key-comparison .tile",
    "/replay?sample=Obama+1+/+Biden+1&patch=true": ".st-key-replay .readout",
    "/browse": ".st-key-gallery .card",
    "/triage": "[data-testid=stAlert]",
    "/benchmark": "[data-testid=stDataFrame], [data-testid=stTable], table",
    "/models": ".js-plotly-plot .main-svg",
    "/case": "[data-testid=stFileUploader]",
}


def wait_until_drawn(page: Page, path: str) -> None:
    page.locator(PAGES[path]).first.wait_for(state="attached", timeout=90_000)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.strip("/").split("?")[0] or "inspect")
def test_a_page_breaks_no_rule_of_axe_fits_the_window_and_bears_the_caution(visit, path) -> None:
    visit.goto(path)
    wait_until_drawn(visit, path)
    expect(visit.get_by_text("It is not evidence of identity").first).to_be_visible()
    expect(visit.get_by_role("heading", level=1)).to_have_count(1)
    assert visit.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert axe_violations(visit) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.strip("/").split("?")[0] or "inspect")
def test_the_keyboard_reaches_the_page(visit, path) -> None:
    visit.goto(path)
    wait_until_drawn(visit, path)
    reached = set()
    for _ in range(60):
        visit.keyboard.press("Tab")
        reached.add(visit.evaluate("() => document.activeElement.closest('[data-testid=stMain]') !== null"))
    assert True in reached
    assert not re.search("Traceback", visit.inner_text("body"))
