"""Memory of the app's server: does it grow with reloads and uploads?

    python measurements/server_memory.py [--times 200] [--first 20]

Starts the app, lets a browser load Inspect and then upload a photograph anew, each so many times, and compares the
server's resident memory at the end with what it was after the first few. Needs what the tests need, and Linux.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image
from playwright.sync_api import FilePayload, Page, sync_playwright

from tests.e2e.app_process import App, start_app
from tests.e2e.conftest import QUIET
from xssab_core.paths import ASSETS

RESULT = Path(__file__).with_suffix(".json")
PICTURE = ".st-key-maps .tile img"


def resident_mib(app: App) -> float:
    """Resident memory of the server's process, MiB."""
    pages = int(Path(f"/proc/{app.process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def reload(page: Page, number: int) -> None:
    """Load the sample pair anew."""
    page.goto("/inspect")
    page.locator(PICTURE).first.wait_for()


def upload(page: Page, number: int) -> None:
    """Give another probe: the sample photograph with one pixel of its own."""
    with Image.open(ASSETS / "samples" / "barack_obama_1.jpg") as picture:
        picture.putpixel((0, 0), (number % 256, number // 256, 0))
        encoded = io.BytesIO()
        picture.save(encoded, "PNG")
    name = f"probe{number}.png"
    given = FilePayload(name=name, mimeType="image/png", buffer=encoded.getvalue())
    page.locator("input[type=file]").first.set_input_files(given)
    page.get_by_role("img", name=f"Aligned crop of the probe, {name}", exact=True).wait_for()


def repeated(app: App, act: Callable[[Page, int], None], page: Page, times: int, first: int) -> dict[str, float]:
    """What the server holds after the first few times, and at the end."""
    held = 0.0
    for number in range(times):
        act(page, number)
        if number + 1 == first:
            held = resident_mib(app)
    end = resident_mib(app)
    return {"after_first_mib": round(held, 1), "at_end_mib": round(end, 1), "ratio": round(end / held, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--first", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = start_app(Path(folder) / "log.txt")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_context(base_url=app.url).new_page()
        page.set_default_timeout(120_000)
        try:
            result: dict[str, object] = {"times": given.times, "first": given.first}
            result["reloads"] = repeated(app, reload, page, given.times, given.first)
            print(result["reloads"], flush=True)
            page.goto("/inspect?source=Upload")
            page.locator("input[type=file]").nth(1).set_input_files(ASSETS / "samples" / "barack_obama_2.jpg")
            result["uploads"] = repeated(app, upload, page, given.times, given.first)
            print(result["uploads"], flush=True)
        finally:
            browser.close()
            app.process.terminate()
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
