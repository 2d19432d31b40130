"""DPR: order, steps, replay, areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from xssab_core.benchmark import measures
from xssab_core.benchmark.measures import localisation
from xssab_core.explain import FaceMaps
from xssab_core.faces import Template
from xssab_core.metrics import Estimate, cosines
from xssab_core.models import FaceModel, ModelInfo, TorchFaceModel
from xssab_core.replay import dpr

SIZE = 16
THRESHOLD = 0.94


class _TwoSums(nn.Module):
    """A linear embedder into the plane: a weighted sum of all pixels, and one of the last row."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        last_row = np.zeros((3, SIZE, SIZE))
        last_row[:, -1] = 4.0
        rows = np.stack([np.repeat(weights[None], 3, axis=0), last_row]).reshape(2, -1)
        self.rows = nn.Parameter(torch.from_numpy(rows))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1) @ self.rows.T


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    """The gradient of the first coordinate: positive, different everywhere, zero where the second one looks."""
    drawn = np.random.default_rng(1).uniform(0.01, 1.0, (SIZE, SIZE))
    drawn[-1] = 0.0
    return drawn


@pytest.fixture(scope="module")
def linear(sface: FaceModel, weights: np.ndarray) -> TorchFaceModel:
    info: ModelInfo = replace(
        sface.info, id="two-sums", embedding_size=2, template=Template("tiny", SIZE, sface.info.template.points)
    )
    return TorchFaceModel(info, _TwoSums(weights).double(), "0" * 64, (), torch.device("cpu"))


def _pairs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]:
    """patched, original, reference, genuine. Bright faces match bright ones; patches bring the other brightness."""
    generator = np.random.default_rng(2)

    def face(bright: bool) -> np.ndarray:
        crop = generator.integers(130, 250, (SIZE, SIZE, 3)) if bright else generator.integers(0, 60, (SIZE, SIZE, 3))
        crop[-1] = 200
        return crop.astype(np.uint8)

    pairs = []
    for number in range(40):
        genuine = number % 2 == 0
        original, reference, stranger = face(True), face(genuine), face(False)
        mask = generator.random((SIZE, SIZE, 1)) < 0.9
        pairs.append((np.where(mask, stranger if genuine else reference, original), original, reference, genuine))
    return pairs


def test_the_true_map_repairs_fastest_its_inverse_slowest_and_random_in_between(
    linear: TorchFaceModel, weights: np.ndarray
) -> None:
    counts = dpr.step_counts(SIZE)
    scores: dict[str, list[np.ndarray]] = {"ideal": [], "inverse": [], "random": []}
    clean, genuine = [], []
    for number, (patched, original, reference, is_genuine) in enumerate(_pairs()):
        rows = linear.embed(np.stack([patched, original, reference]))
        is_match = bool(cosines(rows[:1], rows[2])[0] >= THRESHOLD)
        clean.append(cosines(rows[1:2], rows[2]))
        genuine.append(is_genuine)
        # How much the patch moved the first coordinate towards the reference's, pixel by pixel.
        moved = weights * (patched.astype(np.float64) - original).sum(axis=2)
        effect = moved if is_genuine else -moved
        ideal = dpr.pixel_order(effect, is_match)
        orders = {
            "ideal": ideal,
            "inverse": ideal[::-1].copy(),
            "random": dpr.random_order(SIZE, np.random.default_rng(number)),
        }
        for name, order in orders.items():
            scores[name].append(dpr.replayed_scores(linear.embed, patched, original, reference, order, counts))
    labels = np.array(genuine)
    curves = {name: measures.errors(np.stack(rows), labels, THRESHOLD) for name, rows in scores.items()}
    clean_errors = measures.errors(np.stack(clean), labels, THRESHOLD)[:, 0]
    for kind in (True, False):
        means = {name: wrong[labels == kind].mean(axis=0) for name, wrong in curves.items()}
        assert means["ideal"][0] == 1.0
        assert (means["ideal"] <= means["random"]).all()
        assert (means["random"] <= means["inverse"]).all()
        ideal_zero, random_zero, inverse_zero = (
            int(np.argmax(means[name] == 0)) for name in ("ideal", "random", "inverse")
        )
        assert 0 < ideal_zero < random_zero < inverse_zero
        areas = {name: float(measures.areas(mean)) for name, mean in means.items()}
        assert areas["ideal"] < areas["random"] < areas["inverse"]
    for wrong in curves.values():
        np.testing.assert_array_equal(wrong[:, -1], clean_errors)


def test_a_match_gives_back_its_most_similar_and_a_non_match_its_most_dissimilar_pixels_first() -> None:
    values = np.array([[0.5, -1.0], [2.0, 0.0]])
    assert dpr.pixel_order(values, is_match=True).tolist() == [2, 0, 3, 1]
    assert dpr.pixel_order(values, is_match=False).tolist() == [1, 3, 0, 2]


def test_attention_has_no_sign_so_its_high_values_go_first_whatever_was_decided() -> None:
    values = np.array([[0.5, 0.1], [2.0, 0.0]])
    for is_match in (True, False):
        assert dpr.pixel_order(values, is_match, attention=True).tolist() == [2, 0, 1, 3]


@pytest.mark.parametrize("is_match", [True, False])
def test_equal_values_keep_the_order_of_reading(is_match: bool) -> None:
    assert dpr.pixel_order(np.zeros((4, 4)), is_match).tolist() == list(range(16))
    assert dpr.pixel_order(np.ones((4, 4)), is_match, cells=2).tolist() == [
        *(0, 1, 4, 5),
        *(2, 3, 6, 7),
        *(8, 9, 12, 13),
        *(10, 11, 14, 15),
    ]


def test_cells_move_whole_in_the_order_of_their_values() -> None:
    grid = np.random.default_rng(0).permutation(49).reshape(7, 7).astype(np.float64)
    order = dpr.pixel_order(grid.repeat(16, axis=0).repeat(16, axis=1), is_match=True, cells=7)
    counts = dpr.step_counts(112, cells=7)
    assert sorted(order) == list(range(112 * 112))
    assert (counts % 256 == 0).all()
    moved = (order // 112 // 16) * 7 + order % 112 // 16
    np.testing.assert_array_equal(moved.reshape(49, 256)[:, 0], np.argsort(-grid, axis=None))
    assert (moved.reshape(49, 256) == moved.reshape(49, 256)[:, :1]).all()


def test_steps_are_5_percent_of_the_pixels_from_none_to_all() -> None:
    counts = dpr.step_counts(112)
    assert len(counts) == 21
    assert counts[[0, 1, 10, 20]].tolist() == [0, 627, 6272, 12544]
    np.testing.assert_allclose(counts, np.arange(21) * 627.2, atol=0.5)
    cells = dpr.step_counts(112, cells=7) // 256
    assert cells[[0, 1, 2, 10, 20]].tolist() == [0, 2, 5, 25, 49]
    assert np.abs(cells - np.arange(21) * 2.45).max() <= 0.5


def test_frames_put_exactly_the_first_pixels_of_the_order_back() -> None:
    patched, original = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 9, np.uint8)
    shown = dpr.frames(patched, original, np.array([2, 0, 3, 1]), np.array([0, 1, 3, 4]))[..., 0].reshape(4, 4)
    assert shown.tolist() == [[0, 0, 0, 0], [0, 0, 9, 0], [9, 0, 9, 9], [9, 9, 9, 9]]


def test_a_replay_scores_the_frames_whatever_is_given_for_the_reference(linear: TorchFaceModel) -> None:
    patched, original, reference, _ = _pairs()[0]
    order, counts = dpr.random_order(SIZE, np.random.default_rng(0)), dpr.step_counts(SIZE, 5)
    shown = dpr.frames(patched, original, order, counts)
    partner = linear.embed(reference[None])[0]
    expected = cosines(linear.embed(shown), partner)
    np.testing.assert_allclose(
        dpr.replayed_scores(linear.embed, patched, original, reference, order, counts), expected, atol=1e-7
    )
    np.testing.assert_allclose(
        dpr.replayed_scores(linear.embed, patched, original, partner, order, counts), expected, atol=1e-7
    )


def test_a_replay_that_changes_nothing_keeps_its_score(linear: TorchFaceModel) -> None:
    _, original, reference, _ = _pairs()[1]
    scores = dpr.replayed_scores(linear.embed, original, original, reference, np.arange(SIZE * SIZE))
    assert len(scores) == 21
    assert len(set(scores)) == 1


def test_the_combined_map_ranks_and_single_maps_stand_in_for_it() -> None:
    first, second = np.ones((2, 2), np.float32), np.full((2, 2), 2.0, np.float32)
    assert dpr.ranking_map(FaceMaps(first, second, -second)).tolist() == (-second).tolist()
    assert dpr.ranking_map(FaceMaps(first, second, None)).tolist() == first.tolist()
    assert dpr.ranking_map(FaceMaps(None, second, None)).tolist() == (-second).tolist()


def test_areas_are_trapezoids_over_the_whole_range_and_unit_steps_over_20_points() -> None:
    curve = np.linspace(1.0, 0.0, 21)
    assert float(measures.areas(curve)) == pytest.approx(0.5)
    assert measures.unit_step_area(curve) == pytest.approx(sum(1 - i / 20 for i in range(20)))
    assert float(measures.areas(np.ones(21))) == 1.0
    assert measures.unit_step_area(np.ones(21)) == 20.0


def test_the_gain_is_the_share_of_the_random_area_that_is_spared() -> None:
    generator = np.random.default_rng(3)
    random = {kind: generator.uniform(0.4, 0.6, 300) for kind in ("fmr", "fnmr")}
    method = {"fmr": 0.5 * random["fmr"], "fnmr": 0.75 * random["fnmr"]}
    clean = {kind: 0.2 * random[kind] for kind in random}
    found = measures.estimates(method, random, clean, resamples=200, seed=0)
    for kind, expected in (("fmr", 0.5), ("fnmr", 0.25)):
        area, gain, attained = found[kind].area, found[kind].gain, found[kind].attained
        assert gain.value == pytest.approx(expected)
        # Exactly proportional areas: resampling the same pairs on both sides leaves the gain alone.
        assert gain.low == pytest.approx(expected)
        assert gain.high == pytest.approx(expected)
        # Of RND's area a fifth stays in any order, so four fifths can be gained.
        for end in (attained.value, attained.low, attained.high):
            assert end == pytest.approx(expected / 0.8)
        assert area.value == pytest.approx(method[kind].mean())
        assert area.low is not None
        assert area.high is not None
        assert area.low < method[kind].mean() < area.high
    assert found["mean"].area.value == pytest.approx((method["fmr"].mean() + method["fnmr"].mean()) / 2)
    assert measures.estimates(method, random, clean, 200, 0) == found


def test_the_bootstrap_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(4).normal(0.5, 0.1, 400)
    both = {"fmr": values, "fnmr": values}
    area = measures.estimates(both, both, both, 2000, 0)["fmr"].area
    half = 1.96 * values.std() / np.sqrt(400)
    assert area.low == pytest.approx(values.mean() - half, abs=half / 4)
    assert area.high == pytest.approx(values.mean() + half, abs=half / 4)


def test_without_errors_under_random_there_is_no_gain() -> None:
    zeros = {kind: np.zeros(5) for kind in ("fmr", "fnmr")}
    found = measures.estimates(zeros, zeros, zeros, 50, 0)["fmr"]
    assert found.area.value == 0.0
    assert found.gain.value is None
    assert found.attained.value is None


def test_differences_are_of_the_same_pairs() -> None:
    generator = np.random.default_rng(5)
    hard = {kind: generator.uniform(0.0, 1.0, 60) for kind in ("fmr", "fnmr")}
    # The same pairs are hard under both, so the difference is known far better than either area.
    better = {kind: hard[kind] - 0.1 + generator.normal(0, 0.02, 60) for kind in hard}
    areas = {"a": hard, "b": better, "c": hard}
    found = {(each.first, each.second): each.areas for each in measures.differences(areas, 500, 0)}
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for kind in ("fmr", "fnmr"):
        apart = hard[kind] - better[kind]
        estimate = found["a", "b"][kind]
        assert estimate.value == pytest.approx(apart.mean())
        half = 1.96 * apart.std() / np.sqrt(60)
        assert estimate.low == pytest.approx(apart.mean() - half, abs=half / 4)
        assert estimate.high == pytest.approx(apart.mean() + half, abs=half / 4)
        assert found["a", "c"][kind] == Estimate(0.0, 0.0, 0.0)
        alone = measures.estimates(hard, hard, hard, 500, 0)[kind].area
        assert estimate.high - estimate.low < (alone.high - alone.low) / 5  # type: ignore[operator]
    assert found["a", "b"]["mean"].value == pytest.approx(
        (hard["fmr"] - better["fmr"] + hard["fnmr"] - better["fnmr"]).mean() / 2
    )


def test_localisation_reads_impostor_patches_as_similar_and_genuine_ones_as_dissimilar() -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[:4] = True
    truth = np.where(mask, 1.0, -1.0)
    assert localisation(truth, mask, dissimilar=False) == 1.0
    assert localisation(-truth, mask, dissimilar=True) == 1.0
    assert localisation(np.zeros((10, 10)), mask, dissimilar=True) == pytest.approx(0.4)
    assert localisation(truth, np.zeros((10, 10), dtype=bool), dissimilar=True) is None
    # Ranked 1, 2, 3 with patches at 1 and 3: precision 1 and 2/3, averaged over the two.
    values, patches = np.array([[3.0, 2.0, 1.0]]), np.array([[True, False, True]])
    assert localisation(values, patches, dissimilar=False) == pytest.approx((1 + 2 / 3) / 2)
