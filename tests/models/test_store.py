"""The weight store: right file or no file, fetched once, kept safe."""

import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from xssab_core.commands.arguments import sentence
from xssab_core.errors import OutputError, WeightsError
from xssab_core.models import fetch_model, load_model, verify_model
from xssab_core.models.registry import MODELS
from xssab_core.models.store import PackageSource, UrlSource, WeightsFile, fetch


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    """A store of its own that already holds the original file."""
    original = fetch_model("sface")
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    folder = tmp_path / "models" / "sface"
    folder.mkdir(parents=True)
    shutil.copy(original, folder)
    return folder


def test_the_store_moves_with_its_variable(store) -> None:
    assert load_model("sface").weights_sha256 == MODELS["sface"].weights.sha256
    assert (store / "weights.safetensors").exists()


def test_a_fetched_file_is_not_fetched_again(store) -> None:
    before = (store / MODELS["sface"].weights.filename).stat().st_mtime_ns
    messages: list[str] = []
    path = fetch_model("sface", lambda message, *_: messages.append(message))
    assert path.stat().st_mtime_ns == before
    assert messages == []


def test_verify_finds_a_changed_byte(store) -> None:
    verify_model("sface")
    path = store / MODELS["sface"].weights.filename
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="Delete it and fetch it again") as caught:
        verify_model("sface")
    assert sentence(caught.value, Namespace()).endswith("Run: xssab models fetch sface")


def test_damaged_converted_weights_are_made_anew(store) -> None:
    load_model("sface")
    (store / "weights.safetensors").write_bytes(b"damaged")
    load_model("sface")
    assert (store / "weights.safetensors").stat().st_size > 30_000_000


def test_when_all_sources_fail_the_advice_names_each_and_the_place(tmp_path) -> None:
    sources = (PackageSource("no-such-package-of-xssab==0.0.0", "x"), UrlSource("http://127.0.0.1:9/file"))
    with pytest.raises(WeightsError) as caught:
        fetch(WeightsFile("file.onnx", "0" * 64, sources), tmp_path)
    message = str(caught.value)
    for part in ("no-such-package-of-xssab", "127.0.0.1:9", str(tmp_path / "file.onnx"), "sha256"):
        assert part in message


def test_a_store_that_cannot_be_written_says_how_to_move_it(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="XSSAB_HOME"):
        fetch(WeightsFile("a", "0" * 64, ()), tmp_path / "file" / "models")


def test_two_processes_that_fetch_at_once_both_get_the_file(tmp_path) -> None:
    environment = {"XSSAB_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    code = "import os; from xssab_core.cli import main; raise SystemExit(main(['models', 'fetch', 'sface']))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=_environment(environment), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    if all(process.returncode for process in processes) and "could not be fetched" in errors[0]:
        pytest.skip("no source of the default weights is reachable")
    assert [process.returncode for process in processes] == [0, 0], errors
    assert sum("Fetching" in error for error in errors) == 1
    assert not list((tmp_path / "models" / "sface").glob("*.part"))


def _environment(changes: dict[str, str]) -> dict[str, str]:
    import os

    return {**os.environ, **{key: value for key, value in changes.items() if key != "PATH"}}
