"""Architectures: the published layouts, and what each layer computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from xssab_core.explain import explain
from xssab_core.faces import ARCFACE
from xssab_core.models.base import GridNetwork, ModelInfo, TorchFaceModel
from xssab_core.models.registry import entry_of
from xssab_core.models.zoo import dlib_resnet, ir101, iresnet, sface
from xssab_core.models.zoo.architectures import ARCHITECTURES, Architecture

BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _norm(name: str, size: int, affine: bool = True) -> dict[str, tuple[int, ...]]:
    parts = BATCH_NORM if affine else BATCH_NORM[2:]
    return {f"{name}.{part}": () if part == "num_batches_tracked" else (size,) for part in parts}


def _published_iresnet100() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the backbone.pth files of arcface_torch and ElasticFace for depth 100."""
    shapes = {"conv1.weight": (64, 3, 3, 3), **_norm("bn1", 64), "prelu.weight": (64,)}
    inputs = 64
    for layer, (outputs, units) in enumerate([(64, 3), (128, 13), (256, 30), (512, 3)], 1):
        for unit in range(units):
            name, first = f"layer{layer}.{unit}", inputs if unit == 0 else outputs
            shapes |= _norm(f"{name}.bn1", first) | {f"{name}.conv1.weight": (outputs, first, 3, 3)}
            shapes |= _norm(f"{name}.bn2", outputs) | {f"{name}.prelu.weight": (outputs,)}
            shapes |= {f"{name}.conv2.weight": (outputs, outputs, 3, 3)} | _norm(f"{name}.bn3", outputs)
            if unit == 0:
                shapes |= {f"{name}.downsample.0.weight": (outputs, first, 1, 1)}
                shapes |= _norm(f"{name}.downsample.1", outputs)
        inputs = outputs
    shapes |= _norm("bn2", 512) | {"fc.weight": (512, 25088), "fc.bias": (512,)}
    return shapes | _norm("features", 512)


def _published_ir101() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of CurricularFace_Backbone.pth."""
    shapes = {"input_layer.0.weight": (64, 3, 3, 3), **_norm("input_layer.1", 64), "input_layer.2.weight": (64,)}
    inputs, number = 64, 0
    for outputs, units in [(64, 3), (128, 13), (256, 30), (512, 3)]:
        for unit in range(units):
            name, first = f"body.{number}", inputs if unit == 0 else outputs
            if first != outputs:
                shapes |= {f"{name}.shortcut_layer.0.weight": (outputs, first, 1, 1)}
                shapes |= _norm(f"{name}.shortcut_layer.1", outputs)
            shapes |= _norm(f"{name}.res_layer.0", first)
            shapes |= {f"{name}.res_layer.1.weight": (outputs, first, 3, 3), f"{name}.res_layer.2.weight": (outputs,)}
            shapes |= {f"{name}.res_layer.3.weight": (outputs, outputs, 3, 3)} | _norm(f"{name}.res_layer.4", outputs)
            number += 1
        inputs = outputs
    shapes |= _norm("output_layer.0", 512) | {"output_layer.3.weight": (512, 25088), "output_layer.3.bias": (512,)}
    return shapes | _norm("output_layer.4", 512, affine=False)


# 65.16 and 65.13 million trainable numbers.
@pytest.mark.parametrize(
    ("architecture", "published", "keys", "parameters"),
    [
        ("iresnet100", _published_iresnet100(), 925, 65_156_160),
        ("ir101", _published_ir101(), 672, 65_128_768),
    ],
)
def test_keys_shapes_and_size_are_those_of_the_published_release(
    architecture: str, published: dict[str, tuple[int, ...]], keys: int, parameters: int
) -> None:
    built = ARCHITECTURES[architecture]
    assert built.shapes() == published
    assert len(published) == keys
    with torch.device("meta"):
        assert sum(p.numel() for p in built.build().parameters()) == parameters


def test_smaller_iresnets_have_the_published_sizes() -> None:
    # 24.03, 34.14 and 43.59 million.
    sizes = {18: 24_025_600, 34: 34_139_328, 50: 43_590_848}
    for depth, size in sizes.items():
        with torch.device("meta"):
            assert sum(p.numel() for p in iresnet.IResNet(depth).parameters()) == size, depth


def _convolve(image: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """(C, h, w) * (O, C, k, k) -> (O, h', w'), straight from the definition."""
    image = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    kernel = weight.shape[-1]
    height, width = ((size - kernel) // stride + 1 for size in image.shape[1:])
    out = np.zeros((len(weight), height, width))
    for y in range(height):
        for x in range(width):
            window = image[:, y * stride : y * stride + kernel, x * stride : x * stride + kernel]
            out[:, y, x] = np.tensordot(weight, window, 3)
    return out


def _cheaply_random(build: Callable[[], nn.Module]) -> nn.Module:
    """A network of small random weights; PyTorch's own initialisation takes longer than the test."""
    with torch.device("meta"):
        network = build()
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.fill_(1)
        elif value.ndim > 1:
            value.uniform_(-1, 1, generator=generator).mul_((3 / value[0].numel()) ** 0.5)
        elif value.is_floating_point():
            value.fill_(0.25 if name.endswith("weight") else 0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.affine:
            nn.init.ones_(module.weight)
    return network


class _ByHand:
    """The layers of a block re-computed in numpy from its state dict."""

    def __init__(self, block: nn.Module) -> None:
        self.state = {key: value.numpy() for key, value in block.state_dict().items()}

    def conv(self, name: str, image: np.ndarray, stride: int, padding: int) -> np.ndarray:
        return _convolve(image, self.state[f"{name}.weight"], stride, padding)

    def norm(self, name: str, image: np.ndarray) -> np.ndarray:
        weight, bias, mean, variance = (self.state[f"{name}.{part}"][:, None, None] for part in BATCH_NORM[:4])
        return (image - mean) / np.sqrt(variance + 1e-5) * weight + bias

    def prelu(self, name: str, image: np.ndarray) -> np.ndarray:
        return np.where(image > 0, image, image * self.state[f"{name}.weight"][:, None, None])


def _random_statistics(network: nn.Module) -> nn.Module:
    """As after training: no normalisation is the identity, no slope the default."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            if module.affine:
                module.weight.data.uniform_(0.5, 1.5, generator=generator)
                module.bias.data.normal_(0, 0.3, generator=generator)
        if isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.5, 0.5, generator=generator)
    return network.double().eval().requires_grad_(False)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(8, 8, 1), (8, 8, 2), (8, 12, 2)])
def test_an_iresnet_block_computes_what_its_layers_say(inputs: int, outputs: int, stride: int) -> None:
    block = _random_statistics(iresnet._Unit(inputs, outputs, stride))
    image = np.random.default_rng(1).normal(size=(inputs, 7, 7))
    hand = _ByHand(block)
    inner = hand.prelu("prelu", hand.norm("bn2", hand.conv("conv1", hand.norm("bn1", image), 1, 1)))
    inner = hand.norm("bn3", hand.conv("conv2", inner, stride, 1))
    shortcut = image
    if stride == 2:
        shortcut = hand.norm("downsample.1", hand.conv("downsample.0", image, 2, 0))
    found = block(torch.from_numpy(image)[None])[0].numpy()
    np.testing.assert_allclose(found, inner + shortcut, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(8, 8, 1), (8, 8, 2), (8, 12, 2)])
def test_an_ir101_block_computes_what_its_layers_say(inputs: int, outputs: int, stride: int) -> None:
    block = _random_statistics(ir101._Unit(inputs, outputs, stride))
    image = np.random.default_rng(1).normal(size=(inputs, 7, 7))
    hand = _ByHand(block)
    inner = hand.prelu("res_layer.2", hand.conv("res_layer.1", hand.norm("res_layer.0", image), 1, 1))
    inner = hand.norm("res_layer.4", hand.conv("res_layer.3", inner, stride, 1))
    shortcut = image[:, ::stride, ::stride]
    if inputs != outputs:
        shortcut = hand.norm("shortcut_layer.1", hand.conv("shortcut_layer.0", image, stride, 0))
    found = block(torch.from_numpy(image)[None])[0].numpy()
    np.testing.assert_allclose(found, inner + shortcut, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["iresnet18", "ir101"])
def test_the_ends_of_iresnet_and_ir101_compute_what_their_layers_say(name: str) -> None:
    grid = torch.randn(2, 512, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    network = _random_statistics(_cheaply_random(ARCHITECTURES[name].build)).backbone
    fc, norm = (network.fc, network.features) if name == "iresnet18" else network.output_layer[3:5]
    flat = grid.numpy().reshape(2, -1) @ fc.weight.numpy().T + fc.bias.numpy()
    flat = (flat - norm.running_mean.numpy()) / np.sqrt(norm.running_var.numpy() + 1e-5)
    if name == "iresnet18":
        flat = flat * norm.weight.numpy() + norm.bias.numpy()
    np.testing.assert_allclose(network.head(grid).numpy(), flat, rtol=1e-9)


def test_dlib_adds_grids_and_channels_of_different_sizes_padded_with_zeros() -> None:
    small, large = torch.ones(1, 4, 2, 2), torch.full((1, 2, 3, 3), 10.0)
    total = dlib_resnet._add_padded(small, large)
    assert total.shape == (1, 4, 3, 3)
    assert total[0, 0].tolist() == [[11, 11, 10], [11, 11, 10], [10, 10, 10]]
    assert total[0, 3].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_pixels_are_normalised_inside_the_network() -> None:
    network = iresnet.iresnet(18).eval()
    pixels = torch.randint(0, 256, (1, 3, 112, 112), generator=torch.Generator().manual_seed(3)).float()
    with torch.inference_mode():
        torch.testing.assert_close(network(pixels), network.backbone.head(network.backbone.grid(pixels / 127.5 - 1)))


def _random_model(architecture: Architecture | ModelInfo, network: nn.Module) -> TorchFaceModel:
    if isinstance(architecture, ModelInfo):
        info = architecture
    else:
        info = ModelInfo(
            architecture.id, architecture.title, architecture.title, "", "", "", "random numbers",
            architecture.template, "RGB", architecture.normalisation, architecture.embedding_size, True,
        )  # fmt: skip
    return TorchFaceModel(info, network, "0" * 64, (), torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ARCHITECTURES, "sface", "dlib"])
def test_xssab_runs_on_every_architecture(name: str) -> None:
    if name in ARCHITECTURES:
        model = _random_model(ARCHITECTURES[name], _cheaply_random(ARCHITECTURES[name].build))
    elif name == "sface":
        model = _random_model(entry_of("sface").info, _cheaply_random(sface.SFace))
    else:
        model = _random_model(entry_of("dlib").info, _cheaply_random(dlib_resnet.dlib_resnet))
    size = model.info.template.size
    crops = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    result = explain(model, crops[0], crops[1], threshold=0.0)
    assert result.embeddings.shape == (2, model.info.embedding_size)
    for side in (result.probe, result.reference):
        assert side.combined is not None
        assert side.combined.shape == (size, size)
        assert np.isfinite(side.combined).all()
        assert np.ptp(side.combined) > 0
    assert isinstance(model.network, GridNetwork)
    grid = model.network.features(model.pixels(crops[:1]))
    assert grid.ndim == 4
    assert min(grid.shape[2:]) > 1


def test_the_templates_of_all_models_have_the_shape_of_a_face() -> None:
    for template in (dlib_resnet.TEMPLATE, ARCHITECTURES["inception-resnet-v1"].template, ARCFACE):
        left_eye, right_eye, nose, left_mouth, right_mouth = template.points
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1]) < template.size
