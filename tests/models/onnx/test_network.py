"""ONNX recognisers: equal to the network they were exported from, or honest about why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from xssab_core.errors import ExplainError, WeightsError
from xssab_core.explain import explain
from xssab_core.explain.peers.affine import AffineHead
from xssab_core.faces import ARCFACE, AlignedFace
from xssab_core.models import load_model
from xssab_core.models.adding import Input, add_onnx
from xssab_core.models.base import GridNetwork, TorchFaceModel
from xssab_core.models.onnx.diagnosis import diagnose
from xssab_core.models.registry import entry_of
from xssab_core.models.zoo.iresnet import IResNet

Run = Callable[..., tuple[int, str, str]]
CROPS = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)


class _Whole(nn.Module):
    def __init__(self, network: IResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network.head(self.network.grid(images))


class _MobileFaceNet(nn.Module):
    """The operators of MobileFaceNet and its relatives: depthwise convolutions, gates, hard activations."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16),
            nn.Conv2d(16, 16, 3, 2, 1, groups=16), nn.Hardswish(), nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(16, 24, 1), nn.SiLU(), nn.AvgPool2d(2), nn.ReLU6(),
        )  # fmt: skip
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(24, 6, 1), nn.LeakyReLU(0.1), nn.Conv2d(6, 24, 1), nn.Hardsigmoid()
        )
        self.depthwise, self.fc, self.norm = nn.Conv2d(24, 24, 7, groups=24), nn.Linear(24, 16), nn.BatchNorm1d(16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        grid = self.stem(images)
        grid = grid * self.gate(grid)
        return nn.functional.normalize(self.norm(self.fc(self.depthwise(grid).flatten(1))))


class _ViT(nn.Module):
    """A vision transformer of one block."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 16, 16)
        self.first, self.places = nn.Parameter(torch.randn(1, 1, 32)), nn.Parameter(torch.randn(1, 50, 32))
        self.norm, self.qkv, self.out = nn.LayerNorm(32), nn.Linear(32, 96), nn.Linear(32, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.fc = nn.Linear(32, 16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        count = images.shape[0]
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(count, -1, -1), x], 1) + self.places
        q, k, v = self.qkv(self.norm(x)).reshape(count, 50, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q @ k.transpose(-2, -1) * 8**-0.5).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(count, 50, 32))
        embeddings: torch.Tensor = self.fc((x + self.mlp(x))[:, 0])
        return embeddings


def _export(network: nn.Module, path: Path, opset: int = 17, batches: bool = True) -> Path:
    axes = {"images": {0: "n"}} if batches else None
    torch.onnx.export(
        network.eval(), (torch.randn(1, 3, 112, 112),), str(path),
        input_names=["images"], dynamic_axes=axes, opset_version=opset, dynamo=False,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def iresnet() -> IResNet:
    torch.manual_seed(0)
    return IResNet(18).eval().requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize("batches", [True, False])
def test_an_exported_iresnet_comes_back_with_the_same_embeddings_and_the_same_map(
    iresnet: IResNet, batches: bool, store: Path, tmp_path: Path, run: Run
) -> None:
    file = _export(_Whole(iresnet), tmp_path / "iresnet.onnx", batches=batches)
    code, out, _ = run(
        "models", "add", "--id", "exported", "--onnx", file, "--size", 112, "--colour", "RGB",
        "--mean", "127.5", "--std", "127.5",
    )  # fmt: skip
    assert (code, "512 numbers a face" in out, "black-box" in out) == (0, True, False)
    again = load_model("exported", "cpu")
    assert isinstance(again, TorchFaceModel)
    images = torch.from_numpy(CROPS).permute(0, 3, 1, 2).float() / 127.5 - 1
    raw = iresnet.head(iresnet.grid(images)).numpy()
    np.testing.assert_allclose(again.embed(CROPS), raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)
    assert isinstance(again.network, GridNetwork)
    assert again.network.features(again.pixels(CROPS)).shape == (3, 512, 7, 7)
    assert AffineHead().unavailable(again) is None
    if not batches:
        return
    # In float64: float32 gradients of the same network differ by up to a percent with the order of operations.
    from xssab_core.models.zoo.network import PixelNetwork

    network = PixelNetwork(iresnet, (127.5,), (127.5,))
    original = TorchFaceModel(again.info, network.double(), "0" * 64, (), torch.device("cpu"))
    again.network.double()
    maps = [explain(m, CROPS[0], CROPS[1], threshold=0.3).probe.combined for m in (original, again)]
    assert maps[0] is not None
    assert maps[1] is not None
    np.testing.assert_allclose(maps[1], maps[0], rtol=0, atol=1e-5 * float(np.abs(maps[0]).max()))
    iresnet.float()


@pytest.mark.parametrize(
    ("build", "opset", "batches"),
    [
        (_MobileFaceNet, 9, True), (_MobileFaceNet, 17, True), (_MobileFaceNet, 20, False),
        (_ViT, 11, True), (_ViT, 17, True), (_ViT, 20, True), (_ViT, 13, False),
    ],
)  # fmt: skip
def test_gradients_are_those_of_the_exported_network(
    build: type[nn.Module], opset: int, batches: bool, store: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = build().eval().requires_grad_(False)
    file = _export(network, tmp_path / "network.onnx", opset, batches)
    card = add_onnx("mine", file, Input(mean=(120.0, 110.0, 100.0), std=(60.0, 64.0, 68.0), colour_order="BGR"))
    assert card.info.differentiable, card.info.black_box_reason
    model = load_model("mine", "cpu")
    assert isinstance(model, TorchFaceModel)
    again = model.network.double()
    network.double()
    pixels = torch.from_numpy(CROPS).permute(0, 3, 1, 2).double().requires_grad_()
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in ((120, 110, 100), (60, 64, 68)))
    expected, found = network((pixels.flip(1) - mean) / std), again(pixels)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    wanted, got = (torch.autograd.grad(v[:, :5].sum(), pixels)[0] for v in (expected, found))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.slow
def test_the_block_quantised_sface_file_is_imported_as_our_own_sface(
    sface: TorchFaceModel, sface_file: Path, store: Path, samples: dict[str, AlignedFace]
) -> None:
    add_onnx("quantised", sface_file, Input(mean=(0.0,), std=(1.0,)))  # the file normalises pixels itself
    again = load_model("quantised", "cpu")
    np.testing.assert_allclose(again.embed(CROPS), sface.embed(CROPS), atol=1e-5)
    faces = samples["barack_obama_1"], samples["joe_biden_1"]
    found, wanted = (explain(model, *faces, "layered", threshold=0.3) for model in (again, sface))
    for maps, ours in ((found.probe, wanted.probe), (found.reference, wanted.reference)):
        assert maps.combined is not None
        assert ours.combined is not None
        np.testing.assert_allclose(maps.combined, ours.combined, atol=0.02 * np.abs(ours.combined).max())


def _graph(nodes: list[onnx.NodeProto], output: list[int], opset: int = 17, domain: str = "") -> onnx.ModelProto:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3 * 112 * 112, 8], np.random.default_rng(0).normal(
        size=(3 * 112 * 112, 8)).astype(np.float32).tobytes(), raw=True)  # fmt: skip
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [weights],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def test_the_older_forms_of_operators_agree_with_onnx_runtime(store: Path, tmp_path: Path) -> None:
    """Opset 8, in which MXNet wrote the first published recognisers."""
    rng = np.random.default_rng(2)

    def constant(name: str, *shape: int, least: float = -1.0) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.FLOAT, shape, rng.uniform(least, 1, shape).ravel().tolist())

    node = helper.make_node
    nodes = [
        node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], ["a"], epsilon=2e-5),
        node("Pad", ["a"], ["b"], pads=[0, 0, 1, 2, 0, 0, 2, 1], value=0.5),
        node("Conv", ["b", "kernel"], ["c"], auto_pad="SAME_LOWER", strides=[2, 3], kernel_shape=[3, 3]),
        node("PRelu", ["c", "slope"], ["d"]),
        node("Clip", ["d"], ["e"], min=-0.8, max=0.9),
        node("MaxPool", ["e"], ["f"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
        node("AveragePool", ["f"], ["g"], kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Slice", ["g"], ["h"], starts=[1, -5], ends=[1000, -1], axes=[2, 3]),
        node("Softmax", ["h"], ["i"], axis=1),
        node("ReduceMean", ["i"], ["j"], axes=[3], keepdims=1),
        node("Squeeze", ["j"], ["k"], axes=[3]),
        node("Unsqueeze", ["k"], ["l"], axes=[1, 4]),
        node("Elu", ["l"], ["m"]),
        node("Dropout", ["m"], ["n"]),
        node("Flatten", ["n"], ["o"]),
        node("Split", ["o"], ["p", "q"], axis=1, split=[6, 10]),
        node("Concat", ["q", "p"], ["r"], axis=1),
        node("Gemm", ["r", "fc", "fc_bias"], ["y"], alpha=5.0, beta=0.5, transB=1),
    ]
    weights = [
        constant("scale", 3), constant("bias", 3), constant("mean", 3), constant("variance", 3, least=0.5),
        constant("kernel", 4, 3, 3, 3), constant("slope", 4, 1, 1), constant("fc", 6, 16), constant("fc_bias", 6),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 6])],
        weights,
    )
    file = tmp_path / "old.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)], ir_version=4), file)
    found = diagnose(file, 32, "RGB", (127.5,), (127.5,))
    assert found.black_box_reason == ""
    assert found.batches
    assert found.embedding_size == 6


def test_a_network_without_gradient_becomes_a_black_box_that_says_why(
    store: Path, tmp_path: Path, samples: dict[str, AlignedFace], run: Run
) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Round", ["flat"], ["rounded"]),
        helper.make_node("MatMul", ["rounded", "w"], ["y"]),
    ]
    file = tmp_path / "rounded.onnx"
    onnx.save(_graph(nodes, ["n", 8]), file)
    code, out, _ = run("models", "add", "--id", "rounded", "--onnx", file, "--mean", "0", "--std", "255")
    assert code == 0
    assert "black-box methods only. Its ONNX file has the operator Round" in out
    model = load_model("rounded", "cpu")
    assert not isinstance(model, TorchFaceModel)
    rows = model.embed(CROPS)
    graph = onnx.load(file)
    weights = np.frombuffer(graph.graph.initializer[0].raw_data, np.float32).reshape(-1, 8)
    raw = np.round(CROPS.transpose(0, 3, 1, 2).reshape(3, -1) / np.float32(255)) @ weights
    np.testing.assert_allclose(rows, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-4)
    with pytest.raises(ExplainError, match=r"rounded is a black box\. Its ONNX file has the operator Round"):
        explain(model, samples["barack_obama_1"], samples["joe_biden_1"], threshold=0.5)


def test_files_that_are_no_recogniser_are_refused(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    for content in (b"garbage", b""):
        file.write_bytes(content)
        with pytest.raises(WeightsError, match=r"network\.onnx is not a.* ONNX network"):
            add_onnx("mine", file)
    torch.manual_seed(0)
    _export(_MobileFaceNet(), file)
    with pytest.raises(WeightsError, match="takes pictures of 112 x 112 pixels, not of 64 x 64"):
        diagnose(file, 64, "RGB", (0.0,), (1.0,))
    model = onnx.load(file)
    onnx.save(model, file, save_as_external_data=True, location="weights.data", size_threshold=0)
    with pytest.raises(WeightsError, match="keeps its weights in another file"):
        add_onnx("mine", file)


def test_the_card_says_what_the_network_expects(store: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    file = _export(_MobileFaceNet(), tmp_path / "network.onnx")
    info = add_onnx("mine", file, Input(mean=(1.0, 2.0, 3.0), std=(128.0,), colour_order="BGR")).info
    assert info.normalisation == "(x - (1, 2, 3)) / (128)"
    assert info.colour_order == "BGR"
    assert info.template == ARCFACE
    assert info.embedding_size == 16
    assert entry_of("mine").info == info
