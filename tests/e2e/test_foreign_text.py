"""Names and texts of foreign files are shown letter by letter, and make the browser ask nobody for anything."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.hostile import TEXTS
from ui.words import JOINER
from xssab_core.paths import ASSETS

RESULTS = Path(__file__).parents[1] / "benchmark" / "earlier-results.json"
NAME = "![a](https:case.invalid) :smile: **b**.jpg"


def shown(place: Locator) -> str:
    return place.inner_text().replace(JOINER, "").strip()


def one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f]", " ", text).split())


@pytest.fixture
def hostile_results(tmp_path: Path) -> Path:
    """Results in which every text is hostile."""
    record = json.loads(RESULTS.read_text())
    method = record["methods"][0]
    record["methods"] = [method | {"label": f"m{i}", "title": text} for i, text in enumerate(TEXTS)]
    record["common"]["methods"] = {f"m{i}": record["common"]["methods"][method["label"]] for i in range(len(TEXTS))}
    record["data"] |= {"set": TEXTS[0], "images": TEXTS[1], "coverage": TEXTS[2]}
    record["model"] |= {"title": TEXTS[3], "id": TEXTS[4]}
    record["threshold"]["origin"] = TEXTS[5]
    path = tmp_path / f"{NAME}.json"
    path.write_text(json.dumps(record))
    return path


def test_fields_of_a_results_file_are_shown_as_they_are(visit: Page, hostile_results: Path) -> None:
    visit.goto("/benchmark")
    uploader = visit.get_by_test_id("stFileUploader").filter(has_text="results.json")
    uploader.locator("input[type=file]").set_input_files(hostile_results)
    table = visit.locator("table").first
    expect(table.locator("tbody tr")).to_have_count(len(TEXTS))
    cells = [row.locator("th, td").first for row in table.locator("tbody tr").all()]
    assert [shown(cell) for cell in cells] == [one_line(text) for text in TEXTS]
    # The letters could also be those of a link or a picture's description.
    assert table.locator("a, img, em, strong, del, code, [role=img], .katex, [style*=color]").count() == 0
    setting = visit.get_by_test_id("stMarkdown").filter(has_text="Threshold 0.3057").first
    for text in TEXTS[:4] + TEXTS[5:6]:
        assert one_line(text) in shown(setting)
    assert setting.locator("a, img, em, del, code, [role=img], .katex").count() == 0
    legend = visit.locator(".js-plotly-plot .legend")
    assert legend.locator("a").count() == 0
    assert "<img src=http://case.invalid/b>" in legend.text_content().replace(JOINER, "")


def upload(page: Page, side: str, picture: bytes) -> None:
    """A file with a hostile name."""
    chooser = page.get_by_test_id("stFileUploader").filter(has_text=side).locator("input[type=file]")
    chooser.set_input_files({"name": NAME, "mimeType": "image/jpeg", "buffer": picture})
    expect(page).to_have_url(re.compile(f"[?&]{side.lower()}="))


def test_names_of_photographs_are_shown_as_they_are(visit: Page) -> None:
    picture = (ASSETS / "samples" / "joe_biden_1.jpg").read_bytes()
    visit.goto("/?source=Upload")
    for side in ("Probe", "Reference"):
        upload(visit, side, picture)
    name = visit.get_by_test_id("stMarkdown").filter(has_text="Probe:").first
    expect(name).to_contain_text("case.invalid", timeout=90_000)
    assert shown(name) == f"Probe: {NAME}"


def test_names_in_errors_are_shown_as_they_are(visit: Page) -> None:
    visit.goto("/?source=Upload")
    upload(visit, "Probe", b"no picture")
    error = visit.get_by_test_id("stAlert").filter(has_text="case.invalid").first
    expect(error).to_be_visible()
    assert NAME in shown(error)
    assert error.locator("a, img, strong").count() == 0
