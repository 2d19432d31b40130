"""The first minute of a new user: from the start of the app to a saved case file."""

import time

import pytest
from playwright.sync_api import expect

from tests.e2e.app_process import start_app
from tests.e2e.test_inspect import metric, wait_for_maps
from tests.e2e.test_replay import wait_for_viewer
from tests.e2e.widgets import choose
from xssab_core.casefile.archive import read_archive
from xssab_core.faces import SIDES

# Generous: what holds a user up fails, another machine does not.
MOST_SECONDS = 30


class Walk:
    """Seconds of each step of a user who never stops to look."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._since = time.perf_counter()

    def ends(self, step: str) -> None:
        now = time.perf_counter()
        self.steps[step], self._since = now - self._since, now


@pytest.mark.alone
def test_a_new_user_comes_from_a_cold_deep_link_to_a_saved_case_file(browser, tmp_path, sface, capsys) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(120_000)
    walk = Walk()
    fresh = start_app(tmp_path / "log.txt")
    page.goto(f"{fresh.url}/inspect?threshold_sface=0.363")  # goes through the router
    page.locator(".st-key-decision").wait_for()
    walk.ends("cold start to the first page")
    wait_for_maps(page)
    walk.ends("its maps")
    expect(page.get_by_text("It is not evidence of identity").first).to_be_visible()
    assert metric(page, "Threshold") == 0.363
    assert page.title().startswith("Inspect") or "xSSAB" in page.title()

    choose(page, "Pair", "Obama 1 / Obama 2")
    page.get_by_role("img", name="Aligned crop of the probe, barack_obama_1.jpg", exact=True).wait_for()
    wait_for_maps(page)
    walk.ends("sample pair")
    page.get_by_role("link", name="Replay: put back what the map names").click()
    wait_for_viewer(page)
    expect(page.get_by_text("barack_obama_1.jpg").first).to_be_visible()
    walk.ends("replay")
    page.go_back()
    page.get_by_role("button", name="Case file (zip)").click()
    save = page.get_by_role("button", name="Save the case file (zip)")
    with page.expect_download() as saved:
        save.click()
    case = saved.value.path().read_bytes()
    walk.ends("case file")
    filed = [read_archive(case).case.photographs[side].file for side in SIDES]
    assert filed == ["barack_obama_1.jpg", "barack_obama_2.jpg"]

    context.close()
    fresh.process.terminate()
    fresh.process.wait(20)
    assert "Uncaught" not in fresh.log.read_text()
    whole = sum(walk.steps.values())
    with capsys.disabled():
        told = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in walk.steps.items())
        print(f"a new user's path: {told}; {whole:.1f} s in all")
    assert whole < MOST_SECONDS
