"""The region ledger: shares add up, effects are those of a direct computation, the exact column is exact."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from tests.explain.tiny import tiny_info
from tests.findings.tiny import tiny_face_model
from xssab_core import AlignedFace, explain
from xssab_core.explain.peers.affine import AffineHead, spread
from xssab_core.faces import SIDES, Pair
from xssab_core.findings.ledger import HIDDEN_ON, Ledger, Measured, ledger, measure
from xssab_core.findings.regions import NAMES, regions_of
from xssab_core.models import ModelInfo, TorchFaceModel
from xssab_core.models.base import Threshold
from xssab_core.models.zoo.architectures import ARCHITECTURES
from xssab_core.models.zoo.sface import SFace
from xssab_core.progress import State

PLACES = 49


@pytest.fixture(scope="module")
def pair(samples: dict[str, AlignedFace]) -> Pair:
    return Pair(samples["barack_obama_1"], samples["barack_obama_2"])


@pytest.fixture(scope="module")
def measured(sface: TorchFaceModel, pair: Pair) -> Measured:
    return measure(sface, pair)


@pytest.fixture(scope="module")
def found(sface: TorchFaceModel, pair: Pair, measured: Measured) -> Ledger:
    return ledger(sface, pair, explain(sface, *pair, "layered"), measured=measured)


def score_of(model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray) -> float:
    """The cosine, from the network itself and in the precision of its weights."""
    with torch.no_grad():
        first, second = model.network(model.pixels(np.stack([probe, reference])))
    return float(first @ second / (first.norm() * second.norm()))


def direct(model: TorchFaceModel, pair: Pair, number: int) -> list[float]:
    """Scores with a region hidden on the probe, on the reference and on both, pixel by pixel."""
    template = model.info.template
    crops, shown = pair.crops_for(template), [crop.copy() for crop in pair.crops_for(template)]
    for face in (0, 1):
        soft = cv2.GaussianBlur(crops[face], (0, 0), template.size / 10)
        for y, x in np.argwhere(regions_of(template).labels == number):
            shown[face][y, x] = soft[y, x]
    return [score_of(model, *pictures) for pictures in ((shown[0], crops[1]), (crops[0], shown[1]), shown)]


def test_each_effect_of_hiding_equals_a_direct_computation_in_float64(pair: Pair) -> None:
    model = tiny_face_model()
    measured = measure(model, pair)
    assert measured.score == pytest.approx(score_of(model, *pair.crops_for(model.info.template)), abs=1e-6)
    for number in range(len(NAMES)):
        np.testing.assert_allclose(measured.hidden[number], direct(model, pair, number), atol=1e-6)
    assert np.ptp(measured.hidden, axis=0).min() > 1e-5


@pytest.mark.parametrize("region", ["left eye", "mouth"])
def test_effects_on_the_default_model_equal_a_direct_computation(
    sface: TorchFaceModel, pair: Pair, measured: Measured, region: str
) -> None:
    number = NAMES.index(region)
    np.testing.assert_allclose(measured.hidden[number], direct(sface, pair, number), atol=1e-5)


@pytest.mark.parametrize("method", ["xssab", "layered", "random", "xcos-s"])
def test_shares_add_up_to_the_whole_map(sface: TorchFaceModel, pair: Pair, measured: Measured, method: str) -> None:
    explanation = explain(sface, *pair, method)
    found = ledger(sface, pair, explanation, measured=measured)
    for face, (_, maps) in enumerate(explanation.by_side()):
        assert maps.combined is not None
        values = maps.combined.astype(np.float64)
        assert found.sums[face].sum() == pytest.approx(values.sum(), abs=1e-9 * np.abs(values).sum())
        assert found.shares[face].sum() == pytest.approx(values.sum() / np.abs(values).sum(), abs=1e-9)
    assert found.record()["map_share_sum"] == dict(zip(SIDES, found.shares.sum(axis=1), strict=True))


def test_a_map_of_zeros_has_shares_of_zero(sface: TorchFaceModel, pair: Pair, measured: Measured) -> None:
    explanation = explain(sface, *pair)
    nothing = type(explanation.probe).signed(np.zeros((112, 112)))
    found = ledger(sface, pair, replace(explanation, probe=nothing), measured=measured)
    assert not found.shares[0].any()
    assert found.shares[1].any()


@pytest.mark.parametrize("where", range(3))
def test_a_region_flips_where_its_score_is_on_the_other_side_of_the_threshold(
    sface: TorchFaceModel, pair: Pair, measured: Measured, where: int
) -> None:
    lowest = int(measured.hidden[:, where].argmin())
    between = (measured.hidden[lowest, where] + measured.score) / 2
    found = ledger(sface, pair, explain(sface, *pair, "layered", threshold=between), measured=measured)
    assert found.flips[lowest, where]
    np.testing.assert_array_equal(found.flips, measured.hidden < between)
    assert f"{NAMES[lowest]} ({HIDDEN_ON[where]})" in found.sentences()[3]
    above = ledger(sface, pair, explain(sface, *pair, "layered", threshold=-1.0), measured=measured)
    assert not above.flips.any()
    assert above.sentences()[3] == "Hiding one region turns the decision in none of 27 cases."


def _random(name: str) -> tuple[TorchFaceModel, object]:
    """A network of random weights in float64, and the head that follows its last grid."""
    torch.manual_seed(0)
    network = (SFace() if name == "sface" else ARCHITECTURES[name].build()).double()
    info: ModelInfo = replace(tiny_info(112), embedding_size=128 if name == "sface" else 512)
    model = TorchFaceModel(info, network, "0" * 64, (), torch.device("cpu"))
    if name == "sface":
        return model, lambda grid: network.fc1(network.pre_fc1(grid.flatten(1)))
    return model, network.backbone.head


@pytest.mark.parametrize("name", ["sface", "iresnet18", pytest.param("ir101", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_the_exact_column_sums_to_score_minus_threshold(pair: Pair, name: str) -> None:
    """Cell by cell from A_pq = u_p · v_q / (|e1| |e2|), each u_p found by leaving every other cell out of the grid."""
    threshold = 0.3057
    model, head = _random(name)
    crops = pair.crops_for(model.info.template)
    regions = regions_of(model.info.template)
    cells = AffineHead().examine(model, *crops)
    explanation = explain(model, *pair, "affine", threshold, evidence=cells)
    found = ledger(model, pair, explanation, measured=Measured(regions, explanation.score, np.zeros((9, 3)), cells))
    with torch.no_grad():
        grids = torch.cat([model.network.features(model.pixels(crop[None])) for crop in crops])
        without = head(torch.zeros_like(grids[:1]))
        alone = torch.eye(PLACES, dtype=torch.float64).view(PLACES, 1, 7, 7)
        parts = [head(grid * alone) - without + without / PLACES for grid in grids]
    matrix = (parts[0] @ parts[1].T / (parts[0].sum(0).norm() * parts[1].sum(0).norm())).numpy()
    score = score_of(model, *crops)
    assert matrix.sum() == pytest.approx(score, abs=1e-9)
    assert found.exact is not None
    on_pixels = np.stack([spread(cell, 112) for cell in np.eye(PLACES).reshape(PLACES, 7, 7)])
    for exact, sums in zip(found.exact, (matrix.sum(1), matrix.sum(0)), strict=True):
        assert exact.sum() == pytest.approx(score - threshold, abs=1e-6)
        expected = np.tensordot(sums - threshold / PLACES, on_pixels, 1)
        np.testing.assert_allclose(exact, [expected[regions.labels == n].sum() for n in range(9)], atol=1e-9)


class Program:
    """Somebody's recogniser of which nothing is known but its embeddings."""

    def __init__(self, model: TorchFaceModel) -> None:
        self.info = replace(model.info, differentiable=False)
        self.weights_sha256, self.thresholds, self.device_name = model.weights_sha256, model.thresholds, "elsewhere"
        self.embed, self.batch_size = model.embed, 64


def test_a_black_box_has_measured_effects_and_no_exact_column(
    sface: TorchFaceModel, pair: Pair, measured: Measured
) -> None:
    told: list[State] = []
    program = Program(sface)
    found = ledger(program, pair, explain(program, *pair, "random"), told.append)
    np.testing.assert_allclose(found.measured.hidden, measured.hidden, atol=1e-5)
    assert found.exact is None
    assert found.record()["exact_sum"] is None
    assert not any("last grid" in sentence for sentence in found.sentences())
    assert [state.done for state in told] == list(range(1, 21))
    assert told[-1].is_last


def test_record_and_csv_hold_the_same_numbers(found: Ledger) -> None:
    record = json.loads(json.dumps(found.record()))
    rows = list(csv.DictReader(line for line in io.StringIO(found.csv().decode()) if not line.startswith("#")))
    assert [row["region"] for row in rows] == list(NAMES)
    for row, told in zip(rows, record["regions"], strict=True):
        assert row == {name: str(value) for name, value in told.items()}
    assert sum(told["probe_exact"] for told in record["regions"]) == pytest.approx(found.explanation.margin, abs=1e-6)
    assert sum(told["pixels"] for told in record["regions"]) == 112 * 112


def test_sentences_name_the_extremes_of_their_numbers(found: Ledger) -> None:
    said = found.sentences()
    shares = 100 * found.shares
    for sentence, values in zip(said[:2], shares, strict=True):
        assert [float(text) for text in re.findall(r"[+-]\d+\.\d(?=\u00a0%)", sentence)] == [
            pytest.approx(number, abs=0.05) for number in (values.max(), values.min(), values.sum())
        ]
        assert NAMES[int(values.argmax())] in sentence
    moved = [float(text) for text in re.findall(r"\(([+-]\d\.\d{4})\)", said[2])]
    assert moved == [pytest.approx(c[np.abs(c).argmax()], abs=5e-5) for c in found.changes.T]
    assert found.exact is not None
    for sentence, exact in zip(said[4:], found.exact, strict=True):
        told = [float(text) for text in re.findall(r"[+-]\d\.\d{4}", sentence)]
        assert told == [pytest.approx(v, abs=1e-4) for v in (found.explanation.margin, exact.max(), exact.min())]


def test_the_threshold_moves_no_effect_and_the_map_no_pass(
    sface: TorchFaceModel, pair: Pair, measured: Measured, found: Ledger
) -> None:
    other = ledger(sface, pair, explain(sface, *pair, threshold=Threshold.by_user(0.9)), measured=measured)
    np.testing.assert_array_equal(other.changes, found.changes)
    assert not np.array_equal(other.shares, found.shares)
