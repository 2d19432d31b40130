"""ONNX operators in PyTorch, those that face recognisers use: on pixels with a gradient, on shapes and indices without.

Each is a function of its inputs (None where an optional one is left out), its attributes and the opset, and gives
one tensor or a tuple. Loops and branches are not among them, so that a graph takes as many steps as it has nodes.
Semantics: the ONNX operator specification, opsets 7 to 23.

We wrote these because onnx2torch 1.5 (August 2024), the one library that keeps gradients, knows neither the batch
normalisation of opset 7 and 8, in which most published recognisers are, nor the operators of opset 20 and later,
nor quantised weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (its common name)

from xssab_core.models.zoo.prelu import prelu

Inputs = Sequence[Any]
Attributes = dict[str, Any]
Operator = Callable[[Inputs, Attributes, int], Any]

OPERATORS: dict[str, Operator] = {}

_DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64,
}  # fmt: skip


class UnsupportedError(Exception):
    """An operator, or a way to use it, that this interpreter does not know."""


def _operator(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def _elementwise(function: Callable[..., Any]) -> Operator:
    return lambda x, a, _: function(*_on_one_device(x))


def _on_one_device(values: Inputs) -> Inputs:
    """Small constants live on the CPU: bring them to where the data is."""
    device = next((v.device for v in values if isinstance(v, Tensor) and v.device.type != "cpu"), None)
    return values if device is None else [v.to(device) if isinstance(v, Tensor) else v for v in values]


def _flat(name: str, function: Callable[[Inputs, Attributes], Tensor]) -> Operator:
    """An operator for shapes and indices: its slope is zero, and would hide how its input depends on the pixels."""

    def on_constants(x: Inputs, a: Attributes, _: int) -> Tensor:
        if any(isinstance(value, Tensor) and value.requires_grad for value in x):
            raise UnsupportedError(f"the operator {name} on values that depend on the picture")
        return function(_on_one_device(x), a)

    return on_constants


def _fold(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def over_all(x: Inputs, a: Attributes, _: int) -> Tensor:
        values = _on_one_device(x)
        result: Tensor = values[0]
        for value in values[1:]:
            result = function(result, value)
        return result

    return over_all


def _divide(first: Tensor, second: Tensor) -> Tensor:
    if first.is_floating_point() or second.is_floating_point():
        return first / second
    return torch.div(first, second, rounding_mode="trunc")


OPERATORS |= {
    "Add": _elementwise(torch.add),
    "Sub": _elementwise(torch.sub),
    "Mul": _elementwise(torch.mul),
    "Div": _elementwise(_divide),
    "Pow": _elementwise(lambda x, y: torch.pow(x, y.to(x.dtype))),
    "Sqrt": _elementwise(torch.sqrt),
    "Exp": _elementwise(torch.exp),
    "Log": _elementwise(torch.log),
    "Neg": _elementwise(torch.neg),
    "Abs": _elementwise(torch.abs),
    "Erf": _elementwise(torch.erf),
    "Reciprocal": _elementwise(torch.reciprocal),
    "Tanh": _elementwise(torch.tanh),
    "Sigmoid": _elementwise(torch.sigmoid),
    "Relu": _elementwise(torch.relu),
    "Softplus": _elementwise(F.softplus),
    "HardSwish": _elementwise(F.hardswish),
    "Mish": _elementwise(F.mish),
    "MatMul": _elementwise(torch.matmul),
    "Where": _elementwise(torch.where),
    "Equal": _elementwise(torch.eq),
    "Greater": _elementwise(torch.gt),
    "GreaterOrEqual": _elementwise(torch.ge),
    "Less": _elementwise(torch.lt),
    "LessOrEqual": _elementwise(torch.le),
    "Not": _elementwise(torch.logical_not),
    "And": _elementwise(torch.logical_and),
    "Or": _elementwise(torch.logical_or),
    "Xor": _elementwise(torch.logical_xor),
    "IsNaN": _elementwise(torch.isnan),
    "Sin": _elementwise(torch.sin),
    "Cos": _elementwise(torch.cos),
    "Identity": _elementwise(lambda x: x),
    "Dropout": lambda x, a, _: x[0],
    "Sum": _fold(torch.add),
    "Min": _fold(torch.minimum),
    "Max": _fold(torch.maximum),
    "Size": lambda x, a, _: torch.tensor(x[0].numel()),
    "Mod": lambda x, a, _: (torch.fmod if a.get("fmod", 0) else torch.remainder)(*_on_one_device(x)),
    "Einsum": lambda x, a, _: torch.einsum(a["equation"].decode(), *_on_one_device(x)),
    "CastLike": lambda x, a, _: x[0].to(x[1].dtype),
    "Concat": lambda x, a, _: torch.cat(tuple(_on_one_device(x)), a["axis"]),
    "Transpose": lambda x, a, _: x[0].permute(a.get("perm", tuple(range(x[0].ndim))[::-1])),
    "Expand": lambda x, a, _: x[0] * x[0].new_ones(x[1].tolist()),
    "Tile": lambda x, a, _: x[0].repeat(x[1].tolist()),
    "GlobalAveragePool": lambda x, a, _: x[0].mean(tuple(range(2, x[0].ndim)), keepdim=True),
    "GlobalMaxPool": lambda x, a, _: x[0].amax(tuple(range(2, x[0].ndim)), keepdim=True),
    "LeakyRelu": lambda x, a, _: F.leaky_relu(x[0], a.get("alpha", 0.01)),
    "Elu": lambda x, a, _: F.elu(x[0], a.get("alpha", 1.0)),
    "HardSigmoid": lambda x, a, _: (x[0] * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
    "Gelu": lambda x, a, _: F.gelu(x[0], approximate=a.get("approximate", b"none").decode()),
    "Swish": lambda x, a, _: x[0] * torch.sigmoid(a.get("alpha", 1.0) * x[0]),
}


OPERATORS |= {
    "Floor": _flat("Floor", lambda x, a: torch.floor(x[0])),
    "Ceil": _flat("Ceil", lambda x, a: torch.ceil(x[0])),
    "Round": _flat("Round", lambda x, a: torch.round(x[0])),
    "Sign": _flat("Sign", lambda x, a: torch.sign(x[0])),
    "ArgMax": _flat("ArgMax", lambda x, a: _place(torch.argmax, x[0], a)),
    "ArgMin": _flat("ArgMin", lambda x, a: _place(torch.argmin, x[0], a)),
    "NonZero": _flat("NonZero", lambda x, a: x[0].nonzero().T),
    "Range": _flat("Range", lambda x, a: torch.arange(*(v.item() for v in x), dtype=x[0].dtype, device=x[0].device)),
}
_to_whole = _flat("Cast to whole numbers", lambda x, a: x[0].to(_DTYPES[a["to"]]))


def _place(function: Callable[..., Tensor], values: Tensor, a: Attributes) -> Tensor:
    if a.get("select_last_index", 0):
        raise UnsupportedError("the last of several extremes")
    return function(values, a.get("axis", 0), bool(a.get("keepdims", 1)))


@_operator("Cast")
def _cast(x: Inputs, a: Attributes, opset: int) -> Tensor:
    if a["to"] not in _DTYPES:
        raise UnsupportedError(f"numbers of ONNX type {a['to']}")
    if not _DTYPES[a["to"]].is_floating_point:
        return torch.as_tensor(_to_whole(x, a, opset))
    # The whole graph computes in one floating type, whatever the file mixes.
    return torch.as_tensor(x[0] if x[0].is_floating_point() else x[0].to(torch.get_default_dtype()))


@_operator("Conv")
def _conv(x: Inputs, a: Attributes, _: int) -> Tensor:
    image, weight, bias = x[0], x[1], x[2] if len(x) > 2 else None
    spatial = weight.ndim - 2
    if spatial not in (1, 2):
        raise UnsupportedError(f"a convolution over {spatial} dimensions")
    strides, dilations = a.get("strides", [1] * spatial), a.get("dilations", [1] * spatial)
    pads = _pads(a, image, weight.shape[2:], strides, dilations)
    image, padding = _padded(image, pads, 0.0)
    function = F.conv2d if spatial == 2 else F.conv1d
    return function(image, weight, bias, strides, padding, dilations, a.get("group", 1))


def _pads(
    a: Attributes, image: Tensor, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[int]:
    """Begins of all spatial axes, then ends, as ONNX orders them."""
    mode = a.get("auto_pad", b"NOTSET").decode()
    if mode in ("NOTSET", "VALID"):
        return list(a.get("pads", [0] * 2 * len(kernel))) if mode == "NOTSET" else [0] * 2 * len(kernel)
    begins, ends = [], []
    for size, k, s, d in zip(image.shape[2:], kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        small = total // 2
        begins.append(small if mode == "SAME_UPPER" else total - small)
        ends.append(total - begins[-1])
    return begins + ends


def _padded(image: Tensor, pads: list[int], value: float) -> tuple[Tensor, list[int]]:
    """The image, padded here where both sides differ, and the padding left to the operator."""
    half = len(pads) // 2
    begins, ends = pads[:half], pads[half:]
    if begins == ends:
        return image, begins
    widths = [width for pair in zip(reversed(begins), reversed(ends), strict=True) for width in pair]
    return F.pad(image, widths, value=value), [0] * half


@_operator("MaxPool")
def _max_pool(x: Inputs, a: Attributes, _: int) -> Tensor:
    kernel = a["kernel_shape"]
    strides, dilations = a.get("strides", [1] * len(kernel)), a.get("dilations", [1] * len(kernel))
    if len(kernel) != 2:
        raise UnsupportedError(f"pooling over {len(kernel)} dimensions")
    pads = _pads(a, x[0], kernel, strides, dilations)
    image, padding = _padded(x[0], pads, -torch.inf)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        image, padding = F.pad(image, [padding[1]] * 2 + [padding[0]] * 2, value=-torch.inf), [0, 0]
    return F.max_pool2d(image, kernel, strides, padding, dilations, bool(a.get("ceil_mode", 0)))


@_operator("AveragePool")
def _average_pool(x: Inputs, a: Attributes, _: int) -> Tensor:
    kernel = a["kernel_shape"]
    strides = a.get("strides", [1] * len(kernel))
    if len(kernel) != 2 or any(d != 1 for d in a.get("dilations", [1, 1])):
        raise UnsupportedError("average pooling that is dilated or not over two dimensions")
    pads = _pads(a, x[0], kernel, strides, [1, 1])
    counted = bool(a.get("count_include_pad", 0))
    if pads[:2] != pads[2:] and not counted:
        raise UnsupportedError("average pooling with uneven padding that does not count")
    image, padding = _padded(x[0], pads, 0.0)
    return F.avg_pool2d(image, kernel, strides, padding, bool(a.get("ceil_mode", 0)), counted)


@_operator("BatchNormalization")
def _batch_normalisation(x: Inputs, a: Attributes, _: int) -> Tensor:
    image, scale, bias, mean, variance = x[:5]
    if a.get("training_mode", 0) or not a.get("spatial", 1):
        raise UnsupportedError("a batch normalisation in training, or one per pixel")
    return F.batch_norm(image, mean, variance, scale, bias, False, 0.0, a.get("epsilon", 1e-5))


@_operator("InstanceNormalization")
def _instance_normalisation(x: Inputs, a: Attributes, _: int) -> Tensor:
    return F.instance_norm(x[0], weight=x[1], bias=x[2], eps=a.get("epsilon", 1e-5))


@_operator("LayerNormalization")
def _layer_normalisation(x: Inputs, a: Attributes, _: int) -> Tensor:
    axis = a.get("axis", -1) % x[0].ndim
    bias = x[2] if len(x) > 2 else None
    return F.layer_norm(x[0], x[0].shape[axis:], x[1], bias, a.get("epsilon", 1e-5))


@_operator("LpNormalization")
def _lp_normalisation(x: Inputs, a: Attributes, _: int) -> Tensor:
    return F.normalize(x[0], p=float(a.get("p", 2)), dim=a.get("axis", -1), eps=0.0)


@_operator("PRelu")
def _prelu(x: Inputs, a: Attributes, _: int) -> Tensor:
    image, slope = x
    channels = image.shape[1] if image.ndim > 1 else 1
    # One slope per channel is (C, 1, 1) by the specification; MXNet wrote (C,).
    if slope.numel() in (1, channels) and (slope.ndim < 2 or slope.shape[-image.ndim + 1 :][0] == slope.numel()):
        return prelu(image, slope.reshape(-1))
    return torch.where(image > 0, image, image * slope)


@_operator("Clip")
def _clip(x: Inputs, a: Attributes, opset: int) -> Tensor:
    if opset < 11:
        return torch.clamp(x[0], a.get("min", -torch.inf), a.get("max", torch.inf))
    low, high = [*_on_one_device(x), None, None][1:3]
    return x[0] if low is None and high is None else torch.clamp(x[0], low, high)


@_operator("Softmax", "LogSoftmax")
def _softmax(x: Inputs, a: Attributes, opset: int) -> Tensor:
    if opset >= 13:
        return F.softmax(x[0], a.get("axis", -1))
    axis = a.get("axis", 1) % x[0].ndim
    return F.softmax(x[0].flatten(axis), axis).reshape(x[0].shape)


OPERATORS["LogSoftmax"] = lambda x, a, opset: _softmax(x, a, opset).log()


@_operator("Gemm")
def _gemm(x: Inputs, a: Attributes, _: int) -> Tensor:
    first = x[0].T if a.get("transA", 0) else x[0]
    second = x[1].T if a.get("transB", 0) else x[1]
    product: Tensor = a.get("alpha", 1.0) * (first @ second) if a.get("alpha", 1.0) != 1 else first @ second
    return product if len(x) < 3 or x[2] is None else product + a.get("beta", 1.0) * x[2]


@_operator("Reshape")
def _reshape(x: Inputs, a: Attributes, _: int) -> Tensor:
    wanted = x[1].tolist()
    if not a.get("allowzero", 0):
        wanted = [x[0].shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    return torch.as_tensor(x[0].reshape(wanted))


@_operator("Flatten")
def _flatten(x: Inputs, a: Attributes, _: int) -> Tensor:
    axis = a.get("axis", 1)
    axis += x[0].ndim if axis < 0 else 0
    rows = int(torch.tensor(x[0].shape[:axis]).prod()) if axis else 1
    return torch.as_tensor(x[0].reshape(rows, -1))


def _axes(x: Inputs, a: Attributes) -> list[int] | None:
    """From the attribute of older opsets or the second input of newer ones."""
    if "axes" in a:
        return list(a["axes"])
    return x[1].tolist() if len(x) > 1 and x[1] is not None else None


@_operator("Squeeze")
def _squeeze(x: Inputs, a: Attributes, _: int) -> Tensor:
    axes = _axes(x, a)
    return torch.as_tensor(x[0].squeeze() if axes is None else x[0].squeeze(tuple(axes)))


@_operator("Unsqueeze")
def _unsqueeze(x: Inputs, a: Attributes, _: int) -> Tensor:
    result, axes = x[0], _axes(x, a) or []
    for axis in sorted(axis % (x[0].ndim + len(axes)) for axis in axes):
        result = result.unsqueeze(axis)
    return torch.as_tensor(result)


def _reduction(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Operator:
    def reduce(x: Inputs, a: Attributes, _: int) -> Tensor:
        axes = _axes(x, a)
        if not axes and a.get("noop_with_empty_axes", 0):
            return torch.as_tensor(x[0])
        return function(x[0], tuple(axes or range(x[0].ndim)), bool(a.get("keepdims", 1)))

    return reduce


def _product(values: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted((axis % values.ndim for axis in axes), reverse=True):
        values = values.prod(axis, keep)
    return values


OPERATORS |= {
    "ReduceMean": _reduction(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceSum": _reduction(lambda x, axes, keep: x.sum(axes, keep)),
    "ReduceMax": _reduction(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMin": _reduction(lambda x, axes, keep: x.amin(axes, keep)),
    "ReduceProd": _reduction(_product),
    "ReduceL2": _reduction(lambda x, axes, keep: x.square().sum(axes, keep).sqrt()),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: x.square().sum(axes, keep)),
}


@_operator("Slice")
def _slice(x: Inputs, a: Attributes, opset: int) -> Tensor:
    if opset < 10:
        starts, ends, axes, steps = a["starts"], a["ends"], a.get("axes"), None
    else:
        starts, ends, axes, steps = (None if v is None else v.tolist() for v in [*x[1:], None, None][:4])
    result = x[0]
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = (axes[i] if axes else i) % result.ndim, steps[i] if steps else 1
        if step > 0:
            result = result[(slice(None),) * axis + (slice(start, end, step),)]
        else:
            places = list(range(result.shape[axis])[slice(start, end, step)])
            result = result.index_select(axis, torch.tensor(places, dtype=torch.long, device=result.device))
    return torch.as_tensor(result)


@_operator("Gather")
def _gather(x: Inputs, a: Attributes, _: int) -> Tensor:
    axis, index = a.get("axis", 0) % x[0].ndim, x[1].to(x[0].device).long()
    index = torch.where(index < 0, index + x[0].shape[axis], index)
    picked = x[0].index_select(axis, index.reshape(-1))
    return torch.as_tensor(picked.reshape([*x[0].shape[:axis], *index.shape, *x[0].shape[axis + 1 :]]))


@_operator("GatherElements")
def _gather_elements(x: Inputs, a: Attributes, _: int) -> Tensor:
    values, index = _on_one_device(x)
    axis = a.get("axis", 0)
    return torch.as_tensor(values.gather(axis, torch.where(index < 0, index + values.shape[axis], index).long()))


@_operator("GatherND")
def _gather_nd(x: Inputs, a: Attributes, _: int) -> Tensor:
    if a.get("batch_dims", 0):
        raise UnsupportedError("the operator GatherND over batches")
    values, index = _on_one_device(x)
    return torch.as_tensor(values[tuple(index.long().unbind(-1))])


@_operator("ScatterND")
def _scatter_nd(x: Inputs, a: Attributes, _: int) -> Tensor:
    values, index, updates = _on_one_device(x)
    if a.get("reduction", b"none") != b"none":
        raise UnsupportedError(f"the operator ScatterND by {a['reduction'].decode()}")
    return torch.as_tensor(values.index_put(tuple(index.long().unbind(-1)), updates))


@_operator("ScatterElements")
def _scatter_elements(x: Inputs, a: Attributes, _: int) -> Tensor:
    values, index, updates = _on_one_device(x)
    if a.get("reduction", b"none") != b"none":
        raise UnsupportedError(f"the operator ScatterElements by {a['reduction'].decode()}")
    axis = a.get("axis", 0)
    return torch.as_tensor(values.scatter(axis, torch.where(index < 0, index + values.shape[axis], index), updates))


@_operator("Trilu")
def _trilu(x: Inputs, a: Attributes, _: int) -> Tensor:
    diagonal = int(x[1]) if len(x) > 1 and x[1] is not None else 0
    return x[0].triu(diagonal) if a.get("upper", 1) else x[0].tril(diagonal)  # type: ignore[no-any-return]


@_operator("CumSum")
def _cumulative_sum(x: Inputs, a: Attributes, _: int) -> Tensor:
    if a.get("exclusive", 0) or a.get("reverse", 0):
        raise UnsupportedError("the operator CumSum, exclusive or reverse")
    return torch.as_tensor(x[0].cumsum(int(x[1])))


@_operator("Split")
def _split(x: Inputs, a: Attributes, _: int) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    sizes = a.get("split") or (x[1].tolist() if len(x) > 1 and x[1] is not None else None)
    if sizes is None:
        sizes = -(-x[0].shape[axis] // a["outputs"])
    return tuple(x[0].split(sizes, axis))


@_operator("Pad")
def _pad(x: Inputs, a: Attributes, _: int) -> Tensor:
    if a.get("mode", b"constant") != b"constant":
        raise UnsupportedError(f"padding by {a['mode'].decode()}")
    pads = list(a["pads"]) if "pads" in a else x[1].tolist()
    value = float(x[2]) if len(x) > 2 and x[2] is not None else float(a.get("value", 0.0))
    axes = x[3].tolist() if len(x) > 3 and x[3] is not None else range(x[0].ndim)
    half, widths = len(pads) // 2, [[0, 0] for _ in range(x[0].ndim)]
    for i, axis in enumerate(axes):
        widths[axis] = [pads[i], pads[half + i]]
    return F.pad(x[0], [width for pair in reversed(widths) for width in pair], value=value)


@_operator("Shape")
def _shape(x: Inputs, a: Attributes, _: int) -> Tensor:
    return torch.tensor(x[0].shape, dtype=torch.int64)[a.get("start", 0) : a.get("end")]


@_operator("ConstantOfShape")
def _constant_of_shape(x: Inputs, a: Attributes, _: int) -> Tensor:
    value = a.get("value", torch.zeros(1))
    return torch.as_tensor(value.reshape(-1)[0].expand(x[0].tolist()).clone())


@_operator("Constant")
def _constant(x: Inputs, a: Attributes, _: int) -> Tensor:
    for name, dtype in (("value_float", torch.float32), ("value_floats", torch.float32)):
        if name in a:
            return torch.tensor(a[name], dtype=dtype)
    for name in ("value_int", "value_ints"):
        if name in a:
            return torch.tensor(a[name], dtype=torch.int64)
    if "value" not in a:
        raise UnsupportedError("a constant that is text or sparse")
    return torch.as_tensor(a["value"])


@_operator("DequantizeLinear")
def _dequantise(x: Inputs, a: Attributes, _: int) -> Tensor:
    """(q - zero point) * scale, per tensor, per channel, or per block of a channel."""
    quantised, scale = x[0], x[1]
    zero = x[2] if len(x) > 2 and x[2] is not None else torch.zeros_like(scale, dtype=quantised.dtype)
    axis, block = a.get("axis", 1), a.get("block_size", 0)
    if block:
        length = quantised.shape[axis]
        scale, zero = (v.repeat_interleave(block, axis).narrow(axis, 0, length) for v in (scale, zero))
    elif scale.ndim == 1 and scale.numel() > 1:
        shape = [1] * quantised.ndim
        shape[axis] = -1
        scale, zero = scale.view(shape), zero.view(shape)
    return torch.as_tensor((quantised.to(scale.dtype) - zero.to(scale.dtype)) * scale)
