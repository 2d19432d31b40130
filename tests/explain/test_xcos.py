"""xCos: properties of S and W, heads and their models, and how well the shipped head follows its model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.explain.tiny import TinyNetwork, random_pair, tiny_model
from xssab_core import AlignedFace, explain
from xssab_core.cli import main
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair, open_lfw
from xssab_core.errors import DataError, ExplainError
from xssab_core.explain import METHODS
from xssab_core.explain.xcos import (
    LocalCosines,
    XCos,
    XCosHead,
    blocks,
    head_path,
    load_head,
    own_head,
    save_head,
    shipped_head,
)
from xssab_core.models import TorchFaceModel
from xssab_core.training.xcos import (
    FaceGrids,
    Recipe,
    collect_grids,
    fit_head,
    held_out_report,
    paired_batches,
    score_pairs,
    split,
    train,
)

LFW = Path(__file__).resolve().parents[2].parent / "shared" / "lfw"
needs_lfw = pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not at ../shared/lfw")


def random_head(channels: int = 8, seed: int = 0) -> XCosHead:
    torch.manual_seed(seed)
    return XCosHead(channels).eval().requires_grad_(False)


def pair_evidence(probe: np.ndarray, reference: np.ndarray) -> LocalCosines:
    evidence = XCos("s", random_head()).examine(tiny_model(), probe, reference)
    assert isinstance(evidence, LocalCosines)
    return evidence


def test_s_is_a_cosine_and_w_sums_to_one() -> None:
    evidence = pair_evidence(*random_pair())
    assert evidence.similarity.shape == evidence.weights.shape == (7, 7)
    assert np.abs(evidence.similarity).max() <= 1
    assert evidence.weights.min() >= 0
    assert evidence.weights.sum() == pytest.approx(1.0, abs=1e-6)
    assert evidence.similarity.std() > 0
    assert evidence.weights.std() > 0
    assert -1 <= evidence.score <= 1


def test_s_w_and_the_score_are_those_of_the_layers_written_out() -> None:
    model, head, (probe, reference) = tiny_model(), random_head(), random_pair()
    generator = torch.Generator().manual_seed(1)
    for layer in head.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)
    evidence = XCos("s", head).examine(model, probe, reference)
    assert isinstance(evidence, LocalCosines)
    state = {key: value.double() for key, value in head.state_dict().items()}

    def layer(x: torch.Tensor, name: str, index: int, padding: int) -> torch.Tensor:
        x = torch.nn.functional.conv2d(
            x, state[f"{name}.{index}.weight"], state[f"{name}.{index}.bias"], padding=padding
        )
        norm = f"{name}.{index + 1}"
        mean, var = (state[f"{norm}.running_{part}"][:, None, None] for part in ("mean", "var"))
        x = (x - mean) / (var + 1e-5).sqrt() * state[f"{norm}.weight"][:, None, None]
        x = x + state[f"{norm}.bias"][:, None, None]
        return torch.where(x >= 0, x, x * state[f"{name}.{index + 2}.weight"][:, None, None])

    local = [layer(model.network.features(model.pixels(crop[None])), "local", 0, 0) for crop in (probe, reference)]
    each = [layer(features, "each", 0, 1) for features in local]
    logits = sum(layer(layer(torch.cat(order, 1), "both", 0, 1), "both", 3, 1) for order in (each, each[::-1])) / 2
    weights = torch.exp(logits[0, 0]) / torch.exp(logits[0, 0]).sum()
    one, other = (features[0] for features in local)
    similarity = (one * other).sum(0) / (one.norm(dim=0) * other.norm(dim=0))
    np.testing.assert_allclose(evidence.similarity, similarity.numpy(), atol=1e-5)
    np.testing.assert_allclose(evidence.weights, weights.numpy(), atol=1e-6)
    assert evidence.score == pytest.approx(float((similarity * weights).sum()), abs=1e-5)


def test_swapping_the_images_keeps_the_joint_map_and_swaps_the_embeddings() -> None:
    probe, reference = random_pair()
    forth, back = pair_evidence(probe, reference), pair_evidence(reference, probe)
    np.testing.assert_allclose(forth.similarity, back.similarity, atol=1e-6)
    np.testing.assert_allclose(forth.weights, back.weights, atol=1e-6)
    np.testing.assert_array_equal(forth.embeddings, back.embeddings[::-1])


def test_a_face_with_itself_is_similar_everywhere() -> None:
    probe, _ = random_pair()
    np.testing.assert_allclose(pair_evidence(probe, probe).similarity, 1.0, atol=1e-6)
    assert pair_evidence(probe, probe).score == pytest.approx(1.0, abs=1e-6)


def test_maps_show_each_cell_as_a_block_on_both_faces_without_blur() -> None:
    model, (probe, reference) = tiny_model(112), random_pair(112)
    head = random_head()
    for part in ("s", "w"):
        method = XCos(part, head)
        evidence = method.examine(model, probe, reference)
        assert isinstance(evidence, LocalCosines)
        maps, other = method.maps(model, evidence, 0.0, blur=True)
        assert maps.combined is not None
        assert other.combined is not None
        np.testing.assert_array_equal(maps.combined, other.combined)
        cells = evidence.similarity if part == "s" else evidence.weights
        np.testing.assert_array_equal(maps.combined, np.kron(cells, np.ones((16, 16), dtype=np.float32)))
    assert maps.dissimilarity is None


def test_blocks_of_a_side_that_seven_does_not_divide_cover_every_pixel() -> None:
    cells = np.arange(49, dtype=np.float32).reshape(7, 7)
    found = blocks(cells, 150)
    assert found.shape == (150, 150)
    assert np.unique(found, return_counts=True)[1].min() >= 21 * 21


def test_the_explanation_carries_the_xcos_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    model, pair = tiny_model(), random_pair()
    save_head(random_head(), own_head("tiny"), model, {})
    assert explain(model, *pair, "xcos-s", threshold=0.0).numbers == {"xcos": pair_evidence(*pair).score}
    assert explain(model, *pair, "xssab", threshold=0.0).numbers == {}


def test_a_model_without_a_head_is_told_the_command() -> None:
    reason = METHODS["xcos-s"].unavailable(tiny_model())
    assert reason is not None
    assert "xssab train-xcos --model tiny --lfw DIR" in reason
    with pytest.raises(ExplainError, match="train-xcos"):
        explain(tiny_model(), *random_pair(), "xcos-w", threshold=0.0)


def test_a_model_that_shows_no_grid_is_refused() -> None:
    class Closed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = TinyNetwork()

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.inner(pixels)

    reason = XCos("s", random_head()).unavailable(tiny_model(network=Closed()))
    assert reason is not None
    assert "does not show one" in reason
    with pytest.raises(ExplainError, match="7 x 7 cells; that of tiny is 5 x 5"):
        XCos("s", random_head()).examine(tiny_model(network=TinyNetwork(grid=5)), *random_pair())


def test_a_saved_head_comes_back_for_its_weights_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    model, head = tiny_model(), random_head()
    assert head_path(model) is None
    save_head(head, tmp_path / "xcos" / "tiny.safetensors", model, {"title": "a card"})
    path = head_path(model)
    assert path is not None
    assert METHODS["xcos-s"].unavailable(model) is None
    assert json.loads(path.with_suffix(".json").read_text()) == {"title": "a card"}
    loaded = load_head(path).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in head.state_dict().items())
    model.weights_sha256 = "1" * 64
    assert head_path(model) is None
    path.write_bytes(b"not a head at all, only some bytes")
    with pytest.raises(ExplainError, match="train again"):
        head_path(model)


def test_the_command_says_in_one_line_that_lfw_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-xcos", "--lfw", str(tmp_path / "absent")]) == 2
    message = capsys.readouterr().err
    assert "is not a folder" in message
    assert len(message.strip().splitlines()) == 1


def synthetic_grids(identities: int, each: int, seed: int) -> FaceGrids:
    """Faces whose embedding follows from their grid: mean over the cells of a fixed projection."""
    generator = np.random.default_rng(seed)
    projection = np.random.default_rng(99).normal(size=(12, 6))
    base = generator.normal(size=(identities, 12, 7, 7))
    features = np.repeat(base, each, axis=0) + 0.3 * generator.normal(size=(identities * each, 12, 7, 7))
    raw = features.mean((2, 3)) @ projection
    embeddings = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    rows = {Path(f"{i}.jpg"): i for i in range(len(features))}
    return FaceGrids(features.astype(np.float16), embeddings, np.repeat(np.arange(identities), each), rows)


@pytest.mark.slow
def test_training_lowers_the_loss_and_is_repeatable() -> None:
    data = synthetic_grids(24, 2, seed=0)
    recipe = Recipe(epochs=60, images=32, seed=3)
    done: list[tuple[str, int, int]] = []
    state_before = torch.get_rng_state()
    head, curve = fit_head(data, recipe, torch.device("cpu"), done.append)
    assert torch.equal(torch.get_rng_state(), state_before)
    assert len(curve) == 60 == len(done)
    assert curve[-1]["mse"] < 0.5 * curve[0]["mse"]
    assert curve[-1]["identity"] < curve[0]["identity"]
    _, again = fit_head(data, recipe, torch.device("cpu"))
    # Sums shared by threads differ in their last bits, and training amplifies that.
    assert [epoch["mse"] for epoch in again] == pytest.approx([epoch["mse"] for epoch in curve], rel=0.02)
    assert not head.training


def test_batches_pair_every_image_with_another_of_its_identity() -> None:
    identities = np.array([0, 0, 1, 2, 2, 2, 3, 3])
    first, second = np.concatenate(list(paired_batches(identities, 4, np.random.default_rng(0))), axis=1)
    assert sorted(first) == list(range(8))
    np.testing.assert_array_equal(identities[first], identities[second])
    lonely = first == second
    np.testing.assert_array_equal(first[lonely], [2])


def test_scores_of_pairs_are_weighted_sums_and_cosines() -> None:
    data, head = synthetic_grids(5, 2, seed=1), random_head(12)
    pairs = [LfwPair(i, 1, i < 3, Path(f"{2 * i}.jpg"), Path(f"{2 * i + (1 if i < 3 else -1)}.jpg")) for i in range(5)]
    pairs.append(LfwPair(5, 1, True, Path("0.jpg"), Path("no-face.jpg")))
    xcos, cosine, genuine = score_pairs(head, data, pairs)
    np.testing.assert_array_equal(genuine, [True, True, True, False, False])
    similarity, weights = head(*(torch.from_numpy(data.features[[row]]).float() for row in (6, 5)))
    assert xcos[3] == pytest.approx(float((similarity * weights).sum()), abs=1e-6)
    assert cosine[3] == pytest.approx(float(data.embeddings[6] @ data.embeddings[5]), abs=1e-6)


@needs_lfw
def test_no_identity_is_both_trained_and_tested_on() -> None:
    images, pairs = split(open_lfw(LFW), Recipe())
    held_out = {path.parent.name for pair in pairs for path in (pair.probe, pair.reference)}
    assert len(pairs) == 1200
    assert held_out.isdisjoint(path.parent.name for path in images)


@needs_lfw
def test_too_small_a_copy_is_refused(sface: TorchFaceModel, tmp_path: Path) -> None:
    lfw = open_lfw(LFW)
    with pytest.raises(DataError, match="more complete copy"):
        train(sface, lfw, CropCache(tmp_path), Recipe(held_out_folds=10))


@pytest.mark.slow
@needs_lfw
def test_shipped_head_follows_the_cosine_on_held_out_identities(sface: TorchFaceModel) -> None:
    path = shipped_head("sface")
    card = json.loads(path.with_suffix(".json").read_text())
    lfw = open_lfw(LFW)
    _, pairs = split(lfw, Recipe())
    assert sorted({pair.fold for pair in pairs}) == card["held_out"]["folds"]
    subset = pairs[::12]  # 100 pairs, genuine and impostor, of both folds
    images = sorted({path for pair in subset for path in (pair.probe, pair.reference)})
    grids = collect_grids(sface, images, CropCache.default())
    report = held_out_report(*score_pairs(load_head(path), grids, subset))
    assert report["pairs"] == 100
    assert report["correlation"] >= 0.9
    assert report["correlation"] == pytest.approx(card["held_out"]["correlation"], abs=0.04)


def test_shipped_head_belongs_to_the_default_model(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    path = shipped_head("sface")
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["weights_sha256"] == sface.weights_sha256
    assert card["held_out"]["correlation"] >= 0.9
    assert path.stat().st_size < 1.4e6
    method = METHODS["xcos-s"]
    scores = []
    for partner in ("barack_obama_2", "joe_biden_1"):
        evidence = method.examine(sface, samples["barack_obama_1"].crop, samples[partner].crop)
        assert isinstance(evidence, LocalCosines)
        scores.append((evidence.score, float(evidence.embeddings[0] @ evidence.embeddings[1])))
    # xCos puts the same person above another one, as the model does, and is near its cosine.
    assert scores[0][0] > scores[1][0] + 0.2
    assert all(abs(xcos - cosine) < 0.25 for xcos, cosine in scores)
