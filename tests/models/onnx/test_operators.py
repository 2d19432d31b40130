"""Operators on shapes and indices: each agrees with ONNX Runtime, and none hides a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from xssab_core.models.onnx.operators import OPERATORS, UnsupportedError
from xssab_core.models.onnx.session import open_session

OPSET = 17
WHOLE = np.array([[-7, 4, 3], [5, -6, 0]])
REAL = np.array([[-1.5, 2.5, 0.25], [3.0, -0.5, 1.0]], dtype=np.float32)
YES = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"),
    [
        ("Mod", [WHOLE, np.array([3, -4, 5])], {}),
        ("Mod", [REAL, np.array([2.0, -0.7, 0.5], np.float32)], {"fmod": 1}),
        ("Range", [np.array(3), np.array(-5), np.array(-2)], {}),
        ("Not", [YES], {}),
        ("And", [YES, YES[:, ::-1].copy()], {}),
        ("Or", [YES, YES[::-1].copy()], {}),
        ("Xor", [YES, YES[::-1].copy()], {}),
        ("GreaterOrEqual", [WHOLE, np.array(3)], {}),
        ("LessOrEqual", [WHOLE, np.array(3)], {}),
        ("IsNaN", [np.array([np.nan, 1.0], np.float32)], {}),
        ("Floor", [REAL], {}),
        ("Ceil", [REAL], {}),
        ("Round", [REAL], {}),
        ("Sign", [REAL], {}),
        ("Sin", [REAL], {}),
        ("Cos", [REAL], {}),
        ("ArgMax", [REAL], {"axis": 1}),
        ("ArgMin", [REAL], {"axis": -1, "keepdims": 0}),
        ("NonZero", [WHOLE], {}),
        ("Trilu", [WHOLE], {}),
        ("Trilu", [WHOLE, np.array(-1)], {"upper": 0}),
        ("CumSum", [WHOLE, np.array(1)], {}),
        ("ReduceProd", [WHOLE.astype(np.float32)], {"axes": [0, 1]}),
        ("Einsum", [REAL, REAL], {"equation": "ij,kj->ik"}),
        ("GatherElements", [REAL, np.array([[0, -1], [2, 1]])], {"axis": 1}),
        ("GatherND", [REAL, np.array([[0, 2], [1, -1]])], {}),
        ("ScatterND", [REAL, np.array([[1]]), np.array([[9.0, 8.0, 7.0]], np.float32)], {}),
        ("ScatterElements", [REAL, np.array([[2, -3]]), np.array([[9.0, 8.0]], np.float32)], {"axis": 1}),
        ("Cast", [REAL], {"to": onnx.TensorProto.INT64}),
        ("Div", [WHOLE, np.array(2)], {}),
    ],
)
def test_operators_agree_with_onnx_runtime(operator: str, inputs: list[np.ndarray], attributes: dict[str, Any]) -> None:
    names = [f"x{i}" for i in range(len(inputs))]
    types = [helper.np_dtype_to_tensor_dtype(value.dtype) for value in inputs]
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], **attributes)], "g",
        [helper.make_tensor_value_info(n, t, v.shape) for n, t, v in zip(names, types, inputs, strict=True)],
        [onnx.ValueInfoProto(name="y")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    (expected,) = open_session(model.SerializeToString()).run(None, dict(zip(names, inputs, strict=True)))
    read = {a.name: helper.get_attribute_value(a) for a in graph.node[0].attribute}
    found = OPERATORS[operator]([torch.from_numpy(value) for value in inputs], read, OPSET).numpy()
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [("Round", {}), ("Floor", {}), ("Sign", {}), ("ArgMax", {}), ("Cast", {"to": onnx.TensorProto.INT32})],
)
def test_what_is_flat_is_refused_on_values_that_depend_on_the_picture(
    operator: str, attributes: dict[str, Any]
) -> None:
    pixels = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(UnsupportedError, match=f"the operator {operator}.* on values that depend on the picture"):
        OPERATORS[operator]([pixels], attributes, OPSET)


def test_floating_numbers_stay_of_the_type_that_the_graph_computes_in() -> None:
    values = torch.ones(2, dtype=torch.float64)
    assert OPERATORS["Cast"]([values], {"to": onnx.TensorProto.FLOAT16}, OPSET).dtype == torch.float64


def test_no_loop_and_no_branch_is_known() -> None:
    assert {"Loop", "Scan", "If"}.isdisjoint(OPERATORS)


def test_numbers_of_any_floating_type_become_float32() -> None:
    from xssab_core.models.onnx.graph import OnnxGraph

    weights = numpy_helper.from_array(np.ones((2, 2), dtype=np.float64), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, ["n", 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, ["n", 2])],
        [weights],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    assert {p.dtype for p in OnnxGraph(model, "y").parameters()} == {torch.float32}
