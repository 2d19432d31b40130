"""xSSAB: the properties of section 3 of the paper, in float64, against closed forms and captum."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from torch import nn

from xssab_core import explain
from xssab_core.errors import ExplainError, ModelError
from xssab_core.explain.base import gaussian_blur
from xssab_core.explain.xssab import XSSAB, argument_gradients, same_maps_between
from xssab_core.faces import Template
from xssab_core.models import TorchFaceModel
from xssab_core.models.registry import entry_of
from xssab_core.models.zoo.sface import SFace

SIZE, DIMENSIONS = 12, 7


def tiny_model(network: nn.Module, dimensions: int = DIMENSIONS) -> TorchFaceModel:
    info = entry_of("sface").info
    info = replace(info, id="tiny", embedding_size=dimensions, template=Template("tiny", SIZE, info.template.points))
    return TorchFaceModel(info, network.double(), "0" * 64, (), torch.device("cpu"))


class Linear(nn.Module):
    """x -> W x: its maps have a closed form."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(DIMENSIONS, 3 * SIZE * SIZE, generator=generator))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1) @ self.weight.T


def convolutional() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2), nn.Tanh(), nn.Conv2d(6, 8, 3), nn.PReLU(), nn.Flatten(), nn.Linear(72, DIMENSIONS)
    )


@pytest.fixture(scope="module")
def crops() -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(5).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    return first, second


@pytest.fixture(scope="module", params=["linear", "convolutional"])
def model(request) -> TorchFaceModel:
    return tiny_model(Linear() if request.param == "linear" else convolutional())


@pytest.fixture(scope="module")
def sface64(sface) -> TorchFaceModel:
    network = SFace()
    network.load_state_dict(sface.network.state_dict())
    return TorchFaceModel(sface.info, network.double(), sface.weights_sha256, sface.thresholds, torch.device("cpu"))


def test_maps_of_a_linear_embedder_equal_the_closed_form(crops) -> None:
    network = Linear()
    model = tiny_model(network)
    weight = network.weight.detach().numpy()
    raw = [weight @ crop.transpose(2, 0, 1).reshape(-1).astype(np.float64) for crop in crops]
    unit = [row / np.linalg.norm(row) for row in raw]
    products = unit[0] * unit[1]
    threshold = float(np.median(products)) * DIMENSIONS + 1e-6
    result = explain(model, *crops, threshold=threshold, blur=False)
    for i, maps in enumerate((result.probe, result.reference)):
        for mask, found in (
            (products >= threshold / DIMENSIONS, maps.similarity),
            (products < threshold / DIMENSIONS, maps.dissimilarity),
        ):
            masked = unit[1 - i] * mask
            # d/dx of (W x / |W x|) . w  =  W^T (w - u (u . w)) / |W x|
            gradient = weight.T @ (masked - unit[i] * (unit[i] @ masked)) / np.linalg.norm(raw[i])
            expected = np.abs(gradient.reshape(3, SIZE, SIZE)).mean(0)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(maps.combined, maps.similarity - maps.dissimilarity, atol=1e-12)


def cosine_gradient(model: TorchFaceModel, crops: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Gradient of the plain cosine with respect to the first crop, the second held still."""
    pixels = model.pixels(np.stack(crops)).requires_grad_()
    embeddings = model.network(pixels)
    score = torch.cosine_similarity(embeddings[0], embeddings[1].detach(), dim=0)
    return torch.autograd.grad(score, pixels)[0][0].numpy()


def test_signed_maps_add_up_to_the_gradient_of_the_cosine(model, crops) -> None:
    graph = XSSAB().gather(model, *crops, None)
    for threshold in (-0.5, 0.0, 0.3, 0.9):
        plus, minus = argument_gradients(model, graph, threshold)
        total = (plus + minus).numpy()
        np.testing.assert_allclose(total[0], cosine_gradient(model, crops), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(total[1], cosine_gradient(model, crops[::-1]), rtol=1e-9, atol=1e-15)


def test_signed_maps_add_up_on_sface(sface64, samples) -> None:
    crops = (samples["barack_obama_1"].crop, samples["joe_biden_1"].crop)
    graph = XSSAB().gather(sface64, *crops, None)
    plus, minus = argument_gradients(sface64, graph, 0.3)
    np.testing.assert_allclose((plus + minus)[0].numpy(), cosine_gradient(sface64, crops), rtol=1e-6, atol=1e-14)


def captum_maps(model: TorchFaceModel, crops: tuple[np.ndarray, np.ndarray], threshold: float) -> dict[str, np.ndarray]:
    """Captum's Saliency of the masked scalar, for both faces and both sets."""
    with torch.no_grad():
        unit = nn.functional.normalize(model.network(model.pixels(np.stack(crops))), dim=1)
    products = unit[0] * unit[1]
    positive = products >= threshold / len(products)
    found = {}
    for i, side in enumerate(("probe", "reference")):
        for name, mask in (("similarity", positive), ("dissimilarity", ~positive)):
            weights = unit[1 - i] * mask
            saliency = Saliency(lambda x, w=weights: (nn.functional.normalize(model.network(x), dim=1) * w).sum(1))
            attribution = saliency.attribute(model.pixels(crops[i][None]).requires_grad_(), abs=True)
            found[f"{side}_{name}"] = attribution.mean(1)[0].detach().numpy()
    return found


def assert_equal_to_captum(model: TorchFaceModel, crops: tuple[np.ndarray, np.ndarray], threshold: float) -> None:
    maps = explain(model, *crops, threshold=threshold, blur=False).maps()
    for name, expected in captum_maps(model, crops, threshold).items():
        assert np.abs(maps[name] - expected).max() <= 1e-6 * expected.max(), name


def test_maps_equal_captums_saliency_on_a_small_network(model, crops) -> None:
    assert_equal_to_captum(model, crops, 0.4)


@pytest.mark.slow
def test_maps_equal_captums_saliency_on_sface(sface64, samples) -> None:
    assert_equal_to_captum(sface64, (samples["barack_obama_1"].crop, samples["barack_obama_2"].crop), 0.3057)


def test_float32_maps_stay_near_float64(sface, sface64, samples) -> None:
    crops = (samples["barack_obama_1"].crop, samples["barack_obama_2"].crop)
    found = explain(sface, *crops).maps()
    for name, expected in explain(sface64, *crops).maps().items():
        assert np.abs(found[name] - expected).max() < 0.02 * np.abs(expected).max(), name


def test_swapping_the_images_swaps_the_maps(model, crops) -> None:
    forth, back = explain(model, *crops, threshold=0.3), explain(model, *crops[::-1], threshold=0.3)
    assert forth.score == pytest.approx(back.score, abs=1e-12)
    for name in ("similarity", "dissimilarity", "combined"):
        np.testing.assert_allclose(getattr(forth.probe, name), getattr(back.reference, name), rtol=1e-5, atol=1e-12)


def test_a_threshold_below_every_argument_leaves_no_dissimilarity(model, crops) -> None:
    lowest = explain(model, *crops, threshold=0.0).arguments.min()
    threshold = float(lowest) * DIMENSIONS - 1e-6
    result = explain(model, *crops, threshold=max(threshold, -1.0))
    if threshold >= -1.0:
        assert (result.probe.dissimilarity == 0).all()
        assert (result.reference.dissimilarity == 0).all()
        np.testing.assert_array_equal(result.probe.combined, result.probe.similarity)
    else:
        pytest.fail("choose other crops: no cosine lies below every argument")


def test_maps_change_only_when_the_threshold_crosses_an_argument(model, crops) -> None:
    ordered = np.sort(explain(model, *crops, threshold=0.0).arguments)
    low, high = ordered[2], ordered[3]
    inside = [low + share * (high - low) for share in (0.2, 0.9)]
    outside = low - 1e-6
    first, same, other = (explain(model, *crops, threshold=v * DIMENSIONS).maps() for v in (*inside, outside))
    for name, values in first.items():
        np.testing.assert_array_equal(values, same[name])
    assert any(not np.array_equal(values, other[name]) for name, values in first.items())


def test_the_thresholds_with_the_same_maps_are_said_exactly(model, crops) -> None:
    first = explain(model, *crops, threshold=0.05)
    low, high = same_maps_between(first.embeddings, 0.05)
    assert -1 < low < 0.05 <= high < 1
    inside = [float(np.nextafter(low, 1)), high]
    outside = [low, float(np.nextafter(high, 1)) + 1e-12]
    for threshold, is_same in [*((t, True) for t in inside), *((t, False) for t in outside)]:
        other = explain(model, *crops, threshold=threshold)
        equal = all(np.array_equal(values, other.maps()[name]) for name, values in first.maps().items())
        assert equal == is_same, threshold
    assert same_maps_between(first.embeddings, -100.0)[0] == -np.inf
    assert same_maps_between(first.embeddings, 100.0)[1] == np.inf


def test_a_tie_is_a_positive_argument(crops) -> None:
    model = tiny_model(Linear())
    products = np.sort(explain(model, *crops, threshold=0.0).arguments)
    ties = [v for v in products if abs(v) * DIMENSIONS < 1 and v * DIMENSIONS / DIMENSIONS == v]
    tie = explain(model, *crops, threshold=float(ties[-1]) * DIMENSIONS, blur=False)
    graph = XSSAB().gather(model, *crops, None)
    above = argument_gradients(model, graph, float(np.nextafter(ties[-1] * DIMENSIONS, 1.0)))[0]
    assert np.abs(tie.probe.similarity - above[0].abs().mean(0).numpy()).max() > 0


def test_arguments_add_up_to_the_score(sface, samples) -> None:
    result = explain(sface, samples["barack_obama_1"], samples["barack_obama_2"])
    assert result.arguments.sum() == pytest.approx(result.score, abs=1e-9)
    assert result.argument_threshold == pytest.approx(result.threshold.value / 128)


def test_blur_is_the_last_step_on_all_maps(model, crops) -> None:
    sharp, blurred = (explain(model, *crops, threshold=0.3, blur=blur).maps() for blur in (False, True))
    for name, values in sharp.items():
        np.testing.assert_allclose(blurred[name], gaussian_blur(values), rtol=1e-5, atol=1e-12)


def test_the_blur_is_a_five_by_five_gaussian_of_sigma_five() -> None:
    impulse = np.zeros((15, 15), np.float32)
    impulse[7, 7] = 1.0
    weights = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 5.0**2))
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    np.testing.assert_allclose(gaussian_blur(impulse)[5:10, 5:10], kernel, atol=1e-6)


def test_nothing_is_left_behind_on_the_network(sface, samples) -> None:
    explain(sface, samples["barack_obama_1"], samples["joe_biden_1"])
    for module in sface.network.modules():
        assert not module._forward_hooks
        assert not module._backward_hooks
    assert all(p.grad is None and not p.requires_grad for p in sface.network.parameters())


@pytest.mark.parametrize("threshold", [1.5, -2.0, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(model, crops, threshold) -> None:
    with pytest.raises(ExplainError, match="between -1 and 1"):
        explain(model, *crops, threshold=threshold)


def test_an_uncalibrated_model_asks_for_a_threshold(model, crops) -> None:
    with pytest.raises(ExplainError, match="calibrate"):
        explain(model, *crops)


def test_an_embedding_that_is_not_finite_is_refused(crops) -> None:
    network = Linear()
    network.weight.data[0, 0] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        explain(tiny_model(network), *crops, threshold=0.3)


def test_crops_of_different_size_are_refused(model, crops) -> None:
    with pytest.raises(ModelError, match="takes uint8 RGB crops"):
        explain(model, crops[0], crops[1][:-1], threshold=0.3)
