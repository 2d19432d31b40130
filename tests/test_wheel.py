"""The wheel: built from this tree, installed beside the libraries that are here, and used from another folder."""

import json
import os
import socket
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

import xssab_core
from tests.e2e.app_process import ROOT, App, start_app

pytestmark = pytest.mark.slow

APP = PurePosixPath("xssab_core/_app")
MEGABYTES = 6
OPEN_TO_ALL = '[server]\naddress = "0.0.0.0"\n[browser]\ngatherUsageStats = true\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A fresh environment that has the wheel, and by a path file the libraries of this one."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    (_packages(environment) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    _pip("--python", environment, "install", "--no-deps", "--no-index", wheel)
    return environment


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A folder that is not the checkout, where we are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def app(installed, elsewhere) -> Iterator[App]:
    """The installed app, started where a configuration of Streamlit would open it to the network."""
    (elsewhere / ".streamlit").mkdir()
    (elsewhere / ".streamlit" / "config.toml").write_text(OPEN_TO_ALL)
    running = start_app(elsewhere / "log.txt", [str(_command(installed)), "app"], elsewhere)
    yield running
    running.process.terminate()
    running.process.wait(20)


def test_the_wheel_holds_the_program_and_nothing_else(wheel) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    program = _files("xssab_core")
    app = {str(APP / name) for name in _files("ui", "pages", "assets", ".streamlit") | {"app.py"}}
    assert held == program | app
    assert "xssab_core/py.typed" in held
    assert wheel.stat().st_size < MEGABYTES * 2**20


def test_the_wheel_has_the_version_of_the_package(wheel) -> None:
    assert wheel.name.split("-")[:2] == ["xssab", xssab_core.__version__]


def test_the_installed_command_explains_a_shipped_pair_in_another_folder(installed, elsewhere, sface) -> None:
    samples = _packages(installed) / APP / "assets" / "samples"
    pair = [samples / "barack_obama_1.jpg", samples / "barack_obama_2.jpg"]
    subprocess.run([_command(installed), "explain", *pair, "--output", "result"], check=True)
    record = json.loads((elsewhere / "result" / "result.json").read_text())
    assert record["decision"] == "match"
    assert record["versions"]["xssab"] == xssab_core.__version__


def test_the_installed_app_answers_this_machine_and_nobody_else_whatever_the_folder_configures(app) -> None:
    port = int(app.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):  # a server on 0.0.0.0 would answer here too
        socket.create_connection(("127.0.0.2", port), timeout=5)
    assert "URL: http://127.0.0.1" in app.log.read_text()
    assert "usage statistics" not in app.log.read_text().lower()


def _pip(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], check=True, cwd=ROOT)


def _files(*folders: str) -> set[str]:
    """The files of folders of this tree, relative to it, without what Python and the tests leave there."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def _packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))


def _command(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / "xssab"
