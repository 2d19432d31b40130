"""Browse, as a user drives it."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.accessibility import axe_violations
from tests.e2e.app_process import App, start_app
from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.widgets import choose, open_options
from xssab_core import paths

Start = Callable[..., Page]
CARDS = ".gallery .card"
# The pairs on show, once every picture of theirs is there.
SHOWN = """cards => [...cards.querySelectorAll("img")].every((image) => image.complete && image.naturalWidth > 0)
    ? [...cards.children].map((card) => card.dataset.pair).join() : "loading" """


def wait_for_cards(page: Page) -> str:
    """The pairs on show when all is still."""
    expect(page.locator(CARDS).first).to_be_visible(timeout=90_000)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_have_count(0, timeout=90_000)
    while (now := page.locator(".gallery .cards").evaluate(SHOWN)) == "loading":
        page.wait_for_timeout(20)
    return str(now)


def seconds_of(page: Page, action: Callable[[], object]) -> float:
    """From an action to other pairs on show with their pictures."""
    before = wait_for_cards(page)
    started = time.perf_counter()
    action()
    while time.perf_counter() - started < 60:
        cards = page.locator(".gallery .cards")
        if cards.count() and cards.evaluate(SHOWN) not in (before, "loading"):
            return time.perf_counter() - started
    raise AssertionError("nothing changed within a minute")


def outcomes(page: Page) -> set[str]:
    return set(page.locator(".gallery .outcome").all_inner_texts())


@pytest.fixture
def start(browser, tmp_path, sface) -> Iterator[Start]:
    """Starts apps of a test's own, each with a page of a fresh browser profile."""
    apps: list[App] = []
    contexts: list[BrowserContext] = []

    def fresh(**variables: str) -> Page:
        apps.append(start_app(tmp_path / f"log{len(apps)}.txt", **variables))
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}, base_url=apps[-1].url))
        contexts[-1].set_default_timeout(90_000)
        return contexts[-1].new_page()

    yield fresh
    for context in contexts:
        context.close()
    for app in apps:
        app.process.terminate()
        app.process.wait(20)
        assert "Uncaught" not in app.log.read_text()


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
def test_patch_lfw_is_a_gallery_that_fits_the_window(visit, lfw, request) -> None:
    visit.goto("/browse")
    wait_for_cards(visit)
    expect(visit.get_by_role("heading", level=1)).to_have_text("Browse Patch-LFW")
    expect(visit.locator(CARDS)).to_have_count(12)
    expect(visit.locator(f"{CARDS} svg path")).to_have_count(24)
    expect(visit.get_by_role("cell", name=re.compile(r"\d+\.\d\d\s% \(\d[\d,]* of 2,100 impostor\)"))).to_have_count(2)
    assert visit.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visit.locator(".gallery").evaluate("gallery => gallery.scrollWidth <= gallery.clientWidth")
    for picture in visit.locator(f"{CARDS} img").all():
        assert re.match("(Probe|Reference), ", picture.get_attribute("alt"))
    assert axe_violations(visit) == []
    visit.locator(CARDS).nth(4).scroll_into_view_if_needed()
    visit.screenshot(path=SCREENSHOTS / f"{request.node.name}_below.png")
    visit.locator(CARDS).first.scroll_into_view_if_needed()


@pytest.mark.alone
def test_each_step_over_4200_pairs_takes_less_than_a_second(visit, lfw, capsys) -> None:
    visit.goto("/browse?set=Patch-LFW")
    following, previous = (visit.get_by_role("button", name=name).first for name in ("Next", "Previous"))
    steps = {"next page, first time": [seconds_of(visit, following.click) for _ in range(3)]}
    steps["page seen before"] = [seconds_of(visit, previous.click) for _ in range(3)]
    pills = visit.get_by_test_id("stButtonGroup").filter(has_text="FNM")
    steps["outcome"] = [
        seconds_of(visit, pills.get_by_text(title, exact=True).click) for title in ("FM", "FNM", "Correct match")
    ]
    assert outcomes(visit) <= {"False match (FM)", "False non-match (FNM)", "Correct match"}
    slider = visit.get_by_role("slider", name=re.compile("Margin.*start"))
    steps["margin"] = [seconds_of(visit, lambda: slider.press("ArrowRight")) for _ in range(3)]
    steps["order"] = []
    for title in ("Lowest margin first", "Highest margin first", "Official order"):
        open_options(visit, "Order")
        option = visit.get_by_role("option", name=title, exact=True)
        option.wait_for()
        steps["order"].append(seconds_of(visit, option.click))
    with capsys.disabled():
        for name, seconds in steps.items():
            print(f"Browse, 4,200 pairs, {name}: {', '.join(f'{s:.2f}' for s in seconds)} s")
    # The best of three: another program's work on the machine must not fail the test.
    assert all(min(seconds) < 1.0 for seconds in steps.values())


def test_filters_narrow_the_pairs_and_live_in_the_url(visit, lfw) -> None:
    visit.goto("/browse?set=LFW&outcome=FM")
    wait_for_cards(visit)
    assert outcomes(visit) == {"False match (FM)"}
    shown = visit.get_by_role("row").filter(has_text="Shown")
    expect(shown).to_contain_text("100.00 % (14 of 14 impostor)")
    expect(visit.get_by_role("row").filter(has_text="All")).to_contain_text("0.67 % (14 of 2,100 impostor)")
    visit.get_by_test_id("stButtonGroup").get_by_text("FM", exact=True).click()
    expect(shown).to_contain_text("4,200")
    box = visit.get_by_label("Identity", exact=True)
    box.click()
    box.fill("Janica Kost")
    visit.get_by_role("option", name="Janica Kostelic", exact=True).click()
    expect(visit.get_by_text("Label wrong, says the data set's errata")).to_be_visible()
    expect(visit).to_have_url(re.compile("identity=Janica"))
    pairs = wait_for_cards(visit)
    visit.reload()
    assert wait_for_cards(visit) == pairs
    other = next(fold for fold in "1234567" if f"fold {fold}" not in visit.locator(".gallery").inner_text())
    choose(visit, "Fold", other)
    expect(visit.get_by_text("No pair fits. Widen the filters above.")).to_be_visible()


def test_pages_turn_by_keyboard_and_by_number(visit, lfw) -> None:
    visit.goto("/browse?set=LFW&order=Official+order")
    wait_for_cards(visit)
    first = visit.locator(CARDS).first.get_by_role("link").first
    expect(first).to_have_accessible_name("Inspect: Abel Pacheco 0001 / Abel Pacheco 0004")
    first.focus()
    visit.keyboard.press("ArrowRight")
    expect(visit.locator(CARDS).nth(1).get_by_role("link").first).to_be_focused()
    visit.keyboard.press("PageDown")
    expect(visit.locator(".gallery")).to_have_attribute("data-page", "2")
    expect(visit.locator(CARDS).first.get_by_role("link").first).to_be_focused()
    visit.keyboard.press("ArrowLeft")
    expect(visit.locator(".gallery")).to_have_attribute("data-page", "1")
    expect(visit.locator(CARDS).last.get_by_role("link").first).to_be_focused()
    number = visit.get_by_role("spinbutton", name="Page").first
    number.fill("350")
    number.press("Enter")
    expect(visit.locator(".gallery")).to_have_attribute("data-page", "350")
    expect(visit).to_have_url(re.compile("page=350"))
    visit.get_by_test_id("stButtonGroup").get_by_text("FNM", exact=True).click()
    expect(visit.locator(".gallery")).to_have_attribute("data-page", "1")


def test_a_pair_opens_in_inspect_and_the_way_back_leads_to_the_same_page(visit, lfw) -> None:
    visit.goto("/browse?set=LFW&page=2&threshold_sface=0.4&order=Official+order")
    pairs = wait_for_cards(visit)
    card = visit.locator(CARDS).nth(3)
    names = card.locator("figcaption").all_inner_texts()
    score = re.search(r"Score (\S+),", card.inner_text()).group(1)
    card.get_by_role("link", name="Inspect").press("Enter")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.4000", timeout=90_000)
    shown = visit.get_by_test_id("stMetric").filter(has_text="Score").get_by_test_id("stMetricValue").inner_text()
    assert float(shown.replace("\u2212", "-")) == pytest.approx(float(score), abs=2e-4)
    for name in names:
        expect(visit.get_by_text(f"{name.replace(' ', '_')}.jpg").first).to_be_visible()
    expect(visit).to_have_url(re.compile(r"/\?source=LFW&lfw=.*&threshold_sface=0\.4"))
    visit.go_back()
    assert wait_for_cards(visit) == pairs


def test_a_patched_pair_opens_in_replay_with_its_score(visit, lfw) -> None:
    visit.goto("/browse?outcome=FNM")
    wait_for_cards(visit)
    card = visit.locator(CARDS).first
    score = re.search(r"Score (\S+),", card.inner_text()).group(1)
    card.get_by_role("link", name="Replay").click()
    expect(visit).to_have_url(re.compile(r"/replay\?source=Patch-LFW&lfw="))
    readout = visit.locator(".st-key-replay .readout")
    expect(readout).to_contain_text("0 % replaced", timeout=90_000)
    shown = re.search(r"score (\S+) · non-match", readout.inner_text()).group(1)
    assert float(shown) == pytest.approx(float(score.replace("\u2212", "-")), abs=2e-4)


def test_two_users_browse_at_once(visit, browser, app, lfw) -> None:
    stranger = browser.new_context(base_url=app.url)
    page = stranger.new_page()
    visit.goto("/browse?set=LFW&outcome=FM")
    page.goto("/browse?set=Patch-LFW&outcome=FNM")
    wait_for_cards(visit)
    wait_for_cards(page)
    for _ in range(3):
        page.get_by_role("button", name="Next").first.click()
        expect(visit.locator(CARDS).first).to_be_visible()
        wait_for_cards(page)
    visit.get_by_role("button", name="Next").first.click()
    expect(visit.locator(".gallery")).to_have_attribute("data-page", "2")
    assert outcomes(visit) == {"False match (FM)"}
    expect(page.locator(".gallery")).to_have_attribute("data-page", re.compile("[234]"))
    assert outcomes(page) == {"False non-match (FNM)"}
    stranger.close()


@pytest.mark.alone
def test_a_cold_deep_link_opens_the_gallery(start, lfw, capsys) -> None:
    page = start()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    started = time.perf_counter()
    page.goto("/browse?set=LFW&outcome=FNM&page=2&order=Lowest+margin+first")
    wait_for_cards(page)
    with capsys.disabled():
        print(f"Browse, first visit to a fresh app: {time.perf_counter() - started:.2f} s")
    expect(page.locator(".gallery")).to_have_attribute("data-page", "2")
    assert outcomes(page) == {"False non-match (FNM)"}
    expect(page.locator(CARDS)).to_have_count(2)
    assert [url for url in asked if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", url)] == []


@pytest.fixture
def unknown_lfw(lfw, tmp_path) -> Path:
    """Eight pairs whose bytes nobody scored, one of them with an image that is cut short."""
    pairs = [*lfw.select(genuine=4, impostor=4)]
    lines = ["1\t4"]
    for pair in sorted(pairs, key=lambda pair: not pair.genuine):
        (first, second), names = (pair.probe, pair.reference), (pair.probe.parent.name, pair.reference.parent.name)
        numbers = [str(int(path.stem[-4:])) for path in (first, second)]
        words = [names[0], *numbers] if pair.genuine else [names[0], numbers[0], names[1], numbers[1]]
        lines.append("\t".join(words))
        for path in (first, second):
            target = tmp_path / "copy" / "lfw-deepfunneled" / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes() + b"\0")
    target.write_bytes(target.read_bytes()[:2000])
    (tmp_path / "copy" / "pairs.txt").write_text("\n".join(lines))
    return tmp_path / "copy"


@pytest.mark.long
def test_pairs_without_a_score_are_scored_beside_the_page_and_damage_stays_local(start, unknown_lfw, tmp_path) -> None:
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / "sface").symlink_to(paths.home() / "models" / "sface")
    page = start(XSSAB_LFW=str(unknown_lfw), XSSAB_HOME=str(home))
    page.goto("/browse?order=Official+order")
    expect(page.get_by_text("Of 8 pairs, 0 have a score of SFace")).to_be_visible(timeout=90_000)
    page.get_by_role("button", name="Score the other 8 pairs").click()
    expect(page.locator(CARDS).first).to_be_visible(timeout=240_000)
    wait_for_cards(page)
    expect(page.locator(CARDS)).to_have_count(8)
    damaged = page.locator(CARDS).filter(has_text="the file is damaged or cut short")
    expect(damaged).to_have_count(1)
    expect(damaged).to_contain_text("No score")
    expect(page.locator(CARDS).first).to_contain_text(re.compile(r"Score -?\d\.\d{4}"))
    expect(page.get_by_role("button", name=re.compile("Score the other"))).to_have_count(0)
    page.screenshot(path=SCREENSHOTS / "test_browse_with_a_damaged_image.png")


def test_a_folder_that_is_not_lfw_is_a_sentence(start, tmp_path) -> None:
    page = start(XSSAB_LFW=str(tmp_path))
    page.goto("/browse")
    expect(page.get_by_text("holds no pairs.txt. Put LFW's View 2 file")).to_be_visible(timeout=90_000)


@pytest.mark.long
def test_without_lfw_the_samples_are_shown_and_how_to_get_it(start) -> None:
    page = start(XSSAB_LFW="")
    page.goto("/browse?set=LFW")
    wait_for_cards(page)
    expect(page.locator(CARDS)).to_have_count(10)
    expect(page.get_by_text("XSSAB_LFW=/path/to/lfw make run")).to_be_visible()
    assert axe_violations(page) == []
    page.screenshot(path=SCREENSHOTS / "test_browse_without_lfw.png")
    link = page.get_by_role("link", name="Inspect: Barack Obama 1 / Joe Biden 1")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The model's score is below the threshold: non-match")
    expect(page.get_by_text("joe_biden_1.jpg").first).to_be_visible()


def test_a_box_on_a_card_puts_its_pair_on_the_sheet_and_marks_its_row(visit, tmp_path) -> None:
    visit.goto("/browse")
    wait_for_cards(visit)
    figure = visit.get_by_role("img", name="The pairs of the sheet, side by side")
    boxes = visit.get_by_label(re.compile("On the sheet"))
    for number in (0, 1):
        boxes.nth(number).check()
        expect(visit).to_have_url(re.compile(r"sheet=\d+" + r"\.\d+" * number + "$"))
        expect(figure).to_be_visible()
        wait_for_cards(visit)
    boxes.nth(0).uncheck()
    expect(visit).to_have_url(re.compile(r"sheet=\d+$"))
    wait_for_cards(visit)
    expect(boxes.nth(1)).to_be_checked()
    visit.get_by_test_id("stButtonGroup").get_by_text("Table", exact=True).click()
    expect(visit.get_by_role("button", name="Rows (CSV)")).to_have_count(2)
    with visit.expect_download() as waiting:
        visit.locator(".st-key-sheet_csv").get_by_role("button").click()
    waiting.value.save_as(tmp_path / "rows.csv")
    lines = [line for line in (tmp_path / "rows.csv").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 2
    with visit.expect_download() as waiting:
        visit.get_by_role("button", name="Figure (PDF)").click()
    assert waiting.value.suggested_filename == "pairs.pdf"
