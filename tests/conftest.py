"""What the tests share: the real model, the sample photographs, a tiny LFW, the real LFW where it is present."""

from pathlib import Path

import pytest

from tests.tiny_lfw import write_tiny_lfw
from xssab_core import AlignedFace, align_face, load_model, open_photo
from xssab_core.benchmark.lfw import Lfw, open_lfw
from xssab_core.models import TorchFaceModel
from xssab_core.paths import ASSETS

LFW_FOLDER = ASSETS.parent.parent / "shared" / "lfw"


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
