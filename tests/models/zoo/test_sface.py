"""SFace is the published network: same embeddings, right decisions."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import onnx
import pytest

from xssab_core.data.crops import CropCache
from xssab_core.errors import ModelError, WeightsError
from xssab_core.metrics import eer
from xssab_core.models import fetch_model
from xssab_core.models.onnx.session import open_session
from xssab_core.models.zoo.sface import convert
from xssab_core.scoring.calibrate import calibrate_on_lfw


@pytest.fixture(scope="module")
def runtime() -> Any:
    graph = onnx.load(fetch_model("sface"))
    data = [i for i in graph.graph.input if i.name == "data"]
    del graph.graph.input[:]
    graph.graph.input.extend(data)
    return open_session(graph.SerializeToString())


def test_embeddings_equal_onnx_runtime(sface, samples, runtime) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    crops = np.concatenate([np.stack([face.crop for face in samples.values()]), noise])
    expected = np.concatenate(
        [runtime.run(None, {"data": crop[None].transpose(0, 3, 1, 2).astype(np.float32)})[0] for crop in crops]
    )
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(sface.embed(crops), expected, atol=1e-4)


def test_embeddings_are_unit_rows_whatever_the_batch(sface, samples) -> None:
    crops = np.stack([face.crop for face in samples.values()] * 8)
    together = sface.embed(crops)
    assert together.dtype == np.float32
    assert together.shape == (len(crops), sface.info.embedding_size)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-6)
    apart = np.concatenate([sface.embed(crop[None]) for crop in crops[:5]])
    np.testing.assert_allclose(together[:5], apart, atol=1e-5)


def test_sample_pairs_fall_on_their_side_of_the_default_threshold(sface, samples) -> None:
    embeddings = {name: sface.embed(face.crop[None])[0] for name, face in samples.items()}
    threshold = sface.thresholds[0]
    assert threshold.name == "eer"
    for first, second in combinations(embeddings, 2):
        genuine = first.rsplit("_", 1)[0] == second.rsplit("_", 1)[0]
        assert (embeddings[first] @ embeddings[second] >= threshold.value) == genuine, (first, second)


@pytest.mark.long
@pytest.mark.slow
def test_600_official_lfw_pairs_give_an_eer_below_one_percent(sface, lfw) -> None:
    # The errata's pairs are errors of the data set, not of the model; 3 of 300 alone would make 1 %.
    correct = replace(lfw, pairs=tuple(pair for pair in lfw.pairs if not pair.is_mislabelled))
    assert len(lfw.pairs) - len(correct.pairs) == 7
    chosen = replace(lfw, pairs=correct.select(genuine=300, impostor=300))
    calibration = calibrate_on_lfw(sface, chosen, CropCache.default())
    assert (len(calibration.genuine), len(calibration.impostor)) == (300, 300)
    rate, threshold = eer(calibration.genuine, calibration.impostor)
    assert rate < 0.01
    assert 0.2 < threshold < 0.45


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((1, 96, 112, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.float32),
        np.zeros((1, 3, 112, 112), np.uint8),
    ],
)
def test_crops_of_the_wrong_kind_are_refused(sface, crops) -> None:
    with pytest.raises(ModelError, match=r"\(N, 112, 112, 3\)"):
        sface.embed(crops)


def test_another_onnx_file_is_not_taken_for_sface(tmp_path) -> None:
    node = onnx.helper.make_node("Relu", ["data"], ["out"])
    shape = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph([node], "g", [shape("data", 1, [1])], [shape("out", 1, [1])])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match="not the SFace network"):
        convert(tmp_path / "other.onnx")
