"""A case file from Inspect, checked on its own page; and what that page says of files that are none."""

import re

from playwright.sync_api import Page, expect

from tests.casefile.conftest import members_of
from tests.hostile import TEXTS
from xssab_core.casefile.archive import read_archive, seal_of
from xssab_core.casefile.document import Bullets, Document, Figure, Figures, Paragraph, Section, Table, Written, visible
from xssab_core.casefile.html_report import html_report
from xssab_core.paths import ASSETS
from xssab_core.replay.figure import replay_figure


def give(page: Page, path) -> None:
    page.get_by_test_id("stFileUploader").first.locator("input[type=file]").set_input_files(path)


def test_a_case_file_made_on_inspect_is_equal_when_it_is_computed_again(visit, tmp_path) -> None:
    visit.goto("/?sample=Obama+1+/+Obama+2&methods=xSSAB")
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


def test_a_report_with_hostile_texts_shows_them_runs_nothing_and_asks_nobody(browser, tmp_path) -> None:
    attacks = (
        "<script>document.title = 'x'</script>",
        "</title></svg></style><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}",
    )
    texts, both = (*attacks, *TEXTS), (0.1, 0.2)
    svg = replay_figure({attacks[1]: both}, 0.3, both, ())
    blocks = (
        Bullets(texts),
        Table((texts, texts), texts),
        Written("\n".join(texts)),
        Figures((Figure(svg, attacks[1]),)),
    )
    everywhere = Section(attacks[1], (Paragraph(attacks[0]), *blocks))
    report = Document(attacks[1], attacks[1], attacks[1], attacks[1], attacks[1], (everywhere,))
    (tmp_path / "report.html").write_bytes(html_report(report))
    context, asked = browser.new_context(), []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.goto(f"file://{tmp_path}/report.html")
    assert page.title() == attacks[1]
    assert page.locator("script, img, a, iframe").count() == 0
    assert page.locator("li").all_text_contents() == [visible(text) for text in texts]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()
