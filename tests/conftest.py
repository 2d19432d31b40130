"""What the tests share: the real model, the sample photographs, a tiny LFW, the real LFW where it is present."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_lfw import write_tiny_lfw
from xssab_core import AlignedFace, align_face, load_model, open_photo, paths
from xssab_core.cli import main
from xssab_core.data.lfw import Lfw, open_lfw
from xssab_core.errors import WeightsError
from xssab_core.models import TorchFaceModel
from xssab_core.models.registry import entry_of
from xssab_core.paths import ASSETS

LFW_FOLDER = ASSETS.parent.parent / "shared" / "lfw"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests are slow; what is slow runs after the rest."""
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def pytest_collection_finish() -> None:
    """Streamlit collects garbage after each run of a page: as in the app, not of what has been imported."""
    gc.freeze()


@pytest.fixture(scope="session")
def sface() -> TorchFaceModel:
    model = load_model("sface", device="cpu")
    assert isinstance(model, TorchFaceModel)
    return model


@pytest.fixture(scope="session")
def samples() -> dict[str, AlignedFace]:
    return {path.stem: align_face(open_photo(path)) for path in sorted((ASSETS / "samples").glob("*.jpg"))}


@pytest.fixture(scope="session")
def sample_path() -> Path:
    return ASSETS / "samples" / "barack_obama_1.jpg"


@pytest.fixture(scope="session")
def tiny_lfw(samples, tmp_path_factory) -> Path:
    """24 pairs of three people, see `write_tiny_lfw`."""
    root = tmp_path_factory.mktemp("lfw")
    write_tiny_lfw(root, samples)
    return root


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    """A crop cache shared by the tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def lfw_folder() -> Path:
    if not LFW_FOLDER.is_dir():
        pytest.skip("the real LFW is not at ../shared/lfw")
    return LFW_FOLDER


@pytest.fixture(scope="session")
def lfw(lfw_folder) -> Lfw:
    return open_lfw(lfw_folder)


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
