"""What all tests share."""

from __future__ import annotations

import pytest

from xssab_core import AlignedFace, align_face, load_model, open_photo
from xssab_core.models import TorchFaceModel
from xssab_core.paths import ASSETS


@pytest.fixture(scope="session")
def sface() -> TorchFaceModel:
    """The embedded default model."""
    model = load_model("sface")
    assert isinstance(model, TorchFaceModel)
    return model


@pytest.fixture(scope="session")
def samples() -> dict[str, AlignedFace]:
    """The sample faces by file stem."""
    return {path.stem: align_face(open_photo(path)) for path in sorted((ASSETS / "samples").glob("*.jpg"))}
