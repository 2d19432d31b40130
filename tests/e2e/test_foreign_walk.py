"""Every page with every foreign text set to a hostile one: model, calibration, people of LFW, results, file names."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app_process import App, start_app
from tests.e2e.small_model import add_small_model
from tests.e2e.widgets import open_options
from tests.hostile import TEXTS
from ui.words import JOINER
from xssab_core.models.adding import Description
from xssab_core.paths import ASSETS

# A name of a person is one of a folder, too.
PERSON = "![a](https:case.invalid)_**b**"
TEXT = "\n".join(text for text in TEXTS if "\x00" not in text)
RESULTS = Path(__file__).parents[1] / "benchmark" / "earlier-results.json"
# What a text that was taken for more than letters would have made.
MADE = """() => [...document.querySelectorAll("a[href], img[src], iframe[src], link[href]")]
    .map((made) => made.href || made.src)
    .filter((address) => URL.canParse(address) && new URL(address).host.endsWith("case.invalid"))"""


@pytest.fixture(scope="module")
def app(tmp_path_factory, tiny_lfw: Path) -> Iterator[App]:
    """An app whose only model, whose LFW and whose results are a stranger's."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XSSAB_HOME", str(home))
        add_small_model("theirs", Description(TEXT, TEXT, TEXT, TEXT), TEXT, home)
    results = home / "benchmarks" / PERSON / "results.json"
    results.parent.mkdir(parents=True)
    record = json.loads(RESULTS.read_text())
    record["data"] |= {"set": TEXT, "coverage": TEXT}
    results.write_text(json.dumps(record))
    variables = {"XSSAB_HOME": str(home), "XSSAB_LFW": str(_renamed(tiny_lfw, home / "lfw"))}
    running = start_app(home / "log.txt", **variables)
    yield running
    running.process.terminate()
    running.process.wait(20)
    assert "Uncaught" not in running.log.read_text()


def _renamed(lfw: Path, root: Path) -> Path:
    """The tiny LFW with another name for one of its people."""
    shutil.copytree(lfw, root)
    folder = root / "lfw-deepfunneled" / "Joe_Biden"
    for image in folder.iterdir():
        image.rename(folder / image.name.replace("Joe_Biden", PERSON))
    folder.rename(folder.with_name(PERSON))
    pairs = root / "pairs.txt"
    pairs.write_text(pairs.read_text().replace("Joe_Biden", PERSON))
    return root


def upload(page: Page) -> None:
    for side in ("Probe", "Reference"):
        chooser = page.get_by_test_id("stFileUploader").filter(has_text=side).locator("input[type=file]")
        picture = (ASSETS / "samples" / "joe_biden_1.jpg").read_bytes()
        chooser.set_input_files({"name": f"{PERSON}.jpg", "mimeType": "image/jpeg", "buffer": picture})
        expect(page).to_have_url(re.compile(f"[?&]{side.lower()}="))


def choose_theirs(page: Page, label: str) -> None:
    open_options(page, label)
    page.get_by_role("option").filter(has_text="case.invalid").first.click()


@pytest.mark.parametrize(
    "address",
    ["/?source=LFW", "/?source=Upload", "/replay?source=Patch-LFW", "/browse", "/benchmark", "/models"],
    ids=["inspect", "uploads", "replay", "browse", "benchmark", "models"],
)
def test_no_page_makes_more_than_letters_of_what_a_stranger_wrote(visit: Page, address: str) -> None:
    visit.goto(address)
    if "Upload" in address:
        upload(visit)
    elif "LFW" in address:
        choose_theirs(visit, "Pair")
    elif "benchmark" in address:
        choose_theirs(visit, "Results")
    elif "models" in address:
        choose_theirs(visit, "Model")
    expect(visit.get_by_test_id("stMain").get_by_text("case.invalid").locator("visible=true").first).to_be_visible(
        timeout=120_000
    )
    visit.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=120_000)
    assert "case.invalid" in visit.inner_text("body").replace(JOINER, "")
    assert visit.evaluate(MADE) == []
    assert not visit.get_by_text("Traceback").count()
