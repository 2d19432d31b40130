"""How photographs come in: each side on its own, from files and from the camera."""

import base64
import io
import re
import shutil
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import QUIET
from tests.e2e.test_inspect import SAMPLES, upload, wait_for_maps

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def test_a_bad_file_hides_neither_the_other_photograph_nor_its_uploader(visit, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((SAMPLES / "joe_biden_1.jpg").read_bytes()[:5000])
    visit.goto("/?source=Upload")
    upload(visit, broken, SAMPLES / "eileen_collins_1.jpg")
    expect(visit.get_by_test_id("stFileUploader")).to_have_count(2)
    expect(visit.get_by_role("img", name="reference photograph with 1 face")).to_be_visible()
    expect(visit.get_by_test_id("stSidebar").get_by_test_id("stAlert")).to_contain_text("broken.jpg")
    visit.get_by_test_id("stFileUploader").first.locator("input[type=file]").set_input_files(
        SAMPLES / "joe_biden_1.jpg"
    )
    wait_for_maps(visit)


def drop_together(page: Page, *names: str) -> None:
    """Drop sample photographs where both are taken at once, as a file manager does."""
    files = [(f"{name}.jpg", base64.b64encode((SAMPLES / f"{name}.jpg").read_bytes()).decode()) for name in names]
    page.locator(".intake .place").evaluate(
        """(place, files) => {
            const dataTransfer = new DataTransfer();
            for (const [name, data] of files) {
                const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
                dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
            }
            place.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        files,
    )


def copy_picture(page: Page, name: str) -> None:
    """Put a sample photograph on the clipboard, as a browser's "Copy image" does."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Image.open(SAMPLES / f"{name}.jpg") as photograph:
        photograph.save(made := io.BytesIO(), "PNG")
    page.evaluate(
        """async (data) => {
            const picture = await (await fetch("data:image/png;base64," + data)).blob();
            await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        base64.b64encode(made.getvalue()).decode(),
    )


def test_a_pasted_picture_and_two_at_once_find_their_sides_and_swap(visit) -> None:
    visit.goto("/?source=Upload")
    drop_together(visit, "joe_biden_1", "barack_obama_1", "eileen_collins_1")
    expect(visit.locator(".intake .said")).to_contain_text("A pair takes two photographs, not 3")
    assert not re.search("[?&](probe|reference)=", visit.url)
    copy_picture(visit, "joe_biden_1")
    visit.keyboard.press("Control+V")
    expect(visit.get_by_role("img", name="probe photograph with 1 face")).to_be_visible()
    expect(visit.locator(".intake .said")).to_be_empty()
    drop_together(visit, "barack_obama_1", "eileen_collins_1")
    wait_for_maps(visit)
    sides = visit.get_by_role("img", name=re.compile("^Aligned crop of the (probe|reference), "))
    expect(sides.first).to_have_attribute("aria-label", re.compile("probe, barack_obama_1.jpg"))
    visit.get_by_role("button", name="Swap probe and reference").click()
    expect(sides.first).to_have_attribute("aria-label", re.compile("probe, eileen_collins_1.jpg"))
    wait_for_maps(visit)
    # What the fields held is named below them, and goes by its cross.
    visit.get_by_role("button", name="Remove probe: eileen_collins_1.jpg").click()
    expect(visit.get_by_text("The probe was removed")).to_be_visible()
    expect(visit.get_by_role("img", name="reference photograph with 1 face")).to_be_visible()


@pytest.fixture
def in_front_of_the_camera(browser, tmp_path) -> Iterator[Browser]:
    """A browser whose camera films Joe Biden."""
    frame = io.BytesIO()
    with Image.open(SAMPLES / "joe_biden_1.jpg") as photograph:
        photograph.convert("RGB").resize((640, 640)).crop((0, 0, 640, 480)).save(frame, "JPEG")
    film = tmp_path / "film.mjpeg"
    film.write_bytes(frame.getvalue() * 5)
    filming = browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=[*QUIET, *CAMERA, f"--use-file-for-fake-video-capture={film}"]
    )
    yield filming
    filming.close()


def test_a_picture_of_the_camera_is_explained(in_front_of_the_camera, app) -> None:
    context = in_front_of_the_camera.new_context(base_url=app.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/?source=Upload")
    page.get_by_text("Probe from the camera").click()
    take = page.get_by_role("button", name="Take photo")
    take.wait_for()
    page.wait_for_function(
        "() => { const film = document.querySelector('video'); return film && film.currentTime > 1; }"
    )
    take.click()
    expect(page.get_by_role("button", name="Clear photo")).to_be_visible()
    expect(page.get_by_role("img", name="probe photograph with 1 face")).to_be_visible()
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(SAMPLES / "joe_biden_1.jpg")
    wait_for_maps(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("The model's score is above the threshold: match")
    page.get_by_role("button", name="Clear photo").click()
    expect(page.get_by_text("The probe was removed")).to_be_visible()
    context.close()
