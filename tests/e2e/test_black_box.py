"""A vendor's program in the app: score and black-box methods, and the reason why others cannot run."""

import subprocess
import sys

from playwright.sync_api import expect

from tests.e2e.app_process import ROOT, start_app
from xssab_core import paths

# Thumbnails as embeddings: a real, if poor, recogniser that any machine can run.
PROGRAM = """
import sys
import numpy as np

images = np.load(sys.argv[1]).astype(np.float32)
thumbnails = images.reshape(len(images), 8, 14, 8, 14, 3).mean((2, 4, 5)).reshape(len(images), 64)
np.save(sys.argv[2], thumbnails - thumbnails.mean(1, keepdims=True))
"""


def test_a_black_box_is_scored_and_white_box_methods_say_why_they_cannot_run(browser, tmp_path, sface) -> None:
    home, program = tmp_path / "home", tmp_path / "vendor.py"
    (home / "models").mkdir(parents=True)
    (home / "models" / "sface").symlink_to(paths.home() / "models" / "sface")
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "xssab_core", "models", "add", "--id", "vendor", "--title", "Vendor"]
    command += ["--command", f"{sys.executable} {program}", "--size", "112"]
    environment = {"XSSAB_HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    running = start_app(tmp_path / "log.txt", XSSAB_HOME=str(home))
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{running.url}/?model=Vendor")
    expect(page.get_by_test_id("stMetric").filter(has_text="Model")).to_contain_text("vendor")
    expect(page.get_by_text("xFace explains it from its embeddings alone")).to_be_visible()
    expect(page.get_by_text("xSSAB needs a differentiable model; vendor is a black box").first).to_be_visible()
    methods = page.locator(".st-key-methods")
    expect(methods.get_by_text("xFace 2")).to_be_visible()
    expect(methods.get_by_text("xSSAB", exact=True)).to_have_count(0)
    expect(page.locator(".st-key-comparison .tile")).to_have_count(2)
    context.close()
    running.process.terminate()
    running.process.wait(20)
    assert "Uncaught" not in running.log.read_text()
