"""Layered: which layers are read, and what the maps sum to, in float64."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from xssab_core import explain
from xssab_core.errors import ExplainError
from xssab_core.explain.base.layers import passages, recorded
from xssab_core.explain.layered import Layered, common, fused, grids_of
from xssab_core.faces import Template
from xssab_core.models import TorchFaceModel
from xssab_core.models.registry import entry_of
from xssab_core.models.zoo.architectures import ARCHITECTURES
from xssab_core.models.zoo.sface import SFace

SIZE, DIMENSIONS = 16, 5


class Linear(nn.Module):
    """Three times the mean of four pixels, then a matrix: contributions have a closed form at every grid."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(DIMENSIONS, 3 * 2 * 2, generator=generator))

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            pixels = nn.functional.avg_pool2d(pixels, 2)
        return pixels

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.features(pixels).flatten(1) @ self.weight.T


@pytest.fixture(scope="module")
def linear() -> TorchFaceModel:
    info = entry_of("sface").info
    template = Template("tiny", SIZE, info.template.points)
    info = replace(info, id="tiny", embedding_size=DIMENSIONS, template=template)
    return TorchFaceModel(info, Linear().double(), "0" * 64, (), torch.device("cpu"))


@pytest.fixture(scope="module")
def sface64(sface) -> TorchFaceModel:
    network = SFace()
    network.load_state_dict(sface.network.state_dict())
    return TorchFaceModel(sface.info, network.double(), sface.weights_sha256, sface.thresholds, torch.device("cpu"))


@pytest.fixture(scope="module")
def faces(samples) -> tuple[np.ndarray, np.ndarray]:
    return samples["barack_obama_1"].crop, samples["joe_biden_1"].crop


def pooled(values: np.ndarray, side: int) -> np.ndarray:
    """(3, SIZE, SIZE) -> (3, side, side), means of squares."""
    step = SIZE // side
    return values.reshape(3, side, step, side, step).mean((2, 4))


def nearer_to_zero(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(a * b > 0, np.where(np.abs(a) < np.abs(b), a, b), 0.0)


def test_contributions_of_a_linear_embedder_equal_the_closed_form(linear) -> None:
    crops = np.random.default_rng(5).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    weight = linear.network.weight.numpy()
    pixels = [crop.transpose(2, 0, 1).astype(np.float64) for crop in crops]
    raw = [weight @ pooled(image, 2).reshape(-1) for image in pixels]
    unit = [row / np.linalg.norm(row) for row in raw]
    evidence = Layered().gather(linear, *crops, lambda _: None)
    for i in (0, 1):
        at_two = (weight.T @ unit[1 - i] / np.linalg.norm(raw[i])).reshape(3, 2, 2)
        for shared, apart, side in zip(evidence.shared[i], evidence.apart[i], (8, 4, 2), strict=True):
            gradient = np.kron(at_two, np.ones((side // 2, side // 2))) / (side // 2) ** 2
            own, other = pooled(pixels[i], side), pooled(pixels[1 - i], side)
            np.testing.assert_allclose(
                shared, (gradient * nearer_to_zero(own, other)).sum(0), rtol=1e-6, atol=1e-9
            )  # unit rows are float32
            np.testing.assert_allclose(
                apart, (gradient * (own - other)).sum(0), rtol=1e-6, atol=1e-9
            )  # unit rows are float32


def test_what_two_values_have_in_common_is_the_one_nearer_to_zero_if_they_have_one_sign() -> None:
    values = np.random.default_rng(2).normal(size=(2, 50))
    found = common(*torch.from_numpy(values)).numpy()
    np.testing.assert_array_equal(found, nearer_to_zero(*values))
    assert 10 < np.count_nonzero(found) < 40


class _Moved(TorchFunctionMode):
    """Adds a share of a direction to the grid of that number."""

    def __init__(self, number: int, direction: torch.Tensor, share: float) -> None:
        super().__init__()
        self.number, self.direction, self.share, self.seen = number, direction, share, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.ndim == 4 and min(made.shape[2:]) > 1:
            self.seen += 1
            if self.seen == self.number + 1:
                return made + self.share * self.direction
        return made


@pytest.mark.slow
def test_a_layer_sums_to_the_derivative_of_the_score_in_its_direction(sface64, faces) -> None:
    network, step = sface64.network, 1e-6
    pixels = sface64.pixels(faces[0][None]).requires_grad_()
    grids, output = recorded(network, pixels)
    chosen = grids_of([tuple(g.shape[2:]) for g in grids], passages(grids, pixels, output), len(faces[0]))
    evidence = Layered().gather(sface64, *faces, lambda _: None)
    assert len(chosen) == len(evidence.shared[0]) == len(evidence.apart[0]) == 4
    with torch.no_grad():
        black, _ = recorded(network, sface64.pixels(np.zeros_like(faces[0])[None]))
        other, raw = recorded(network, sface64.pixels(faces[1][None]))
        partner, length = nn.functional.normalize(raw, dim=1)[0], output.norm()
        for at, shared, apart in zip(chosen, evidence.shared[0], evidence.apart[0], strict=True):
            in_common = nearer_to_zero((grids[at] - black[at]).numpy(), (other[at] - black[at]).numpy())
            for found, direction in ((shared, torch.from_numpy(in_common)), (apart, grids[at] - other[at])):
                scores = []
                for share in (-step, step):
                    with _Moved(at, direction, share):
                        scores.append(float(network(pixels)[0] @ partner / length))
                assert found.sum() == pytest.approx((scores[1] - scores[0]) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("pair", list(combinations(range(5), 2)))
def test_a_map_sums_to_score_minus_threshold(sface, samples, pair) -> None:
    method, crops = Layered(), [list(samples.values())[number].crop for number in pair]
    evidence = method.examine(sface, *crops)
    swapped = method.examine(sface, *crops[::-1])
    score, decisions = float(np.prod(evidence.embeddings.astype(np.float64), axis=0).sum()), set()
    for threshold in (-1.0, 1.0, *np.random.default_rng(pair).uniform(-1, 1, 25)):
        margin, both = score - threshold, method.maps(sface, evidence, threshold)
        decisions.add(margin >= 0)
        for maps in both:
            assert maps.combined.astype(np.float64).sum() == pytest.approx(margin, abs=1e-5)
            half = maps.similarity if margin >= 0 else maps.dissimilarity
            np.testing.assert_array_equal(half, np.maximum(maps.combined if margin >= 0 else -maps.combined, 0))
        for maps, other in zip(both, method.maps(sface, swapped, threshold)[::-1], strict=True):
            np.testing.assert_allclose(other.combined, maps.combined, atol=1e-7)
    assert len(decisions) == 2


def test_the_decision_alone_chooses_the_order_of_the_pixels(sface, faces) -> None:
    score = explain(sface, *faces, method="layered", threshold=0.0).score
    low, below, above, high = (
        explain(sface, *faces, method="layered", threshold=threshold).probe.combined
        for threshold in (-0.5, score - 0.01, score + 0.01, 0.9)
    )
    for one, other in ((low, below), (above, high)):
        np.testing.assert_allclose(one - one.mean(), other - other.mean(), atol=1e-6 * np.abs(one).max())
    assert np.corrcoef(below.ravel(), above.ravel())[0, 1] < 0.9


def test_fusing_keeps_the_mean_of_the_layers_and_weighs_their_strongest_pixels_alike() -> None:
    layers = [np.random.default_rng(side).normal(size=(side, side)) for side in (56, 28, 14)]
    inverse = np.array([1 / np.abs(spread(layer)).max() for layer in layers])
    expected = sum(share * spread(layer).sum() for share, layer in zip(inverse / inverse.sum(), layers, strict=True))
    assert fused(layers, 112).sum() == pytest.approx(expected, rel=1e-2)  # but for the blur at the edges
    np.testing.assert_allclose(fused([7 * layers[0], *layers[1:]], 112) * (inverse.sum() - inverse[0] * 6 / 7),
                               fused(layers, 112) * inverse.sum(), rtol=1e-9, atol=1e-12)  # fmt: skip


def spread(layer: np.ndarray) -> np.ndarray:
    """What a layer is on the pixels of a crop of 112."""
    return cv2.resize(layer, (112, 112), interpolation=cv2.INTER_LINEAR) * layer.size / 112**2


# Of IResNet: what its residual units add up to, never a branch inside one; the numbers of units are its name's.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "units"), [("iresnet18", 2), ("iresnet50", 14), ("ir101", 30)])
def test_passages_of_a_residual_network_are_what_its_units_add_up_to(name: str, units: int) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name].build().eval().requires_grad_(False)
    pixels = (torch.rand(1, 3, 112, 112) * 255).requires_grad_()
    grids, output = recorded(network, pixels)
    found = passages(grids, pixels, output)
    at_fourteen = [grids[index] for index in found if grids[index].shape[-1] == 14]
    assert len(at_fourteen) == units
    assert {grid.grad_fn.name() for grid in at_fourteen} == {"AddBackward0"}
    # Nothing else reaches the output: with a passage held still, the pixels have no gradient any more.
    for index in found[:: max(1, len(found) // 5)]:
        inner = torch.autograd.grad(output.sum(), grids[index], retain_graph=True)[0]
        through = torch.autograd.grad(grids[index], pixels, inner, retain_graph=True)[0]
        whole = torch.autograd.grad(output.sum(), pixels, retain_graph=True)[0]
        torch.testing.assert_close(through, whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max()))


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_architecture_has_four_grids_and_maps_that_sum_to_score_minus_threshold(
    name: str, sface, samples
) -> None:
    torch.manual_seed(0)
    architecture = ARCHITECTURES[name]
    network, side = architecture.build().eval().requires_grad_(False), architecture.template.size
    pixels = (torch.rand(1, 3, side, side) * 255).requires_grad_()
    grids, output = recorded(network, pixels)
    shapes = [tuple(grid.shape[2:]) for grid in grids]
    chosen = grids_of(shapes, passages(grids, pixels, output), side)
    sides = [max(shapes[index]) for index in chosen]
    assert len(chosen) == 4
    assert sides == sorted(sides, reverse=True)
    assert side / 4 < sides[0] <= side / 2
    assert side / 16 < sides[-1] == sides[-2] <= side / 8
    info = replace(sface.info, id=name, template=architecture.template, embedding_size=output.shape[1])
    model = TorchFaceModel(info, network, "0" * 64, (), torch.device("cpu"))
    faces = (samples[face].crop_for(architecture.template) for face in ("joe_biden_1", "barack_obama_1"))
    method, evidence = Layered(), Layered().examine(model, *faces)
    score = float(np.prod(evidence.embeddings.astype(np.float64), axis=0).sum())
    for threshold in (score - 0.2, score + 0.2):
        for maps in method.maps(model, evidence, threshold):
            assert maps.combined.astype(np.float64).sum() == pytest.approx(score - threshold, abs=1e-4)
            assert np.ptp(maps.combined) > 0


def test_a_network_without_grids_is_a_sentence(linear) -> None:
    class Flat(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.flatten(1)[:, :DIMENSIONS]

    model = TorchFaceModel(linear.info, Flat(), "1" * 64, (), torch.device("cpu"))
    with pytest.raises(ExplainError, match="needs grids inside the network"):
        explain(model, *np.zeros((2, SIZE, SIZE, 3), np.uint8), method="layered", threshold=0.3)


def test_the_black_picture_is_passed_once_and_changes_nothing(sface, samples) -> None:
    passes = 0

    def count(module: nn.Module, given: Any, made: Any) -> None:
        nonlocal passes
        passes += 1

    network = SFace()
    network.load_state_dict(sface.network.state_dict())
    model = TorchFaceModel(sface.info, network, sface.weights_sha256, sface.thresholds, torch.device("cpu"))
    watched = network.register_forward_hook(count)
    counts, maps = [], []
    for _ in range(2):
        passes = 0
        found = explain(model, samples["barack_obama_1"], samples["joe_biden_1"], "layered", threshold=0.3)
        counts.append(passes)
        maps.append([found.probe.combined, found.reference.combined])
    watched.remove()
    assert counts == [Layered.info.forward_passes, Layered.info.forward_passes - 1]
    np.testing.assert_array_equal(*maps)
