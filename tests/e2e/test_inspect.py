"""Inspect, as a user drives it."""

import base64
import io
import json
import re
import time
import urllib.parse
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.widgets import next_frame, open_options
from ui.pair_picker import first_pair
from xssab_core import align_face, explain, open_photo
from xssab_core.explain import CAUTION, METHODS
from xssab_core.paths import ASSETS

SAMPLES = ASSETS / "samples"
TILES = ".st-key-maps .tile"
# An ordinary pair: no patches.
ORDINARY = "/?sample=Obama+1+/+Obama+2"


def wait_for_maps(page: Page) -> None:
    expect(page.locator(f"{TILES}.large")).to_have_count(2)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_have_count(0)


def wait_for_verdict(page: Page) -> None:
    """The check of the map has ended, and the page was run again with what it found."""
    expect(page.get_by_text(re.compile("Trust check: (stable|unstable)"))).to_be_visible(timeout=90_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=90_000)


def upload(page: Page, probe: Path, reference: Path) -> None:
    page.get_by_text("Upload", exact=True).first.click()
    for side, path in (("Probe", probe), ("Reference", reference)):
        uploader = page.get_by_test_id("stFileUploader").filter(has_text=side)
        uploader.locator("input[type=file]").set_input_files(path)
        expect(uploader.get_by_text(path.name)).to_be_visible()
        expect(page).to_have_url(re.compile(f"[?&]{side.lower()}="))


def metric(page: Page, label: str) -> float:
    text = page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()
    return float(text.replace("\u2212", "-"))


@pytest.fixture(scope="session")
def no_face(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "no_face.png"
    Image.open(SAMPLES / "joe_biden_1.jpg").filter(ImageFilter.GaussianBlur(40)).save(path)
    return path


def test_a_false_match_that_patches_made_is_explained_at_first_sight(visit, sface) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    expect(visit.get_by_role("heading", level=1)).to_have_text("The model's score is above the threshold: match")
    expect(visit.get_by_text("Impostor pair: two people.")).to_be_visible()
    expected = explain(sface, *first_pair().crops_for(sface.info.template), "layered")
    assert metric(visit, "Score") == pytest.approx(expected.score, abs=1e-4)
    assert metric(visit, "Threshold") == pytest.approx(expected.threshold.value, abs=1e-4)
    assert metric(visit, "Margin") == pytest.approx(expected.margin, abs=2e-4)
    expect(visit.get_by_text("It is not evidence of identity").first).to_be_visible()
    assert "same person" not in visit.inner_text("body").lower()
    for words in ("FMR", "FNMR", re.compile("95.% interval"), "Trust check", "strongest place for a match"):
        box = visit.get_by_test_id("stMain").get_by_text(words).first.bounding_box()
        assert box["y"] + box["height"] < 480, words
    assert visit.locator(f"{TILES}.large").first.bounding_box()["y"] < 560  # of the window's 800


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
def test_the_first_sight_fills_a_projector_and_fits_a_phone(visit, request) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    wait_for_verdict(visit)
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height, least in ((1920, 1080, 600), (390, 844, 340)):
        visit.set_viewport_size({"width": width, "height": height})
        large = visit.locator(f"{TILES}.large").first
        large.scroll_into_view_if_needed()
        next_frame(visit)
        assert large.bounding_box()["width"] >= least
        assert visit.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        visit.screenshot(path=SCREENSHOTS / f"{request.node.name}-{width}x{height}.png")
    visit.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.alone
def test_the_first_picture_of_another_pair_comes_in_the_time_of_a_few_reloads(visit, capsys) -> None:
    visit.goto("/")
    expect(visit.locator(".st-key-comparison .tile")).to_have_count(8)
    wait_for_maps(visit)
    seconds: list[float] = []
    for title, file in (
        ("Obama 1 / Collins 1", "eileen_collins_1.jpg"),
        ("Obama 1 / Biden 1", "joe_biden_1.jpg"),
        ("Obama 1 / Obama 3", "barack_obama_3.jpg"),
    ):
        open_options(visit, "Pair")
        option = visit.get_by_role("option", name=title)
        option.wait_for()
        started = time.perf_counter()
        option.click()
        visit.get_by_role("img", name=f"Aligned crop of the reference, {file}", exact=True).wait_for()
        seconds.append(time.perf_counter() - started)
        wait_for_maps(visit)
    started = time.perf_counter()
    visit.reload()
    visit.locator(f"{TILES} img").first.wait_for()
    reload = time.perf_counter() - started
    with capsys.disabled():
        chosen = ", ".join(f"{s:.2f}" for s in seconds)
        print(
            f"first picture of a sample pair in a warm app: {chosen} s after choosing it, {reload:.2f} s after a reload"
        )
    # The best of three, as a ratio: another program's work on the machine must not fail the test.
    assert min(seconds) < 4 * reload


def test_the_picture_shown_is_the_crop_that_was_computed(visit, samples) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    crop = visit.get_by_role("img", name=re.compile("Aligned crop of the probe, "))
    source = crop.locator("img").first.get_attribute("src")
    assert source.startswith("data:image/png;base64,")
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))
    np.testing.assert_array_equal(shown, samples["barack_obama_1"].crop)


def test_values_are_read_under_the_pointer_and_by_keyboard(visit, samples, sface) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    values = explain(sface, samples["barack_obama_1"], samples["barack_obama_2"], "layered").probe.combined
    tile = visit.get_by_role("img", name=re.compile("^Layered.* combined map of the probe"))
    tile.hover()
    expect(visit.locator(".st-key-maps .readout")).to_contain_text("Probe, layered: x 5")
    tile.focus()
    tile.press("ArrowRight")
    text = visit.locator(".st-key-maps .readout").inner_text()
    x, y, value = re.search(r"x (\d+), y (\d+), value (\S+),", text).groups()
    assert float(value) == pytest.approx(values[int(y), int(x)], rel=0.03, abs=2e-8)


def test_the_decision_follows_the_threshold_while_it_is_dragged_and_the_page_when_it_is_let_go(visit) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    title, slider = visit.get_by_role("heading", level=1), visit.get_by_role("slider", name="Decision threshold")
    follows = visit.locator(".st-key-threshold .readout")
    expect(follows).to_be_hidden()
    wait_for_verdict(visit)
    slider.scroll_into_view_if_needed()
    next_frame(visit)
    box = slider.bounding_box()
    visit.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.mouse.down()
    expect(follows).to_contain_text(re.compile(r"0\.3\d\d0: match\s*margin \+0\.\d{4}\s*FMR .*interval.*\s*FNMR "))
    visit.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=5)
    expect(follows).to_contain_text(
        re.compile(r"(0\.[89]\d\d0|1\.0000): non-match\s*margin -0\.\d{4}\s*FMR 0\.00.% .*\s*FNMR \d\d")
    )
    expect(title).to_have_text("The model's score is above the threshold: match")
    assert "threshold_sface" not in visit.url
    visit.mouse.up()
    expect(title).to_have_text("The model's score is below the threshold: non-match")
    expect(visit).to_have_url(re.compile(r"threshold_sface=(0\.[89]|1)"))
    expect(follows).to_be_hidden()


def test_moving_the_threshold_changes_decision_and_url_and_survives_reload(visit) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    slider = visit.get_by_role("slider", name="Decision threshold")
    slider.focus()
    for key in ["PageUp"] * 12 + ["ArrowRight", "Shift+ArrowLeft"]:
        slider.press(key)
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.8967")
    expect(visit.get_by_role("heading", level=1)).to_have_text("The model's score is below the threshold: non-match")
    expect(visit).to_have_url(re.compile("threshold_sface=0.8967"))
    visit.reload()
    wait_for_maps(visit)
    assert metric(visit, "Threshold") == 0.8967
    visit.get_by_role("button", name="Published").click()
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.3630")
    expect(visit.get_by_text("0.3630: Recommended by OpenCV")).to_be_visible()
    field = visit.get_by_role("spinbutton", name="Decision threshold")
    field.fill("0.4321")
    field.press("Enter")
    expect(visit.get_by_test_id("stMetric").filter(has_text="Threshold")).to_contain_text("0.4321")


def test_uploads_survive_reload_but_not_another_browser(visit, browser) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, SAMPLES / "joe_biden_1.jpg", SAMPLES / "eileen_collins_1.jpg")
    expect(visit.get_by_role("heading", level=1)).to_have_text("The model's score is below the threshold: non-match")
    wait_for_maps(visit)
    score = metric(visit, "Score")
    visit.reload()
    wait_for_maps(visit)
    assert metric(visit, "Score") == score
    stranger = browser.new_context()
    page = stranger.new_page()
    page.goto(visit.url)
    expect(page.get_by_text("The probe is no longer kept here. Upload it again.")).to_be_visible()
    assert page.locator(TILES).count() == 0
    stranger.close()


def test_a_removed_upload_is_gone_with_what_was_computed_from_it(visit) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, SAMPLES / "joe_biden_1.jpg", SAMPLES / "eileen_collins_1.jpg")
    wait_for_maps(visit)
    address = visit.url
    visit.get_by_test_id("stFileUploader").filter(has_text="Probe").get_by_role("button", name="Remove").click()
    expect(visit.get_by_text("The probe was removed: it and what was computed from it")).to_be_visible()
    expect(visit.get_by_role("heading", level=1)).to_have_text("Upload two photographs")
    expect(visit.locator(TILES)).to_have_count(0)
    expect(visit).not_to_have_url(re.compile("[?&]probe="))
    expect(visit).to_have_url(re.compile("[?&]reference="))
    visit.get_by_role("link", name="Models").click()
    expect(visit.get_by_role("heading", level=1)).to_have_text("Face recognition models")
    expect(visit.get_by_text("Pair in hand")).to_have_count(0)
    visit.goto(address)
    expect(visit.get_by_text("The probe is no longer kept here. Upload it again.")).to_be_visible()
    expect(visit.get_by_text("Reference: eileen_collins_1.jpg")).to_be_visible()


def test_another_upload_takes_the_place_of_the_first(visit) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, SAMPLES / "joe_biden_1.jpg", SAMPLES / "eileen_collins_1.jpg")
    wait_for_maps(visit)
    address = visit.url
    upload(visit, SAMPLES / "barack_obama_1.jpg", SAMPLES / "eileen_collins_1.jpg")
    expect(visit.get_by_text("barack_obama_1.jpg").first).to_be_visible()
    wait_for_maps(visit)
    visit.goto(address)
    expect(visit.get_by_text("The probe is no longer kept here. Upload it again.")).to_be_visible()


def test_no_photograph_is_to_be_had_by_its_address(visit) -> None:
    fetched: list[str] = []
    visit.on("request", lambda request: fetched.append(urllib.parse.urlsplit(request.url).path))
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, SAMPLES / "joe_biden_1.jpg", SAMPLES / "eileen_collins_1.jpg")
    name = "probe photograph joe_biden_1.jpg with its landmarks"
    picture = visit.get_by_role("img", name=name, exact=True)
    expect(picture).to_be_visible()
    wait_for_maps(visit)
    assert picture.evaluate("(image) => [image.naturalWidth, image.src.slice(0, 22)]") == [
        640,
        "data:image/png;base64,",
    ]
    column = picture.locator("xpath=ancestor::*[@data-testid='stColumn'][1]").bounding_box()
    assert picture.bounding_box()["width"] == pytest.approx(column["width"], abs=2)
    assert [path for path in fetched if path.startswith("/media/") and not path.endswith(".svg")] == []


def test_with_two_faces_the_user_picks(visit, two_faces) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, two_faces, SAMPLES / "barack_obama_1.jpg")
    expect(visit.get_by_text("2 faces in this photograph").first).to_be_visible()
    wait_for_maps(visit)
    largest = metric(visit, "Score")
    visit.get_by_role("radio", name="2").or_(visit.get_by_role("button", name="2", exact=True)).first.click()
    expect(visit.get_by_test_id("stMetric").filter(has_text="Score")).not_to_contain_text(f"{largest:.4f}")
    assert metric(visit, "Score") > largest
    visit.reload()
    wait_for_maps(visit)
    assert metric(visit, "Score") > largest


def test_without_a_face_the_user_places_the_landmarks(visit, no_face) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, no_face, SAMPLES / "barack_obama_1.jpg")
    expect(visit.get_by_text("no face was found in the probe")).to_be_visible()
    assert visit.locator(TILES).count() == 0
    first = visit.get_by_role("button", name=re.compile("eye on the left"))
    first.focus()
    first.press("Shift+ArrowUp")
    visit.get_by_role("button", name="Use these landmarks").click()
    wait_for_maps(visit)
    expect(visit.get_by_text("The landmarks were placed by hand.").first).to_be_visible()
    visit.reload()
    wait_for_maps(visit)
    expect(visit.get_by_text("The landmarks were placed by hand.").first).to_be_visible()


def test_a_corrupt_file_is_a_sentence(visit, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((SAMPLES / "joe_biden_1.jpg").read_bytes()[:5000])
    visit.goto("/")
    wait_for_maps(visit)
    visit.get_by_text("Upload", exact=True).first.click()
    visit.get_by_test_id("stFileUploader").filter(has_text="Probe").locator("input[type=file]").set_input_files(broken)
    expect(visit.get_by_text("the file is damaged or cut short")).to_be_visible()
    assert "Traceback" not in visit.inner_text("body")


def test_the_same_file_twice_is_pointed_out(visit) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    upload(visit, SAMPLES / "joe_biden_1.jpg", SAMPLES / "joe_biden_1.jpg")
    expect(visit.get_by_text("Probe and reference are the same file")).to_be_visible()


@pytest.mark.parametrize("visit", ["dark"], indirect=True)
def test_the_dark_theme_follows_the_system(visit) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    colours = visit.evaluate(
        """() => {
            const main = getComputedStyle(document.querySelector('[data-testid=stApp]'));
            return [main.backgroundColor, main.color].map((c) => c.match(/[0-9]+/g).map(Number));
        }"""
    )
    assert max(colours[0][:3]) < 60
    assert min(colours[1][:3]) > 180


def test_downloads_open_and_hold_the_right_arrays(visit, tmp_path, sface) -> None:
    visit.goto("/?sample=Obama+3+/+Biden+1")
    wait_for_maps(visit)
    wait_for_verdict(visit)
    pair = [align_face(open_photo(SAMPLES / f"{name}.jpg")) for name in ("barack_obama_3", "joe_biden_1")]
    expected = explain(sface, *pair, "layered")
    files = {}
    for label in ("Raw maps (npz)", "Pictures (png, zip)", "Result (json)", "Everything (zip)"):
        with visit.expect_download() as waiting:
            visit.get_by_role("button", name=label).click()
        files[label] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[label])
    with zipfile.ZipFile(files["Raw maps (npz)"]) as archive:
        assert archive.comment.decode() == CAUTION
    with np.load(files["Raw maps (npz)"], allow_pickle=False) as maps:
        assert sorted(maps.files) == sorted(expected.maps())
        for name, values in expected.maps().items():
            assert maps[name].dtype == np.float32
            assert np.abs(maps[name] - values).max() <= 0.02 * np.abs(values).max()
    record = json.loads(files["Result (json)"].read_text())
    assert record["decision"] == "non-match"
    assert record["trust_check"]["verdict"] in ("stable", "unstable")
    assert len(record["trust_check"]["stability"]) == 5
    assert record["score"] == pytest.approx(expected.score, abs=1e-5)
    assert record["weights_sha256"] == sface.weights_sha256
    with zipfile.ZipFile(files["Pictures (png, zip)"]) as pictures:
        assert len(pictures.namelist()) == 8
        for name in pictures.namelist():
            Image.open(io.BytesIO(pictures.read(name))).verify()
    with zipfile.ZipFile(files["Everything (zip)"]) as everything:
        assert {"result.json", "maps.npz", "probe_combined.png"} <= set(everything.namelist())
        assert {"xssab/maps.npz", "xface2/result.json"} <= set(everything.namelist())


def test_an_lfw_pair_is_picked_by_name(visit, lfw) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    visit.get_by_text("LFW", exact=True).first.click()
    box = visit.get_by_test_id("stSidebar").get_by_role("combobox").first
    box.click()
    box.fill("Abel Pacheco")
    visit.get_by_role("option").first.click()
    expect(visit.get_by_text("Abel_Pacheco_0001.jpg").first).to_be_visible()
    wait_for_maps(visit)
    expect(visit.get_by_text("Genuine pair:")).to_contain_text("4,200 of 6,000 official pairs")


def test_methods_stand_side_by_side_and_say_what_they_cost(visit, samples, sface) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    comparison = visit.locator(".st-key-comparison .tile")
    expect(comparison).to_have_count(8)
    for method_id in ("xssab", "layered", "xface2", "xcos-s"):
        title = re.escape(METHODS[method_id].info.short_title)
        expect(visit.get_by_role("img", name=re.compile(f"^{title} map of the reference"))).to_be_visible()
    expect(visit.get_by_role("button", name=re.compile("^Compute"))).to_have_count(0)
    visit.locator(".st-key-methods").get_by_text("xCos S").click()
    expect(comparison).to_have_count(6)
    expect(visit).to_have_url(re.compile("methods="))


def test_a_slow_method_shows_maps_on_the_way_tells_its_progress_and_can_be_stopped(visit, browser, app, capsys) -> None:
    visit.goto(f"{ORDINARY}&patch=true")
    wait_for_maps(visit)
    expect(visit.locator(".st-key-comparison .tile")).to_have_count(6)
    visit.get_by_role("button", name=re.compile(r"Compute xFace 2: about \d+ (s|min)$")).click()
    started = time.perf_counter()
    on_the_way = visit.get_by_role("img", name=re.compile(r"^xFace 2, [\d,]+ of 2,260 passes map of the probe"))
    on_the_way.wait_for()
    with capsys.disabled():
        print(f"first map of xFace: {time.perf_counter() - started:.2f} s after it was asked for")
    expect(visit.locator(".st-key-comparison .tile")).to_have_count(8)
    expect(
        visit.get_by_text(re.compile(r"xFace 2: [1-9][\d,]* of 2,260 forward passes, about \d:\d\d:\d\d left"))
    ).to_be_visible()
    # Another user is served meanwhile.
    stranger = browser.new_context(base_url=app.url)
    page = stranger.new_page()
    started = time.perf_counter()
    page.goto("/?sample=Obama+3+/+Biden+1")
    page.locator(f"{TILES} img").first.wait_for()
    with capsys.disabled():
        print(f"first picture while another user's xFace runs: {time.perf_counter() - started:.2f} s")
    expect(page.get_by_text(re.compile(r"xFace 2: \d"))).to_have_count(0)
    stranger.close()
    stop = visit.get_by_role("button", name="Stop")
    expect(stop).to_have_count(1, timeout=90_000)  # what the page did of itself has ended
    stop.click()
    expect(visit.get_by_text("xFace 2: Stopped.")).to_be_visible()
    expect(visit.get_by_role("button", name=re.compile("Compute xFace 2"))).to_be_visible()


@pytest.mark.alone
def test_the_trust_panel_speaks_in_sentences_made_of_numbers(visit) -> None:
    visit.goto("/")
    wait_for_maps(visit)
    wait_for_verdict(visit)
    panel = visit.get_by_test_id("stMain")
    expect(panel.get_by_text(re.compile(r"randomised \(rank correlation -?\d\.\d\d\)"))).to_be_visible(timeout=90_000)
    expect(panel.get_by_text(re.compile(r"JPEG of quality 75 .* \(rank correlation \d\.\d\d\)"))).to_be_visible()
    expect(panel.get_by_text(re.compile(r"Layered .* and xCos S"))).to_be_visible()


def test_regions_and_what_would_flip_it_are_drawn(visit) -> None:
    visit.goto("/?sample=Obama+1+/+Biden+1")
    wait_for_maps(visit)
    button = visit.get_by_role("button", name="Find what flips the decision")
    flips = visit.get_by_text("random orders turn it")
    button.or_(flips).first.wait_for()  # a busy machine is asked to do it
    if button.is_visible():
        button.click()
    flips.wait_for()
    for name in (
        "of the probe with the outlines of nine",
        "outline of the pixels that flip it",
        "after the replacement",
    ):
        picture = visit.get_by_role("img", name=name)
        expect(picture).to_be_visible()
        assert picture.evaluate("img => img.naturalWidth") == 112


def test_drawing_and_looking_happen_in_the_browser_and_the_address_follows(visit) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    wait_for_verdict(visit)
    large = visit.locator(f"{TILES}.large").first
    canvas = large.locator("canvas").element_handle()
    drawn = "(box, canvas) => canvas.getContext('2d').getImageData(0, 0, 112, 112).data.join()"
    box = visit.get_by_role("combobox", name="Colours")
    before = box.evaluate(drawn, canvas)
    # In one turn of the browser, in which no server can answer.
    choose = "box.value = 'orange-blue'; box.dispatchEvent(new Event('change'));"
    after = box.evaluate(drawn.replace("=> canvas", f"=> {{ {choose} return canvas") + " }", canvas)
    assert after != before
    expect(visit).to_have_url(re.compile("palette=Orange"))
    assert box.evaluate(drawn, canvas) == after
    visit.get_by_role("combobox", name="Large map").select_option("xSSAB")
    expect(visit).to_have_url(re.compile("large=xSSAB"))
    visit.get_by_label("Outline the strongest areas").uncheck()
    expect(visit).to_have_url(re.compile("outlines=off"))
    expect(large).to_have_attribute("aria-label", re.compile("^xSSAB combined map of the probe"))
    large.focus()
    large.press("+")
    views = visit.locator(".st-key-maps .view, .st-key-comparison .view")
    transforms = views.evaluate_all("(views) => [...new Set(views.map((view) => view.style.transform))]")
    assert len(transforms) == 1
    assert "scale(1.5)" in transforms[0]
    visit.get_by_role("combobox", name="Compare").select_option("wipe-faces")
    visit.get_by_role("slider", name="Wipe").fill("100")
    other = visit.locator(f"{TILES}.large .over-all").first
    assert other.get_attribute("src") == visit.locator(".st-key-maps .row").nth(1).locator(
        ".view > img:first-child"
    ).first.get_attribute("src")
    visit.get_by_role("combobox", name="Compare").select_option("blink-photo")
    assert other.evaluate("(image) => getComputedStyle(image).animationDuration") == "1s"
    visit.reload()
    wait_for_maps(visit)
    expect(visit.locator(".st-key-maps").get_by_role("combobox", name="Colours")).to_have_value("orange-blue")
    expect(visit.get_by_role("combobox", name="Large map")).to_have_value("xSSAB")
    outlines = visit.get_by_label("Outline the strongest areas")
    expect(outlines).not_to_be_checked()
    visit.go_back()
    expect(outlines).to_be_checked()
    visit.go_forward()
    expect(outlines).not_to_be_checked()


def test_the_photograph_stands_beside_its_map_and_shows_the_same_place(visit, samples) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    image = visit.locator(".st-key-maps .original image")
    expect(image).to_have_count(0)
    visit.get_by_label("Photograph beside it").check()
    expect(image).to_have_count(2)
    expect(visit).to_have_url(re.compile("original=beside"))
    sent = image.first.get_attribute("href")
    with Image.open(io.BytesIO(base64.b64decode(sent.split(",")[1]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), samples["barack_obama_1"].photo.pixels)
    photograph = visit.get_by_role("img", name=re.compile("^Photograph barack_obama_1.jpg"))
    photograph.focus()
    photograph.press("+")
    for _ in range(3):
        photograph.press("Shift+ArrowRight")
    expect(visit.locator(".st-key-maps .readout")).to_contain_text(re.compile(r"^Probe, photograph: x \d+, y \d+$"))

    def reach(tile: str) -> float:
        """How far from the middle of a tile its cross lies, in sides of the tile."""
        figure = visit.locator(f".st-key-maps figure.{tile}").first
        box, cross = figure.locator(".tile").bounding_box(), figure.locator(".cross, .spot").bounding_box()
        middles = [(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2) for at in (box, cross)]
        return float(np.hypot(*np.subtract(*middles)) / box["width"])

    assert reach("large:not(.original)") == pytest.approx(1.5 * 24 / 112, rel=0.05)
    assert reach("original") == pytest.approx(reach("large:not(.original)"), rel=0.05)
