"""The Benchmark page: shipped and uploaded results, and a run of one's own."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.app_process import App, start_app
from tests.e2e.conftest import foreign_requests
from tests.e2e.widgets import choose
from xssab_core import paths
from xssab_core.benchmark.format import read_results
from xssab_core.benchmark.runner import Settings, parse_methods, run_benchmark
from xssab_core.metrics import percent
from xssab_core.paths import ASSETS

SHIPPED = sorted((ASSETS / "benchmarks").glob("*.json"))
PROGRESS = re.compile(r"Benchmark of sface: (\d+)%")
SLOW = 600_000


@pytest.fixture(scope="session")
def results_file(tiny_lfw: Path, cache_folder: Path, sface, tmp_path_factory) -> Path:
    """What a real run on a few pairs wrote."""
    output = tmp_path_factory.mktemp("results")
    methods = parse_methods("xssab,xcos-s,random")
    run_benchmark(Settings(tiny_lfw, output, methods=methods, pairs=8, threshold="eer", cache=cache_folder), sface)
    return output / "results.json"


@pytest.fixture
def six_pairs(tiny_lfw: Path, tmp_path: Path) -> Path:
    """Three genuine and three impostor pairs of the tiny copy: a run that ends soon."""
    root = tmp_path / "six_pairs"
    root.mkdir()
    (root / "lfw-deepfunneled").symlink_to(tiny_lfw / "lfw-deepfunneled")
    lines = (tiny_lfw / "pairs.txt").read_text().splitlines()
    (root / "pairs.txt").write_text("\n".join(["1\t3", *lines[1:4], *lines[7:10]]))
    return root


@contextmanager
def app_of_its_own(tmp_path: Path, lfw: Path, cache: Path) -> Iterator[tuple[App, Path]]:
    """An app with a store of its own, so that nothing is left behind; weights and the crop cache are shared."""
    home = tmp_path / "home"
    home.mkdir()
    cache.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(paths.home() / "models")
    (home / "cache").symlink_to(cache)
    # One thread: on a busy machine several spend their time waiting for each other.
    variables = {"XSSAB_HOME": str(home), "XSSAB_LFW": str(lfw), "OMP_NUM_THREADS": "1"}
    running = start_app(tmp_path / "log.txt", **variables)
    try:
        yield running, home
    finally:
        running.process.terminate()
        running.process.wait(20)
    assert "Uncaught" not in running.log.read_text()


@contextmanager
def benchmark_page(browser: Browser, app: App) -> Iterator[Page]:
    """The page as the first one of a new app, which Streamlit opens without its router."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=app.url)
    context.set_default_timeout(60_000)
    foreign = foreign_requests(context)
    page = context.new_page()
    page.goto("/benchmark")
    yield page
    context.close()
    assert foreign == []


def table_with(page: Page, column: str) -> Locator:
    """The first table that has that column."""
    return page.locator("table").filter(has=page.get_by_role("columnheader", name=column, exact=True)).first


def table(page: Page, column: str) -> dict[str, dict[str, str]]:
    """The table that has that column, by its first cells; read at once, since a run of the page replaces it."""
    lines = table_with(page, column).evaluate(
        "table => [...table.rows].map(row => [...row.cells].map(c => c.innerText))"
    )
    names, *rows = [[cell.replace("\u00a0", " ").strip() for cell in line] for line in lines]
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def rate(page: Page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def upload(page: Page, file: Path) -> None:
    page.get_by_test_id("stFileUploader").filter(has_text="results.json").locator("input[type=file]").set_input_files(
        file
    )


def wait_for_progress(page: Page, percent: int) -> None:
    """Wait until the run is beyond that; 10 % of the bar is for finding the faces."""
    page.wait_for_function(
        "percent => Number(/Benchmark of sface: (\\d+)%/.exec(document.body.innerText)?.[1]) > percent",
        arg=percent,
        polling=500,
        timeout=SLOW,
    )


def kept_records(home: Path) -> int:
    return len(list((home / "benchmarks").glob("*/work/records/*/[0-9]*.json")))


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
def test_results_stand_as_in_the_paper_and_beside_its_numbers(visit: Page, results_file: Path) -> None:
    record: dict[str, Any] = json.loads(results_file.read_text())
    xssab = next(method for method in record["methods"] if method["label"] == "xssab")
    visit.goto("/benchmark")
    upload(visit, results_file)
    expect(visit.get_by_text("SFace (OpenCV Zoo) on LFW View 2 (lfw-deepfunneled): 8 pairs")).to_be_visible()
    assert rate(visit, "FNMR, Patch-LFW") == percent(record["table1"]["patched_fnmr"]["value"])

    # Figure 5: a line a method and rate, with values under the pointer.
    figure = visit.locator(".js-plotly-plot")
    expect(figure).to_have_count(1)
    expect(figure.locator(".scatterlayer .trace")).to_have_count(2 * len(record["methods"]))
    for title in ("FMR (impostor pairs)", "FNMR (genuine pairs)"):
        expect(figure.get_by_text(title)).to_be_visible()
    figure.locator(".nsewdrag").first.hover()
    expect(figure.locator(".hoverlayer")).to_contain_text(
        re.compile(r"xSSAB \(8 pairs\) : 50 % put back: \d+\.\d\d\s%")
    )

    # Table 2: gains over random, the paper's beside them.
    gain, areas = xssab["gain"]["fnmr"], table(visit, "gain FMR")
    assert areas["xSSAB"]["gain FNMR"].startswith(f"{100 * gain['value']:.1f} % ({100 * gain['low']:.1f} % to ")
    assert areas["xSSAB"]["AUC FNMR"].startswith(f"{xssab['auc']['fnmr']['value']:.3f} (")
    # 1 - AUC / AUC of random in Table 2: 2.57 / 4.06 and 5.26 / 8.203 are its extremes for FMR.
    low, high = (round(100 * (1 - area / random)) for area, random in ((8.34, 12.96), (2.57, 4.06)))
    assert areas["xSSAB"]["paper FMR"] == f"{low} % to {high} %"
    assert areas["xCos S (local cosines)"]["paper FMR"] == f"{100 * (1 - 15.28 / 12.96):.0f} %"
    assert list(areas)[-3:] == ["Pixel equality (control)", "Mask oracle (control)", "Random"]
    possible = xssab["attained"]["fnmr"]
    assert areas["xSSAB"]["gain FNMR"].endswith(f"{100 * possible['value']:.1f} % of possible")

    # Against the method with the largest gain, on the same pairs.
    known = read_results(results_file.read_bytes(), "results.json")
    rivals = [method for method in known.methods if not method.is_control]
    best = max(rivals, key=lambda method: method.gain.mean.value or -1.0)
    apart = known.common.difference("random", best.label)
    assert apart is not None
    shown = table(visit, "difference FMR")
    assert best.full_title not in shown
    assert shown["Random"]["difference FMR"].startswith(f"{apart.fmr.value:z.3f} ({apart.fmr.low:z.3f} to ")

    # Table 3: passes and seconds.
    cost = table(visit, "forward passes")["xSSAB"]
    assert (cost["forward passes"], cost["backward passes"], cost["paper's seconds"]) == ("2", "4", "0.24")
    assert float(cost["seconds (median)"]) > 0

    found = table(visit, "chance")
    assert found["xSSAB"]["all pairs"] == f"{xssab['localisation']['all']:.3f}"
    assert found["Random"]["chance"] == f"{xssab['localisation']['chance']:.3f}"
    assert table(visit, "EER, LFW")["ArcFace"]["FNMR, Patch-LFW"] == "60.6 %"
    visit.get_by_role("heading", name="Benchmark").scroll_into_view_if_needed()


def test_a_file_that_holds_no_results_is_a_sentence(visit: Page, results_file: Path, tmp_path: Path) -> None:
    visit.goto("/benchmark")
    upload(visit, ASSETS / "calibrations" / "sface.json")
    expect(visit.get_by_text("sface.json is not a results.json of this benchmark: format is missing.")).to_be_visible()
    expect(visit.get_by_role("heading", name="The paper's own numbers").last).to_be_visible()
    later = tmp_path / "later.json"
    later.write_text(json.dumps(json.loads(results_file.read_text()) | {"format": 99}))
    visit.reload()
    upload(visit, later)
    expect(visit.get_by_text("later.json has format 99; this program reads format 1.")).to_be_visible()


@pytest.mark.skipif(not SHIPPED, reason="no results ship in assets/benchmarks yet")
def test_results_that_ship_are_in_the_list(visit: Page) -> None:
    visit.goto("/benchmark")
    for path in SHIPPED:
        record = json.loads(path.read_text())
        choose(visit, "Results", f"{path.stem} (shipped)")
        expect(visit.get_by_text(f"{record['model']['title']} on LFW View 2")).to_be_visible()
        patched = visit.get_by_test_id("stMetric").filter(has_text="FMR, Patch-LFW").first
        expect(patched).to_contain_text(percent(record["table1"]["patched_fmr"]["value"]))
        expect(visit.locator(".js-plotly-plot")).to_have_count(1)
        expect(visit.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
        shown = read_results(path.read_bytes(), path.name).methods
        expect(table_with(visit, "gain FMR").locator("tbody tr")).to_have_count(len(shown))
        assert set(table(visit, "gain FMR")) == {method.full_title for method in shown}


def test_a_run_survives_reload_and_stop_and_ends_in_the_list(browser, six_pairs, cache_folder, tmp_path, sface) -> None:
    with app_of_its_own(tmp_path, six_pairs, cache_folder) as (app, home), benchmark_page(browser, app) as page:
        page.get_by_role("button", name="Run 60 pairs").click()
        wait_for_progress(page, 20)
        page.reload()
        wait_for_progress(page, 30)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped. What is finished is kept: start again to go on.")).to_be_visible()
        expect(page.get_by_text(PROGRESS)).to_have_count(0)
        kept = kept_records(home)
        assert kept > 0

        page.get_by_role("button", name="Run 60 pairs").click()
        expect(page.get_by_text(PROGRESS)).to_be_visible()
        expect(page.get_by_role("button", name="Show it")).to_be_visible(timeout=SLOW)
        # Every pair there is, by each of the seven rows and for the pair itself.
        assert kept < kept_records(home) == 6 * 8
        page.get_by_role("button", name="Show it").click()
        expect(page.get_by_text("SFace (OpenCV Zoo) on LFW View 2 (lfw-deepfunneled): 6 pairs")).to_be_visible()
        expect(page).to_have_url(re.compile("results=sface-60-pairs"))
        record = json.loads((home / "benchmarks" / "sface-60-pairs" / "results.json").read_text())
        assert rate(page, "FMR, Patch-LFW") == percent(record["table1"]["patched_fmr"]["value"])


@pytest.mark.long
def test_60_pairs_of_lfw_can_be_started_and_stopped_and_keep_what_is_finished(
    browser, lfw_folder, tmp_path, sface
) -> None:
    with (
        app_of_its_own(tmp_path, lfw_folder, paths.home() / "cache") as (app, home),
        benchmark_page(browser, app) as page,
    ):
        page.get_by_role("button", name="Run 60 pairs").click()
        wait_for_progress(page, 12)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped. What is finished is kept: start again to go on.")).to_be_visible()
        assert kept_records(home) > 0
