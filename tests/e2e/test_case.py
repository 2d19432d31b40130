"""A case file from Inspect, checked on its own page; and what that page says of files that are none."""

import re

from playwright.sync_api import Page, expect

from tests.casefile.conftest import members_of
from xssab_core.casefile.archive import read_archive, seal_of
from xssab_core.paths import ASSETS


def give(page: Page, path) -> None:
    page.get_by_test_id("stFileUploader").first.locator("input[type=file]").set_input_files(path)


def test_a_case_file_made_on_inspect_is_equal_when_it_is_computed_again(visit, tmp_path) -> None:
    visit.goto("/?methods=xSSAB")
    visit.get_by_text("With the original photographs, byte for byte").click()
    notes = visit.get_by_label("Examiner's notes")
    notes.fill("Both ears are visible.\n<b>Left</b> lobe attached.")
    notes.press("Control+Enter")
    visit.get_by_role("button", name="Case file (zip)").click()
    save = visit.get_by_role("button", name="Save the case file (zip)")
    expect(save).to_be_visible(timeout=180_000)
    with visit.expect_download() as waiting:
        save.click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    case = path.read_bytes()
    archive = read_archive(case)
    expect(visit.get_by_text(seal_of(case))).to_be_visible()
    assert archive.problems == ()
    assert archive.case.notes == "Both ears are visible.\n<b>Left</b> lobe attached."
    assert members_of(case)["originals/probe.jpg"] == (ASSETS / "samples" / "barack_obama_1.jpg").read_bytes()

    visit.goto("/case")
    give(visit, path)
    expect(visit.get_by_text("Every member is as the manifest says.")).to_be_visible()
    expect(visit.get_by_text(seal_of(case))).to_be_visible()
    visit.get_by_role("button", name="Compute everything again").click()
    told = visit.get_by_text(re.compile(r"The manifest holds\. Of \d+ figures computed again: \d+ equal\."))
    expect(told).to_be_visible(timeout=180_000)


def test_a_file_that_is_no_case_file_is_a_sentence(visit, tmp_path) -> None:
    (tmp_path / "case.zip").write_bytes(b"no zip at all")
    visit.goto("/case")
    expect(visit.get_by_role("heading", level=1)).to_have_text("Check a case file")
    give(visit, tmp_path / "case.zip")
    expect(visit.get_by_text("The file is no ZIP, or is damaged beyond reading.")).to_be_visible()
