"""What ships: what it is, when it is used, and when not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.explain.tiny import random_pair, tiny_model
from ui.pair_picker import SHOWCASE, sample_pairs
from xssab_core.device import on_one_thread
from xssab_core.engine import Engine
from xssab_core.errors import CancelledError
from xssab_core.explain import METHODS
from xssab_core.explain.confidence import CONFIDENCE, fit_confidence
from xssab_core.explain.xface import XFace
from xssab_core.faces import AlignedFace, Pair
from xssab_core.models import TorchFaceModel
from xssab_core.models.calibration import Calibration
from xssab_core.patch_lfw.generator import PATCH_SIDE, PATCHES, PatchedFace, uniform_positions
from xssab_core.paths import ASSETS
from xssab_core.progress import State
from xssab_core.replay import dpr
from xssab_core.replay.case import PERMUTATIONS, case_of
from xssab_core.scoring.likelihood import LikelihoodRatios, likelihood_ratios
from xssab_core.trust.checks import SEED
from xssab_core.trust.randomised import (
    _file_and_maker,
    _sample_crops,
    _settled,
    _shifted,
    _tells_apart,
    _turned,
    randomised_copy,
)
from xssab_core.work.beforehand import (
    OCCLUSIONS,
    RANDOM_ORDERS,
    RANDOMISED,
    digest_of,
    read_numbers,
    save_numbers,
    shipped,
)


def test_every_pair_of_samples_is_known_and_its_first_stage_is_what_is_computed_here(sface, samples) -> None:
    method = XFace(2)
    crops = [face.crop_for(sface.info.template) for face in samples.values()]
    for one, other in itertools.permutations(crops, 2):
        assert method.known(sface, one, other) is not None
    known = method.known(sface, crops[0], crops[4])
    assert known is not None
    computed = []

    def first(state: State) -> None:
        if state.partial is not None:
            computed.append(state.partial)
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        method.examine(sface, crops[0], crops[4], first)
    numbers = [known.squares.index(square) for square in computed[0].squares]
    np.testing.assert_allclose(known.occluded[:, numbers], computed[0].occluded, atol=1e-5)
    np.testing.assert_allclose(known.embeddings, computed[0].embeddings, atol=1e-5)
    assert known.occluded.shape == (2, 1130, 128)
    assert {array.dtype for array in (known.occluded, known.embeddings)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(np.linalg.norm(known.occluded, axis=2), 1.0, atol=1e-5)


def test_samples_and_the_pair_that_replay_opens_with_cost_no_pass(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    engine, passed = Engine("cpu"), []
    model = engine.model("sface")
    assert isinstance(model, TorchFaceModel)
    handle = model.network.register_forward_hook(lambda module, given, made: passed.append(len(made)))
    probe, reference = (samples[name] for name in SHOWCASE)
    for pair in (Pair(probe, reference), Pair(patched(probe, reference), reference)):
        for method in ("xface1", "xface2", "xface3"):
            assert engine.is_examined(model, pair, method)
            explanation = engine.explain(model, pair, method, 0.3)
            assert explanation.seconds["examine"] == 0
            assert explanation.probe.combined is not None
        assert not engine.is_examined(model, pair, "xssab")
        assert not Engine("cpu", uses_shipped=False).is_examined(model, pair, "xface2")
        engine.play_at_random(model, pair)
    handle.remove()
    assert not passed


def test_they_are_small() -> None:
    assert shipped(OCCLUSIONS, "sface").stat().st_size < 6e6
    assert shipped(RANDOM_ORDERS, "sface").stat().st_size < 1e5
    assert shipped(RANDOMISED, "sface").stat().st_size < 2e5


def test_random_orders_of_every_pair_of_samples_are_known_and_are_what_is_computed_here(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    engine, anew = Engine("cpu"), Engine("cpu", uses_shipped=False)
    for names in (SHOWCASE, *sample_pairs()):
        probe, reference = (samples[name] for name in names)
        for pair in (Pair(probe, reference), Pair(patched(probe, reference), reference)):
            known = engine.known_at_random(sface, pair)
            assert known is not None
            assert (known.shape, known.dtype) == ((PERMUTATIONS, dpr.STEPS), np.float64)
            assert anew.known_at_random(sface, pair) is None
        assert engine.known_at_random(sface, Pair(patched(probe, probe), reference)) is None

    def first(state: State) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        anew.play_at_random(sface, pair, first)
    counts = dpr.step_counts(112)
    case = case_of(pair, sface.info.template)
    for number in (0, PERMUTATIONS - 1):
        order = dpr.random_order(112, np.random.default_rng([0, number]))
        scores = dpr.replayed_scores(sface.embed, case.start, case.end, case.reference, order, counts)
        np.testing.assert_allclose(known[number], scores, atol=1e-5)


def test_the_copy_with_randomised_weights_is_settled_by_what_is_computed_here(sface: TorchFaceModel) -> None:
    pictures = _turned(_sample_crops(sface.info.template))
    known = read_numbers(*_file_and_maker(sface, SEED), [digest_of(pictures)])
    assert known is not None
    computed, moments = on_one_thread(lambda: _settled(sface, SEED, _shifted(pictures)))
    np.testing.assert_allclose(known[0], moments, rtol=1e-3, atol=1e-3)
    made = randomised_copy(sface, SEED)
    assert made is not None
    assert _tells_apart(made, pictures)
    np.testing.assert_allclose(made.embed(pictures), computed.embed(pictures), atol=1e-4)
    assert read_numbers(*_file_and_maker(sface, SEED + 1), [digest_of(pictures)]) is None


@pytest.mark.parametrize("model_id", ["sface", "dlib"])
def test_what_was_fitted_to_a_calibration_that_ships_is_what_is_fitted_here(model_id: str) -> None:
    shipping = Calibration.load(ASSETS / "calibrations" / f"{model_id}.json")
    slope, midpoint, rmse = known = shipping.known_fit(CONFIDENCE)
    assert known is not None
    fitted = fit_confidence(shipping)
    assert (slope, midpoint, rmse) == pytest.approx((fitted.slope, fitted.midpoint, fitted.rmse), rel=1e-5)
    found = likelihood_ratios(shipping)
    # One pair is left out of both: nothing that ships is about the others.
    less = replace(shipping, genuine=shipping.genuine[1:], genuine_folds=shipping.genuine_folds[1:])
    assert less.known_fit(CONFIDENCE) is less.known_fit("likelihood") is None
    assert replace(shipping, weights_sha256="0" * 64).known_fit(CONFIDENCE) is None
    anew = likelihood_ratios(replace(shipping, model="nothing ships for it"))
    assert isinstance(found, LikelihoodRatios)
    assert isinstance(anew, LikelihoodRatios)
    np.testing.assert_allclose(found.lines, anew.lines, rtol=1e-6)
    np.testing.assert_allclose(found.genuine, anew.genuine, atol=1e-6)
    assert (found.cllr_min, *found.bounds) == pytest.approx((anew.cllr_min, *anew.bounds), abs=1e-6)


def patched(probe: AlignedFace, donor: AlignedFace) -> PatchedFace:
    positions = uniform_positions(np.random.default_rng(0), PATCHES, PATCH_SIDE)
    return PatchedFace.of(probe, donor, positions, PATCH_SIDE)


def test_only_numbers_of_the_same_weights_making_and_crops_are_taken(tmp_path) -> None:
    model, other, (probe, reference) = tiny_model(), tiny_model(seed=1), random_pair()
    path, rows = tmp_path / "tiny.safetensors", np.ones((3, 6), dtype=np.float32)
    save_numbers(path, model.weights_sha256, "squares", {digest_of(probe): rows, digest_of(reference): 2 * rows})
    both = digest_of(reference), digest_of(probe)
    np.testing.assert_array_equal(read_numbers(path, model.weights_sha256, "squares", both), [2 * rows, rows])
    other.weights_sha256 = "1" * 64
    assert read_numbers(path, other.weights_sha256, "squares", both) is None
    assert read_numbers(path, model.weights_sha256, "other squares", both) is None
    assert read_numbers(path, model.weights_sha256, "squares", (digest_of(probe), digest_of(255 - reference))) is None
    assert read_numbers(path, model.weights_sha256, "squares", [digest_of(probe, reference)]) is None
    assert read_numbers(tmp_path / "absent.safetensors", model.weights_sha256, "squares", both) is None
    path.write_bytes(path.read_bytes()[:40])
    assert read_numbers(path, model.weights_sha256, "squares", both) is None


def test_a_model_without_any_and_methods_without_any_know_nothing() -> None:
    model, pair = tiny_model(), random_pair()
    for method in METHODS.values():
        assert method.known(model, *pair) is None
