"""Occlusions that ship: what they are, when they are used, and when not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.explain.tiny import random_pair, tiny_model
from ui.pair_picker import SHOWCASE
from xssab_core.engine import Engine
from xssab_core.errors import CancelledError
from xssab_core.explain import METHODS
from xssab_core.explain.occlusions import digest_of, read_occlusions, save_occlusions, shipped_occlusions
from xssab_core.explain.xface import XFace
from xssab_core.faces import AlignedFace, Pair
from xssab_core.models import TorchFaceModel
from xssab_core.patch_lfw.generator import PATCH_SIDE, PATCHES, PatchedFace, uniform_positions
from xssab_core.progress import State


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
    positions = uniform_positions(np.random.default_rng(0), PATCHES, PATCH_SIDE)
    patched = PatchedFace.of(probe, reference, positions, PATCH_SIDE)
    for pair in (Pair(probe, reference), Pair(patched, reference)):
        for method in ("xface1", "xface2", "xface3"):
            assert engine.is_examined(model, pair, method)
            explanation = engine.explain(model, pair, method, 0.3)
            assert explanation.seconds["examine"] == 0
            assert explanation.probe.combined is not None
        assert not engine.is_examined(model, pair, "xssab")
    handle.remove()
    assert not passed


def test_they_are_small() -> None:
    assert shipped_occlusions("sface").stat().st_size < 6e6


def test_only_those_of_the_same_weights_squares_and_crops_are_taken(tmp_path) -> None:
    model, other, (probe, reference) = tiny_model(), tiny_model(seed=1), random_pair()
    path, rows = tmp_path / "tiny.safetensors", np.ones((3, 6), dtype=np.float32)
    save_occlusions(path, model, "squares", {digest_of(probe): rows, digest_of(reference): 2 * rows})
    found = read_occlusions(path, model, "squares", (reference, probe))
    np.testing.assert_array_equal(found, np.stack([2 * rows, rows]))
    other.weights_sha256 = "1" * 64
    assert read_occlusions(path, other, "squares", (probe, reference)) is None
    assert read_occlusions(path, model, "other squares", (probe, reference)) is None
    assert read_occlusions(path, model, "squares", (probe, 255 - reference)) is None
    assert read_occlusions(tmp_path / "absent.safetensors", model, "squares", (probe, reference)) is None
    path.write_bytes(path.read_bytes()[:40])
    assert read_occlusions(path, model, "squares", (probe, reference)) is None


def test_a_model_without_any_and_methods_without_any_know_nothing() -> None:
    model, pair = tiny_model(), random_pair()
    for method in METHODS.values():
        assert method.known(model, *pair) is None
