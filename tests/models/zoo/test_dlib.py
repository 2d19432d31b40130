"""dlib: equal to dlib's own, and explained on real faces; SFace beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xssab_core.data.crops import CropCache
from xssab_core.errors import WeightsError
from xssab_core.explain import explain
from xssab_core.faces import AlignedFace
from xssab_core.models.base import TorchFaceModel
from xssab_core.models.calibration import calibration_of
from xssab_core.models.registry import entry_of
from xssab_core.models.zoo import dlib_resnet


@pytest.mark.slow
def test_embeddings_of_20_faces_equal_those_of_the_dlib_package(dlib_model: TorchFaceModel, lfw_folder: Path) -> None:
    dlib = pytest.importorskip("dlib", reason="the dlib package does not install here")
    people = sorted((lfw_folder / "lfw-deepfunneled").iterdir())[::150][:20]
    photos = [next(person.glob("*.jpg")) for person in people]
    crops = [CropCache.default().crop(photo, dlib_resnet.TEMPLATE) for photo in photos]
    faces = np.stack([crop for crop in crops if crop is not None])
    assert faces.shape == (20, 150, 150, 3)
    original = dlib.face_recognition_model_v1(str(entry_of("dlib").fetch()))
    expected = np.array([np.array(original.compute_face_descriptor(face)) for face in faces])
    found = dlib_model.network(dlib_model.pixels(faces)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_a_file_that_is_not_dlibs_network_is_refused(tmp_path: Path, dlib_model: TorchFaceModel) -> None:
    path = tmp_path / "network.dat"
    path.write_bytes(b"\x01\x05con_4\x01\x02\x01\x03")
    with pytest.raises(WeightsError, match=r"network\.dat is not dlib's face recognition network"):
        dlib_resnet.convert(path)
    path.write_bytes(entry_of("dlib").fetch().read_bytes()[:-100_000])  # ends within the last layer
    with pytest.raises(WeightsError, match="is not dlib's"):
        dlib_resnet.convert(path)


@pytest.mark.parametrize("name", ["sface", "dlib_model"])
def test_xssab_explains_a_match_and_a_non_match(
    name: str, samples: dict[str, AlignedFace], request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    size = model.info.template.size
    for other, matches in (("barack_obama_2", True), ("joe_biden_1", False)):
        result = explain(model, samples["barack_obama_1"], samples[other], threshold="eer")
        assert result.is_match == matches
        assert result.probe.combined is not None
        assert result.probe.combined.shape == (size, size)
        assert result.probe.combined.min() < 0 < result.probe.combined.max()


def test_dlib_ships_with_a_calibration_that_says_what_it_covers(dlib_model: TorchFaceModel) -> None:
    calibration = calibration_of("dlib", dlib_model.weights_sha256)
    assert calibration is not None
    assert calibration.coverage == "4,200 of 6,000 pairs"
    assert set(calibration.genuine_folds.tolist()) == {1, 2, 3, 4, 5, 6, 7}
    assert dlib_model.thresholds[0].name == "eer"
    # Impostors score about 0.83 with this model, so a threshold as low as other models' would match everybody.
    assert np.median(calibration.impostor) == pytest.approx(0.83, abs=0.02)
    assert 0.88 < dlib_model.thresholds[0].value < 0.93


@pytest.mark.slow
def test_the_shipped_calibration_of_dlib_is_what_its_faces_score(dlib_model: TorchFaceModel, lfw_folder: Path) -> None:
    from xssab_core.data.lfw import open_lfw
    from xssab_core.scoring.calibrate import calibrate_on_lfw

    shipped = calibration_of("dlib", dlib_model.weights_sha256)
    assert shipped is not None
    data = open_lfw(lfw_folder)
    pairs = [pair for pair in data.pairs if pair.fold == 1]
    some = [*pairs[:3], *pairs[-3:]]
    assert [pair.genuine for pair in some] == [True] * 3 + [False] * 3
    found = calibrate_on_lfw(dlib_model, replace(data, pairs=tuple(some)), CropCache.default())
    np.testing.assert_allclose(found.genuine, shipped.genuine[shipped.genuine_folds == 1][:3], atol=2e-3)
    np.testing.assert_allclose(found.impostor, shipped.impostor[shipped.impostor_folds == 1][-3:], atol=2e-3)
