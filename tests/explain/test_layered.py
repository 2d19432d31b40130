"""Layered: which layers are read, and what the maps sum to, in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from xssab_core import explain
from xssab_core.errors import ExplainError
from xssab_core.explain.base.layers import passages, recorded
from xssab_core.explain.layered import Layered, fused, grids_of
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


def test_contributions_of_a_linear_embedder_equal_the_closed_form(linear) -> None:
    crops = np.random.default_rng(5).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    weight = linear.network.weight.numpy()
    pixels = [crop.transpose(2, 0, 1).astype(np.float64) for crop in crops]
    raw = [weight @ pooled(image, 2).reshape(-1) for image in pixels]
    unit = [row / np.linalg.norm(row) for row in raw]
    evidence = Layered().gather(linear, *crops, lambda _: None)
    for i in (0, 1):
        direction = (unit[1 - i] - unit[i] * (unit[i] @ unit[1 - i])) / np.linalg.norm(raw[i])
        at_two = (weight.T @ direction).reshape(3, 2, 2)
        for found, side in zip(evidence.layers[i], (8, 4, 2, 2)[: len(evidence.layers[i])], strict=True):
            gradient = np.kron(at_two, np.ones((side // 2, side // 2))) / (side // 2) ** 2
            np.testing.assert_allclose(found, (gradient * pooled(pixels[i], side)).sum(0), rtol=1e-6, atol=1e-10)


class _Towards(TorchFunctionMode):
    """Moves the grid of that number from what it is to what it is for the baseline by a share."""

    def __init__(self, number: int, baseline: torch.Tensor, share: float) -> None:
        super().__init__()
        self.number, self.baseline, self.share, self.seen = number, baseline, share, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.ndim == 4 and min(made.shape[2:]) > 1:
            self.seen += 1
            if self.seen == self.number + 1:
                return made + self.share * (self.baseline - made)
        return made


def test_a_layer_sums_to_the_derivative_of_the_score_towards_black(sface64, faces) -> None:
    network, step = sface64.network, 1e-6
    pixels = sface64.pixels(faces[0][None]).requires_grad_()
    grids, output = recorded(network, pixels)
    chosen = grids_of([tuple(g.shape[2:]) for g in grids], passages(grids, pixels, output), len(faces[0]))
    sums = [layer.sum() for layer in Layered().gather(sface64, *faces, lambda _: None).layers[0]]
    with torch.no_grad():
        black, _ = recorded(network, sface64.pixels(np.zeros_like(faces[0])[None]))
        partner = nn.functional.normalize(network(sface64.pixels(faces[1][None])), dim=1)[0]
        assert len(sums) == len(chosen) == 4
        for number, found in zip(chosen, sums, strict=True):
            scores = []
            for share in (-step, step):
                with _Towards(number, black[number], share):
                    moved = network(pixels)
                scores.append(float(nn.functional.normalize(moved, dim=1)[0] @ partner))
            assert found == pytest.approx(-(scores[1] - scores[0]) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("threshold", [-0.2, 0.3057, 0.8])
def test_a_map_sums_to_score_minus_threshold(sface, faces, threshold) -> None:
    result = explain(sface, *faces, method="layered", threshold=threshold)
    for maps in (result.probe, result.reference):
        assert maps.combined.astype(np.float64).sum() == pytest.approx(result.margin, abs=1e-5)
        np.testing.assert_array_equal(maps.combined, maps.similarity - maps.dissimilarity)
    other = explain(sface, *faces[::-1], method="layered", threshold=threshold)
    np.testing.assert_allclose(other.reference.combined, result.probe.combined, atol=1e-7)


def test_fusing_keeps_the_mean_of_the_layers_and_weighs_their_strongest_places_alike() -> None:
    layers = [np.random.default_rng(side).normal(size=(side, side)) for side in (56, 28, 14)]
    inverse = np.array([1 / np.abs(layer).max() for layer in layers])
    expected = sum(share * layer.sum() for share, layer in zip(inverse / inverse.sum(), layers, strict=True))
    assert fused(layers, 112).sum() == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(fused([7 * layers[0], *layers[1:]], 112) * (inverse.sum() - inverse[0] * 6 / 7),
                               fused(layers, 112) * inverse.sum(), rtol=1e-9, atol=1e-12)  # fmt: skip


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
def test_four_grids_are_found_in_every_architecture(name: str) -> None:
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


def test_a_network_without_grids_is_a_sentence(linear) -> None:
    class Flat(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.flatten(1)[:, :DIMENSIONS]

    model = TorchFaceModel(linear.info, Flat(), "1" * 64, (), torch.device("cpu"))
    with pytest.raises(ExplainError, match="needs grids inside the network"):
        explain(model, *np.zeros((2, SIZE, SIZE, 3), np.uint8), method="layered", threshold=0.3)
