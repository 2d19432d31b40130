"""Choices end with what they belong to: after each change the page shows what a fresh load of its address shows."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.app_process import App, start_app
from tests.e2e.small_model import add_small_model
from tests.e2e.test_inspect import ORDINARY, SAMPLES, metric, upload, wait_for_maps
from tests.e2e.test_replay import VIEWER, press, readout, wait_for_viewer
from tests.e2e.widgets import choose
from xssab_core.models.adding import Description

# What a page shows of what was chosen and of what came of it.
SHOWN = r"""() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((found) => found.innerText.trim());
    const main = "[data-testid=stMain]", sidebar = "[data-testid=stSidebar]";
    return {
        title: texts(`${main} h1`),
        numbers: texts(`${main} [data-testid=stMetricValue]`),
        origin: texts(`${sidebar} [data-testid=stCaptionContainer]`).find((text) => /^-?\d\.\d{4}: /.test(text)),
        sliders: [...document.querySelectorAll("input[type=range]")].map((slider) => slider.value),
        fields: [...document.querySelectorAll("input[type=number]")].map((field) => field.value),
        boxes: [...document.querySelectorAll("input[role=combobox]")].map((box) => box.value),
        pressed: texts("[data-testid=stButtonGroup] [data-selected]"),
        primary: texts("button[data-testid$=primary]"),
        warnings: texts(`${main} [data-testid=stAlertContainer]`),
        pictures: [...document.querySelectorAll(`${main} img`)].map((picture) => picture.alt),
        facts: texts(`${main} [data-testid=stColumn] [data-testid=stCaptionContainer]`),
        ways: texts("[class*=_points_] button, [class*=_turn_] button"),
    };
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory, sface_file: Path) -> Iterator[App]:
    """An app with SFace and a second model, whose default threshold is far from SFace's."""
    home = tmp_path_factory.mktemp("home")
    (home / "models" / "sface").mkdir(parents=True)
    shutil.copy(sface_file, home / "models" / "sface")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XSSAB_HOME", str(home))
        add_small_model("second", Description(title="Second"), "a test", home)
    running = start_app(home / "log.txt", XSSAB_HOME=str(home), XSSAB_LFW="")
    yield running
    running.process.terminate()
    running.process.wait(20)
    assert "Uncaught" not in running.log.read_text()


def shown(page: Page) -> dict[str, Any]:
    page.locator("[data-testid=stDownloadButton]").last.wait_for()
    page.wait_for_timeout(500)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_have_count(0)
    inside = {name: page.locator(f".st-key-{name}").all_inner_texts() for name in ("maps", "comparison")}
    return page.evaluate(SHOWN) | inside | {"readout": page.locator(f"{VIEWER} .readout").all_inner_texts()}


def assert_as_loaded(page: Page, wait: Any = wait_for_maps) -> dict[str, Any]:
    """What the page shows is what another page of this browser shows that loads its address."""
    wait(page)
    fresh, loaded = page.context.new_page(), page.url
    fresh.goto(loaded)
    wait(fresh)
    found, expected = shown(page), shown(fresh)
    for _ in range(20):  # a page that is still being computed shows parts of the one before, and has its address
        if found == expected:
            break
        page.wait_for_timeout(500)
        if page.url != loaded:
            loaded = page.url
            fresh.goto(loaded)
            wait(fresh)
        found, expected = shown(page), shown(fresh)
    fresh.close()
    assert found == expected, page.url
    return found


def move_threshold(page: Page) -> None:
    slider = page.get_by_role("slider", name="Decision threshold")
    slider.focus()
    slider.press("PageUp")


def test_a_threshold_belongs_to_its_model(visit) -> None:
    visit.goto("/?sample=Collins+1+/+Biden+1")
    assert "0.3057" in assert_as_loaded(visit)["origin"]
    choose(visit, "Model", "Second")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.92")
    found = assert_as_loaded(visit)
    assert "on a test, 2,400 of 2,400 pairs" in found["origin"]
    assert set(found["primary"]) == {"EER"}
    assert "chosen by the user" not in str(found)
    move_threshold(visit)
    expect(visit.get_by_text("chosen by the user")).to_be_visible()
    expect(visit).to_have_url(re.compile("model=Second.*threshold_second="))
    assert_as_loaded(visit)
    choose(visit, "Model", "SFace (OpenCV Zoo)")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.3057")
    expect(visit).not_to_have_url(re.compile("threshold_sface"))
    assert set(assert_as_loaded(visit)["primary"]) == {"EER"}
    visit.get_by_role("button", name="Published").click()
    expect(visit.get_by_text("0.3630: Recommended by OpenCV")).to_be_visible()
    assert_as_loaded(visit)
    choose(visit, "Model", "Second")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.92")
    assert_as_loaded(visit)
    visit.reload()
    choose(visit, "Model", "SFace (OpenCV Zoo)")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.3057")
    assert_as_loaded(visit)


def test_a_model_changed_on_another_page_brings_its_own_threshold(visit) -> None:
    visit.goto("/?threshold_sface=0.5")
    wait_for_maps(visit)
    visit.get_by_role("link", name="Models").click()
    expect(visit.get_by_role("heading", level=1)).to_have_text("Face recognition models")
    choose(visit, "Model", "Second")
    expect(visit.get_by_role("heading", name="Second")).to_be_visible()
    visit.get_by_role("link", name="Inspect").click()
    expect(visit.get_by_test_id("stMetric").filter(has_text="Model")).to_contain_text("second")
    assert "on a test" in assert_as_loaded(visit)["origin"]


@pytest.mark.long
def test_a_face_number_belongs_to_its_photograph(visit, two_faces, tmp_path) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, two_faces, SAMPLES / "barack_obama_1.jpg")
    expect(visit.get_by_text("Face in the probe")).to_be_visible()
    largest = assert_as_loaded(visit)
    second = visit.get_by_role("radio", name="2").or_(visit.get_by_role("button", name="2", exact=True)).first
    second.click()
    expect(visit).to_have_url(re.compile("probe_face=2"))
    assert assert_as_loaded(visit)["numbers"] != largest["numbers"]
    other = tmp_path / "mirrored.png"
    Image.open(two_faces).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other)
    for path in (other, two_faces):  # from the page as it is, and from one just loaded with a number in its address
        upload(visit, path, SAMPLES / "barack_obama_1.jpg")
        expect(visit).not_to_have_url(re.compile("probe_face"))
        assert "1" in assert_as_loaded(visit)["pressed"]
        second.click()
        expect(visit).to_have_url(re.compile("probe_face=2"))
        visit.reload()
        assert "2" in assert_as_loaded(visit)["pressed"]
    visit.get_by_test_id("stFileUploader").filter(has_text="Probe").locator("input[type=file]").set_input_files(
        SAMPLES / "joe_biden_1.jpg"
    )
    expect(visit.get_by_text("Face in the probe")).to_have_count(0)
    assert_as_loaded(visit)
    assert "probe_face" not in visit.url


@pytest.mark.long
def test_patches_methods_and_another_pair_are_what_the_address_says(visit) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    visit.get_by_text("Patch the probe").click()
    expect(visit.get_by_text("Patched: 27 squares").first).to_be_visible()
    assert_as_loaded(visit)
    choose(visit, "Patches from", "Collins 1")
    expect(visit.get_by_text("pixels of eileen_collins_1.jpg").first).to_be_visible()
    assert_as_loaded(visit)
    visit.locator(".st-key-methods").get_by_text("Random").click()
    expect(visit).to_have_url(re.compile("methods="))
    assert_as_loaded(visit)
    choose(visit, "Model", "Second")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Model")).to_contain_text("second")
    assert_as_loaded(visit)
    choose(visit, "Pair", "Obama 2 / Obama 3")
    expect(visit.get_by_text("barack_obama_3.jpg").first).to_be_visible()
    assert_as_loaded(visit)


def test_a_step_belongs_to_its_pair_and_model_and_a_method_to_the_models_that_have_it(visit) -> None:
    visit.goto("/replay?sample=Obama+1+/+Biden+1&patch=false")
    wait_for_viewer(visit)
    press(visit, *["PageUp"] * 4)
    expect(visit).to_have_url(re.compile("at=40"))
    visit.get_by_text("xCos S", exact=True).click()
    expect(visit.locator(f"{VIEWER} figcaption").nth(1)).to_have_text("xCos S map")
    assert "40\xa0% replaced" in assert_as_loaded(visit, wait_for_viewer)["readout"][0]
    choose(visit, "Model", "Second")
    expect(visit).not_to_have_url(re.compile("[?&]at="))
    wait_for_viewer(visit)
    assert readout(visit)[0] == 0
    assert_as_loaded(visit, wait_for_viewer)
    press(visit, "PageUp")
    expect(visit).to_have_url(re.compile("at=10"))
    choose(visit, "Pair", "Obama 1 / Obama 2")
    expect(visit).not_to_have_url(re.compile("[?&]at="))
    assert "0\xa0% replaced" in assert_as_loaded(visit, wait_for_viewer)["readout"][0]


def open_landmarks(page: Page) -> None:
    """A run that puts another button into the editor's box closes it."""
    box = page.locator("details").filter(has_text="Place the landmarks by hand").first
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    if box.get_attribute("open") is None:
        box.locator("summary").click()


def test_landmarks_that_nobody_moved_stay_as_they_are(visit) -> None:
    visit.goto(ORDINARY)
    before = assert_as_loaded(visit)
    visit.get_by_text("Place the landmarks by hand").first.click()
    use = visit.get_by_role("button", name="Use these landmarks").first
    use.click()
    visit.wait_for_timeout(1000)
    assert shown(visit)["numbers"] == before["numbers"]
    assert "probe_points" not in visit.url
    nose = visit.get_by_role("button", name=re.compile("nose")).first
    for key in ("ArrowRight", "ArrowLeft"):
        nose.focus()
        nose.press(key)
    use.click()
    visit.wait_for_timeout(1000)
    assert "probe_points" not in visit.url
    nose.focus()
    nose.press("Shift+ArrowRight")
    use.click()
    expect(visit.get_by_text("landmarks placed by hand").first).to_be_visible()
    assert_as_loaded(visit)
    score = metric(visit, "Score")
    open_landmarks(visit)
    use.click()
    visit.wait_for_timeout(1000)
    assert metric(visit, "Score") == score
    open_landmarks(visit)
    visit.get_by_role("button", name="Use the detected landmarks").click()
    expect(visit.get_by_text("landmarks placed by hand")).to_have_count(0)
    assert assert_as_loaded(visit)["numbers"] == before["numbers"]


@pytest.mark.long
def test_an_aligned_picture_is_taken_as_it_is_and_a_turned_one_turned(visit, samples, tmp_path) -> None:
    crop, turned = tmp_path / "crop.png", tmp_path / "turned.png"
    Image.fromarray(samples["joe_biden_1"].crop).save(crop)
    Image.open(SAMPLES / "barack_obama_1.jpg").transpose(Image.Transpose.ROTATE_180).save(turned)
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, crop, turned)
    visit.get_by_role("button", name="This picture is already aligned").click()
    expect(visit.get_by_text("taken as already aligned by the user")).to_be_visible()
    visit.get_by_role("button", name="Turn it clockwise by 180 degrees").click()
    expect(visit.get_by_text("turned clockwise by 180 degrees by the user")).to_be_visible()
    found = assert_as_loaded(visit)
    visit.get_by_role("button", name="Look for the face in this picture").click()
    expect(visit.get_by_text("taken as already aligned by the user")).to_have_count(0)
    visit.get_by_role("button", name="Turn it back").click()
    expect(visit.get_by_role("button", name="Turn it clockwise by 180 degrees")).to_be_visible()
    assert assert_as_loaded(visit)["numbers"] != found["numbers"]
    assert "_turn" not in visit.url
    assert "_points" not in visit.url


def test_going_back_to_a_page_opens_it_as_it_was_left(visit) -> None:
    visit.goto("/inspect?sample=Obama+1+/+Collins+1")
    wait_for_maps(visit)
    visit.get_by_role("link", name="Replay", exact=True).first.click()
    expect(visit.get_by_role("heading", level=1)).to_contain_text("Replay")
    # Streamlit leaves entries without a query between two pages.
    for _ in range(5):
        visit.go_back()
        visit.wait_for_timeout(500)
        if "/inspect?sample" in visit.url:
            break
    wait_for_maps(visit)
    expect(visit.get_by_role("combobox", name="Pair")).to_have_value("Obama 1 / Collins 1")
    expect(visit).to_have_url(re.compile(r"/inspect\?sample=Obama\+1"))
