"""Trust numbers on cases whose answer is known."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.explain.tiny import random_pair, tiny_model
from xssab_core import AlignedFace, explain
from xssab_core.errors import CancelledError, ExplainError
from xssab_core.faces import Pair
from xssab_core.metrics import rank_correlation
from xssab_core.models import Threshold, TorchFaceModel
from xssab_core.progress import State
from xssab_core.trust.checks import (
    Agreement,
    Stability,
    Trust,
    agreement,
    assess,
    consistency,
    jpeg,
    moved,
    randomisation,
    stability,
)
from xssab_core.trust.words import sentences, verdict


@pytest.mark.parametrize("levels", [5, 10_000])
def test_rank_correlation_is_that_of_scipy_with_and_without_ties(levels: int) -> None:
    generator = np.random.default_rng(0)
    first = generator.integers(0, levels, (20, 20))
    second = first + generator.integers(0, levels, (20, 20))
    expected = spearmanr(first, second, axis=None).statistic
    assert rank_correlation(first, second) == pytest.approx(expected, abs=1e-12)


def test_rank_correlation_of_a_flat_map_is_undefined() -> None:
    assert np.isnan(rank_correlation(np.zeros((4, 4)), np.arange(16.0).reshape(4, 4)))


def test_a_method_agrees_with_what_keeps_its_order_and_contradicts_its_negative() -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    shown = explain(model, probe, reference, "xface2", threshold=0.0)
    other = explain(model, probe, reference, "xface1", threshold=0.0)
    assert shown.probe.combined is not None
    assert shown.reference.combined is not None
    same = replace(
        other,
        probe=replace(other.probe, combined=np.exp(20 * shown.probe.combined)),
        reference=replace(other.reference, combined=np.exp(20 * shown.reference.combined)),
    )
    opposite = replace(
        other,
        probe=replace(other.probe, combined=-shown.probe.combined),
        reference=replace(other.reference, combined=-shown.reference.combined),
    )
    found = agreement(shown, [shown, same, opposite])
    assert [entry.correlation for entry in found] == pytest.approx([1.0, -1.0])


def test_consistency_is_the_cosine_of_the_maps_of_both_faces() -> None:
    shown = explain(tiny_model(), *random_pair(), "xface2", threshold=0.0)
    first, second = shown.probe.combined, shown.reference.combined
    assert first is not None
    assert second is not None
    expected = np.corrcoef(np.r_[first.ravel(), -first.ravel()], np.r_[second.ravel(), -second.ravel()])[0, 1]
    assert consistency(shown) == pytest.approx(expected, abs=1e-6)
    assert consistency(replace(shown, reference=replace(shown.reference, combined=-3 * first))) == pytest.approx(-1)
    assert consistency(replace(shown, reference=replace(shown.reference, combined=0 * first))) is None
    assert consistency(replace(shown, method=replace(shown.method, joint=True))) is None


def test_agreement_refuses_another_pair_and_another_model() -> None:
    model = tiny_model()
    shown = explain(model, *random_pair(), "xssab", threshold=0.0)
    with pytest.raises(ExplainError, match="same pair"):
        agreement(shown, [explain(model, *random_pair(seed=1), "random", threshold=0.0)])


@pytest.mark.slow
def test_randomisation_leaves_the_shared_model_alone_and_is_seeded(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    faces = Pair(samples["barack_obama_1"], samples["barack_obama_2"])
    before = copy.deepcopy(sface.network.state_dict())
    shown = explain(sface, *faces)
    first, again, other = (
        randomisation(sface, faces.crops_for(sface.info.template), shown, seed=seed) for seed in (0, 0, 1)
    )
    after = sface.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not any(layer.training for layer in sface.network.modules())
    assert not any(weights.requires_grad for weights in sface.network.parameters())
    np.testing.assert_array_equal(explain(sface, *faces).probe.combined, shown.probe.combined)
    assert first == again
    assert first != other


@pytest.mark.slow
def test_methods_that_share_evidence_find_the_same_with_that_of_one(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    faces, examined = Pair(samples["barack_obama_1"], samples["barack_obama_2"]), {}
    crops = faces.crops_for(sface.info.template)
    for method in ("gradcam", "hirescam"):
        shown = explain(sface, *faces, method=method)
        shared = randomisation(sface, crops, shown, examined=examined)
        assert shared == randomisation(sface, crops, shown)
        assert list(examined) == ["grid-gradients"]


@pytest.mark.slow
def test_xssab_depends_on_the_weights_and_a_random_map_does_not(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    faces = Pair(samples["barack_obama_1"], samples["barack_obama_2"])
    about_the_model = randomisation(sface, faces.crops_for(sface.info.template), explain(sface, *faces))
    not_about_it = randomisation(sface, faces.crops_for(sface.info.template), explain(sface, *faces, method="random"))
    assert isinstance(about_the_model, float)
    assert about_the_model < 0.5
    assert not_about_it == pytest.approx(1.0)


@pytest.mark.slow
def test_xssab_outlives_small_changes_better_than_a_random_map(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    faces = Pair(samples["barack_obama_1"], samples["barack_obama_2"])
    found = stability(sface, faces, explain(sface, *faces))
    assert [(entry.change, entry.amount) for entry in found] == [
        ("jitter", 0.5), ("jitter", 1.0), ("jitter", 2.0), ("jpeg", 95), ("jpeg", 75),
    ]  # fmt: skip
    for entry in stability(sface, faces, explain(sface, *faces, method="random")):
        assert abs(entry.correlation) < 0.1
    assert min(entry.correlation for entry in found) > 0.1
    # Less change, more of the map left.
    assert found[0].correlation > found[2].correlation
    assert found[3].correlation > found[4].correlation
    assert all(-1 <= entry.score <= 1 for entry in found)


def test_no_change_means_a_correlation_of_one(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    faces = Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    shown = explain(sface, *faces)
    (still,) = stability(sface, faces, shown, jitters=[0.0], qualities=[])
    assert still.correlation == pytest.approx(1.0, abs=1e-4)
    assert still.score == pytest.approx(shown.score, abs=1e-5)


def test_jitter_moves_landmarks_by_the_asked_amount_in_crop_pixels(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    face, template = samples["barack_obama_1"], sface.info.template
    generator = np.random.default_rng(0)
    shifts = [moved(face, 1.5, template, generator).landmarks - face.landmarks for _ in range(300)]
    eyes = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
    scale = np.linalg.norm(np.subtract(template.points[1], template.points[0])) / eyes
    root_mean_square = np.sqrt(np.mean(np.sum(np.square(shifts), axis=-1))) * scale
    # The scale comes from all five landmarks here, and from the eyes in this test.
    assert root_mean_square == pytest.approx(1.5, rel=0.15)


def test_jpeg_of_lower_quality_is_further_from_the_crop(samples: dict[str, AlignedFace]) -> None:
    crop = samples["barack_obama_1"].crop
    errors = [np.abs(jpeg(crop, quality).astype(int) - crop).mean() for quality in (95, 50)]
    assert 0 < errors[0] < errors[1] < 20


def test_a_cancelled_check_stops(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    def cancel(state: State) -> None:
        raise CancelledError("stopped")

    faces = Pair(samples["barack_obama_1"], samples["barack_obama_2"])
    with pytest.raises(CancelledError):
        stability(sface, faces, explain(sface, *faces), progress=cancel)


@pytest.mark.slow
def test_one_call_measures_everything_once_and_tells_how_far_it_is(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    faces = Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    shown, other = explain(sface, *faces), explain(sface, *faces, method="random")
    shares: list[float] = []
    trust = assess(sface, faces, shown, [other], progress=lambda state: shares.append(state.share))
    assert trust.agreement == agreement(shown, [other])
    assert trust.stability == stability(sface, faces, shown)
    assert trust.randomised == randomisation(sface, faces.crops_for(sface.info.template), shown)
    assert len(sentences(trust)) >= 1 + 5 + 1
    assert shares == sorted(shares)
    assert shares[-1] < 1.0 <= shares[-1] + 1 / 6 + 1e-9


def test_sentences_follow_from_the_numbers_alone() -> None:
    trust = Trust(
        title="xSSAB",
        score=0.4,
        threshold=Threshold.by_user(0.3),
        agreement=(Agreement("a", "A", 0.61), Agreement("b", "B", 0.05), Agreement("c", "C", -0.4)),
        stability=(Stability("jitter", 1.0, 0.85, 0.38), Stability("jpeg", 75, 0.3, 0.29)),
        randomised=0.02,
    )
    assert sentences(trust) == (
        "xSSAB and A agree moderately (rank correlation 0.61).",
        "xSSAB and B do not agree (rank correlation 0.05).",
        "xSSAB and C contradict each other (rank correlation -0.40).",
        "Moving the landmarks by about 1 pixel hardly changes the map (rank correlation 0.85).",
        "Saving the crops as JPEG of quality 75 changes the map strongly (rank correlation 0.30).",
        "The decision itself flips under 1 of these 2 small changes.",
        "The map changes when the model's weights are randomised (rank correlation 0.02), so it depends on the model.",
    )
    assert "not about the model" in sentences(replace(trust, randomised=0.95))[-1]
    assert sentences(replace(trust, randomised="It has none."))[-1].endswith("was not measured. It has none.")
    assert sentences(Trust(title="xSSAB", score=0.4, threshold=Threshold.by_user(0.3))) == ()


def _checked(*correlations: float, randomised: float | str = 0.1, scores: tuple[float, ...] | None = None) -> Trust:
    changes = [(0.5, "jitter"), (1.0, "jitter"), (95.0, "jpeg")][: len(correlations)]
    found = zip(changes, correlations, scores or (0.5,) * len(correlations), strict=True)
    return Trust(
        "Layered",
        0.5,
        Threshold(0.3, "test", "a test"),
        stability=tuple(Stability(change, amount, c, score) for (amount, change), c, score in found),
        randomised=randomised,
    )


@pytest.mark.parametrize(
    ("trust", "word", "reason"),
    [
        (None, "not checked", "is not known"),
        (_checked(), "not checked", "is not known"),
        (_checked(0.9, 0.61, 0.95), "stable", "(rank correlation 0.61 or more)"),
        (_checked(0.9, 0.5, 0.95), "stable", "(rank correlation 0.50 or more)"),
        (_checked(0.9, 0.49, 0.95), "unstable", "about 1 pixel changes the map strongly (rank correlation 0.49)"),
        (_checked(0.9, 0.9, scores=(0.31, 0.29)), "unstable", "flips under 1 of these 2 small changes"),
        (_checked(0.9, 0.9, randomised=0.8), "unstable", "so it is not about the model"),
        (_checked(0.9, 0.9, randomised="A black box."), "stable", "(rank correlation 0.90 or more)"),
    ],
)
def test_the_verdict_is_one_word_and_the_number_that_decides_it(trust: Trust | None, word: str, reason: str) -> None:
    found = verdict(trust)
    assert found.word == word
    assert reason in found.reason
