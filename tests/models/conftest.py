"""What the tests of models share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xssab_core import paths
from xssab_core.cli import main
from xssab_core.errors import WeightsError
from xssab_core.models import load_model
from xssab_core.models.base import TorchFaceModel
from xssab_core.models.registry import entry_of


@pytest.fixture(scope="session")
def sface_file(sface: TorchFaceModel) -> Path:
    """The original file of SFace, in the user's own store whatever a test's store is."""
    return entry_of("sface").fetch()


@pytest.fixture(scope="session")
def dlib_model() -> TorchFaceModel:
    try:
        model = load_model("dlib", "cpu")
    except WeightsError as error:
        pytest.skip(f"the weights of dlib cannot be had here: {error}")
    assert isinstance(model, TorchFaceModel)
    return model


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store for this test alone."""
    home = tmp_path / "home"
    monkeypatch.setenv("XSSAB_HOME", str(home))
    assert paths.home() == home
    return home


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call
