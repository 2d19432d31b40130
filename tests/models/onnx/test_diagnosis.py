"""What is taken for a recogniser in ONNX format, and what is refused under the name of its fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from xssab_core.errors import WeightsError
from xssab_core.models import TorchFaceModel, load_model
from xssab_core.models.adding import Input, add_onnx, template_for
from xssab_core.models.onnx.diagnosis import diagnose
from xssab_core.models.zoo.iresnet import IResNet

Run = Callable[..., tuple[int, str, str]]
SIDE = 32
PIXELS = (0.0,), (255.0,)
node = helper.make_node


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    outputs: dict[str, list[int | str]],
    dtype: int = TensorProto.FLOAT,
    shape: tuple[int | str, ...] = ("n", 3, SIDE, SIDE),
    **more: np.ndarray,
) -> Path:
    """A graph of the input `x`; the weights `w` bring a flattened picture to 8 numbers."""
    weights = {"w": np.random.default_rng(0).normal(size=(3 * SIDE * SIDE, 8)).astype(np.float32)} | more
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


EMBEDDING = [node("Flatten", ["x"], ["flat"]), node("MatMul", ["flat", "w"], ["y"])]


def _two_outputs(path: Path) -> Path:
    """Of AdaFace: the embedding and its length; the length comes first here."""
    return _save(
        path,
        [*EMBEDDING, node("ReduceL2", ["y"], ["norm"], axes=[1], keepdims=1)],
        {"norm": ["n", 1], "y": ["n", 8]},
    )


def test_the_embedding_is_found_among_several_outputs_and_said(store: Path, tmp_path: Path, run: Run) -> None:
    file = _two_outputs(tmp_path / "network.onnx")
    given = ("models", "add", "--id", "mine", "--onnx", file, "--size", SIDE, "--mean", 0, "--std", 255)
    code, out, _ = run(*given)
    assert (code, "8 numbers a face" in out, "taken: y; left out: norm" in out) == (0, True, True)
    model = load_model("mine", "cpu")
    assert isinstance(model, TorchFaceModel)
    assert model.embed(np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)).shape == (2, 8)
    assert "norm is no embedding" in run(*given, "--replace", "--output-name", "norm")[2]
    assert (
        "no output 'z'. Its outputs: norm, y. An output is named with --output-name"
        in run(*given, "--replace", "--output-name", "z")[2]
    )


def test_between_two_embeddings_the_user_chooses(store: Path, tmp_path: Path) -> None:
    file = _save(
        tmp_path / "network.onnx",
        [*EMBEDDING, node("MatMul", ["flat", "v"], ["z"])],
        {"y": ["n", 8], "z": ["n", 5]},
        v=np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, 5)).astype(np.float32),
    )
    with pytest.raises(WeightsError, match=r"Several outputs could be the embedding.*y is \(1, 8\).*z is \(1, 5\)"):
        diagnose(file, SIDE, "RGB", *PIXELS)
    found = diagnose(file, SIDE, "RGB", *PIXELS, "z")
    assert (found.output, found.other_outputs, found.embedding_size) == ("z", ("y",), 5)


def test_a_black_box_answers_by_its_named_output(store: Path, tmp_path: Path) -> None:
    file = _save(
        tmp_path / "network.onnx",
        [node("Flatten", ["x"], ["flat"]), node("Round", ["flat"], ["whole"]), node("MatMul", ["whole", "w"], ["y"]),
         node("ReduceSum", ["y"], ["total"])],
        {"total": [], "y": ["n", 8]},
    )  # fmt: skip
    card = add_onnx("mine", file, Input(template_for(SIDE), mean=(0.0,), std=(255.0,)))
    assert (card.info.differentiable, card.settings["output"]) == (False, "y")
    crops = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    assert load_model("mine", "cpu").embed(crops).shape == (2, 8)


FLAT = EMBEDDING[0]
ROW = node("MatMul", ["flat", "w"], ["r"])


@pytest.mark.parametrize(
    ("nodes", "axes", "told"),
    [
        ([node("Conv", ["x", "k"], ["y"])], 4, r"y is \(1, 8, 32, 32\) for one, \(3, 8, 32, 32\) for 3"),
        ([node("Reshape", ["x", "boxes"], ["y"])], 2, r"y is \(768, 4\) for one, \(2304, 4\) for 3"),
        ([FLAT, ROW, node("Reshape", ["r", "line"], ["y"])], 2, r"y is \(1, 8\) for one, \(1, 24\) for 3"),
        ([FLAT, node("ReduceMean", ["flat"], ["y"], axes=[1], keepdims=1)], 2, r"y is \(1, 1\) for one"),
        ([FLAT, ROW, node("ReduceSum", ["r", "first"], ["y"], keepdims=0)], 1, r"y is \(8,\) for one"),
    ],
    ids=["feature-map", "boxes", "all-in-one-row", "one-number", "no-first-axis"],
)
def test_what_is_not_n_by_d_is_no_embedding(nodes: list[onnx.NodeProto], axes: int, told: str, tmp_path: Path) -> None:
    file = _save(
        tmp_path / "network.onnx", nodes, {"y": [f"axis{i}" for i in range(axes)]},
        k=np.ones((8, 3, 1, 1), np.float32), boxes=np.array([-1, 4]), line=np.array([1, -1]), first=np.array([0]),
    )  # fmt: skip
    with pytest.raises(WeightsError, match=rf"No output of the network is an embedding.*{told}"):
        diagnose(file, SIDE, "RGB", *PIXELS)


def test_a_network_exported_with_active_dropout_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 16), nn.Dropout(0.4), nn.Linear(16, 8))
    file = tmp_path / "network.onnx"
    for training in (torch.onnx.TrainingMode.TRAINING, torch.onnx.TrainingMode.EVAL):
        network.train(training == torch.onnx.TrainingMode.TRAINING)
        torch.onnx.export(
            network, (torch.randn(2, 3, SIDE, SIDE),), str(file), input_names=["x"], dynamic_axes={"x": {0: "n"}},
            training=training, opset_version=17, dynamo=False,
        )  # fmt: skip
        if training == torch.onnx.TrainingMode.EVAL:
            assert diagnose(file, SIDE, "RGB", *PIXELS).black_box_reason == ""
            continue
        with pytest.raises(WeightsError, match=r"differently when it is asked again: .*after eval\(\)"):
            diagnose(file, SIDE, "RGB", *PIXELS)


@pytest.mark.parametrize(
    ("weight", "problem"),
    [(np.nan, "numbers that are not finite"), (np.inf, "numbers that are not finite"), (0.0, "nothing but zeros")],
)
def test_useless_weights_are_refused(weight: float, problem: str, tmp_path: Path) -> None:
    file = _save(
        tmp_path / "network.onnx", EMBEDDING, {"y": ["n", 8]}, w=np.full((3 * SIDE * SIDE, 8), weight, np.float32)
    )
    with pytest.raises(WeightsError, match=f"The network gives {problem}"):
        diagnose(file, SIDE, "RGB", *PIXELS)


def test_an_embedding_that_ignores_the_picture_is_refused(tmp_path: Path) -> None:
    nodes = [*EMBEDDING[:1], node("Mul", ["flat", "nought"], ["n"]), node("MatMul", ["n", "w"], ["m"]),
             node("Add", ["m", "bias"], ["y"])]  # fmt: skip
    file = _save(
        tmp_path / "network.onnx", nodes, {"y": ["n", 8]},
        nought=np.zeros(1, np.float32), bias=np.arange(1, 9, dtype=np.float32),
    )  # fmt: skip
    with pytest.raises(WeightsError, match="every picture the same embedding"):
        diagnose(file, SIDE, "RGB", *PIXELS)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (("n", 3, 112, 96), "takes pictures of 112 x 96 pixels, not of 32 x 32"),
        (("n", 48, 48, 3), "takes pictures of 48 x 48 pixels, not of 32 x 32"),
        (("n", 1, SIDE, SIDE), "1 channels; pictures have 3"),
        (("n", 512), r"takes arrays of shape \(free, 512\), not pictures"),
        ((4, 3, SIDE, SIDE), "takes 4 pictures at once"),
    ],
)
def test_the_shape_that_does_not_fit_is_named(shape: tuple[int | str, ...], told: str, tmp_path: Path) -> None:
    file = _save(tmp_path / "network.onnx", [node("Flatten", ["x"], ["y"])], {"y": ["n", "d"]}, shape=shape)
    with pytest.raises(WeightsError, match=told):
        diagnose(file, SIDE, "RGB", *PIXELS)


def test_a_size_that_only_the_run_reveals_is_suggested(store: Path, tmp_path: Path, run: Run) -> None:
    file = _save(tmp_path / "network.onnx", EMBEDDING, {"y": ["n", 8]}, shape=("n", 3, "h", "w"))
    _, _, err = run("models", "add", "--id", "mine", "--onnx", file, "--size", 40)
    assert "cannot run the network on a picture of 40 x 40 pixels: " in err
    assert "Perhaps it takes another size. The size is given with --size." in err


def test_a_second_input_is_named(tmp_path: Path) -> None:
    file = _save(tmp_path / "network.onnx", [*EMBEDDING[:1], node("Add", ["flat", "b"], ["y"])], {"y": ["n", "d"]})
    model = onnx.load(file)
    model.graph.input.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, [1]))
    onnx.save(model, file)
    with pytest.raises(WeightsError, match=r"has 2 inputs \(x, b\); a face recogniser takes one picture"):
        diagnose(file, SIDE, "RGB", *PIXELS)


@pytest.mark.parametrize(
    ("dtype", "mean", "std"),
    [
        (TensorProto.FLOAT16, 127.5, 127.5), (TensorProto.DOUBLE, 127.5, 127.5),
        (TensorProto.UINT8, 0.0, 1.0), (TensorProto.INT8, 128.0, 1.0),
    ],
)  # fmt: skip
def test_other_types_of_input_are_taken(dtype: int, mean: float, std: float, store: Path, tmp_path: Path) -> None:
    nodes = [node("Cast", ["x"], ["c"], to=TensorProto.FLOAT), node("Flatten", ["c"], ["flat"]), EMBEDDING[1]]
    file = _save(tmp_path / "network.onnx", nodes, {"y": ["n", 8]}, dtype)
    card = add_onnx("mine", file, Input(template_for(SIDE), mean=(mean,), std=(std,)))
    assert card.info.black_box_reason == ""
    crops = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    weights = onnx.numpy_helper.to_array(onnx.load(file).graph.initializer[0])
    raw = ((crops - mean) / std).transpose(0, 3, 1, 2).reshape(2, -1) @ weights
    atol = 2e-3 if dtype == TensorProto.FLOAT16 else 1e-5
    rows = load_model("mine", "cpu").embed(crops)
    np.testing.assert_allclose(rows, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=atol)


def test_types_that_are_no_pixels_are_named(tmp_path: Path) -> None:
    nodes = [node("Cast", ["x"], ["c"], to=TensorProto.FLOAT), node("Flatten", ["c"], ["flat"]), EMBEDDING[1]]
    for dtype, name in ((TensorProto.INT64, "int64"), (TensorProto.BFLOAT16, "bfloat16"), (TensorProto.BOOL, "bool")):
        file = _save(tmp_path / "network.onnx", nodes, {"y": ["n", 8]}, dtype)
        with pytest.raises(WeightsError, match=f"numbers of type {name}; pictures come as float32, float16"):
            diagnose(file, SIDE, "RGB", *PIXELS)
    file = _save(tmp_path / "network.onnx", nodes, {"y": ["n", 8]}, TensorProto.UINT8)
    with pytest.raises(WeightsError, match=r"whole numbers \(uint8\) and normalises them itself: give 0 as"):
        diagnose(file, SIDE, "RGB", (127.5,), (127.5,))


@pytest.mark.slow
def test_a_network_in_half_precision_is_differentiable(store: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = IResNet(18).eval()

    class _Whole(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return network.head(network.grid(images))

    file = tmp_path / "network.onnx"
    whole = _Whole().eval()
    whole.add_module("network", network.half())
    torch.onnx.export(
        whole, (torch.randn(1, 3, 112, 112).half(),), str(file), input_names=["x"], dynamic_axes={"x": {0: "n"}},
        opset_version=17, dynamo=False,
    )  # fmt: skip
    card = add_onnx("mine", file)
    assert card.info.black_box_reason == ""
    model = load_model("mine", "cpu")
    assert isinstance(model, TorchFaceModel)
    assert model.dtype == torch.float32
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    network.float()
    with torch.inference_mode():
        raw = whole(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1).numpy()
    np.testing.assert_allclose(model.embed(crops), raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)


def _endless(path: Path) -> Path:
    """A Loop of 2^62 steps between the picture and the embedding."""
    one = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["go"], ["still"]), node("Identity", ["v"], ["u"])], "body",
        [one("i", TensorProto.INT64, []), one("go", TensorProto.BOOL, []), one("v", TensorProto.FLOAT, None)],
        [one("still", TensorProto.BOOL, []), one("u", TensorProto.FLOAT, None)],
    )  # fmt: skip
    nodes = [
        *EMBEDDING[:1],
        node("MatMul", ["flat", "w"], ["m"]),
        node("Loop", ["steps", "yes", "m"], ["y"], body=body),
    ]
    return _save(path, nodes, {"y": ["n", 8]}, steps=np.array(2**62), yes=np.array(True))


@pytest.mark.slow
def test_a_graph_that_runs_on_for_ever_is_given_up(store: Path, tmp_path: Path, run: Run) -> None:
    started = time.monotonic()
    file = _endless(tmp_path / "network.onnx")
    given = ("models", "add", "--id", "mine", "--onnx", file, "--size", SIDE, "--timeout", 5)
    code, _, err = run(*given)
    assert (code, "did not answer 3 pictures within 5 seconds" in err) == (2, True)
    assert "The limit is given with --timeout" in err
    assert time.monotonic() - started < 30


def test_a_short_loop_is_a_black_box(store: Path, tmp_path: Path) -> None:
    file = _endless(tmp_path / "network.onnx")
    model = onnx.load(file)
    (steps,) = (t for t in model.graph.initializer if t.name == "steps")
    steps.CopyFrom(onnx.numpy_helper.from_array(np.array(3), "steps"))
    onnx.save(model, file)
    assert diagnose(file, SIDE, "RGB", *PIXELS).black_box_reason.startswith("Its ONNX file has the operator Loop")
