"""Running it for others: what the Dockerfile copies and starts, behind the proxy that docs/deploy.md shows."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.app_process import ROOT, free_port, start_app
from tests.e2e.test_inspect import wait_for_maps

CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout faces.key -out faces.pem"


def _instructions(name: str) -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(f"{name} ")]


@pytest.fixture
def image(tmp_path) -> Path:
    """A folder with what the Dockerfile copies, and nothing else."""
    folder = tmp_path / "app"
    for line in _instructions("COPY"):
        source, target = line.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, folder / target)
    return folder


@pytest.fixture
def proxy(tmp_path) -> Iterator[tuple[str, int]]:
    """nginx as docs/deploy.md sets it up: its address, and the port where it looks for the app."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed; make test installs it on Debian")
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    public, inner = free_port(), free_port()
    for before, after in (
        ("listen 443", f"listen 127.0.0.1:{public}"),
        ("127.0.0.1:8501", f"127.0.0.1:{inner}"),
        ("/etc/ssl/", f"{tmp_path}/"),
        ("faces.example.org", "localhost"),
    ):
        assert before in block
        block = block.replace(before, after)
    subprocess.run(shlex.split(CERTIFICATE), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; {block} }}"
    )
    command = ["nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    running = subprocess.Popen(command)
    yield f"https://localhost:{public}/faces", inner
    running.terminate()
    running.wait(20)


def test_the_image_serves_under_a_path_behind_a_proxy(browser: Browser, image, proxy, tmp_path, sface) -> None:
    url, port = proxy
    (command,) = _instructions("CMD")[-1:]
    python, *rest = json.loads(command)
    assert python == "python"
    log, hosts = tmp_path / "log.txt", "localhost 127.0.0.1"
    app = start_app(
        log, (sys.executable, *rest), image, port, "/faces", XSSAB_LFW="", STREAMLIT_SERVER_ALLOWED_HOSTS=hosts
    )
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = context.new_page()
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    # Streamlit's browser side looks for the server below the page first, and finds it a level up.
    guesses = {f"{url}/replay/_stcore/{name}" for name in ("health", "host-config")}
    page.goto(f"{url}/")
    wait_for_maps(page)
    page.get_by_role("link", name="Replay: put back what the map names").click()
    expect(page.locator(".st-key-replay .replay .readout")).to_contain_text("replaced")
    assert page.url.startswith(f"{url}/replay")
    assert set(missing) <= guesses
    context.close()
    (check,) = _instructions("HEALTHCHECK")
    code = json.loads(check.partition("CMD")[2])[2].replace("8501", str(port))
    subprocess.run([sys.executable, "-c", code], check=True, env={"STREAMLIT_SERVER_BASE_URL_PATH": "faces"})
    app.process.terminate()
    app.process.wait(20)
    assert "Uncaught" not in log.read_text()
