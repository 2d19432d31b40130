"""PReLU: PyTorch's values and gradients to the bit, by the shorter way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from xssab_core import load_model
from xssab_core.explain import explain
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel
from xssab_core.models.zoo.prelu import PReLU, prelu

# Slopes of trained networks lie on both sides of 0 and of 1.
SLOPES = [-0.3, 0.0, 0.25, 1.7]


def both(shape: tuple[int, ...], slopes: list[float], dtype: torch.dtype, trained: bool) -> list[list[torch.Tensor]]:
    """Output and gradients (of the values; of the weight where it is trained), by PyTorch and here."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(shape, dtype=dtype, generator=generator)
    values.flatten()[::7] = 0.0  # where the two sides meet
    weighting = torch.randn(shape, dtype=dtype, generator=generator)
    found = []
    for function in (nn.functional.prelu, prelu):
        leaves = [values.clone().requires_grad_(), torch.tensor(slopes, dtype=dtype, requires_grad=trained)]
        output = function(*leaves)
        asked = leaves if trained else leaves[:1]
        found.append([output, *torch.autograd.grad((output * weighting).sum(), asked)])
    return found


@pytest.mark.parametrize("trained", [False, True], ids=["frozen", "trained"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("shape", "slopes"), [((2, 4, 6, 5), SLOPES), ((3, 4), SLOPES), ((2, 4, 7), SLOPES), ((2, 4, 6, 5), [0.25])]
)
def test_values_and_gradients_are_pytorchs_to_the_bit(
    shape: tuple[int, ...], slopes: list[float], dtype: torch.dtype, trained: bool
) -> None:
    theirs, ours = both(shape, slopes, dtype, trained)
    for one, other in zip(theirs, ours, strict=True):
        assert torch.equal(one, other)


def test_gradients_are_those_of_the_values_twice_over() -> None:
    values = torch.randn(2, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    slopes = torch.tensor(SLOPES, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: prelu(x, slopes), values)
    assert torch.autograd.gradgradcheck(lambda x: prelu(x, slopes), values)


@pytest.mark.parametrize("method", ["xssab", "layered"])
def test_maps_are_those_of_a_network_with_pytorchs_prelu(samples: dict[str, AlignedFace], method: str) -> None:
    maps = []
    for layer in (PReLU, nn.PReLU):
        model = load_model("sface", "cpu")
        assert isinstance(model, TorchFaceModel)
        changed = [module for module in model.network.modules() if isinstance(module, nn.PReLU)]
        assert len(changed) == 27
        for module in changed:
            module.__class__ = layer
        found = explain(model, samples["barack_obama_1"], samples["joe_biden_1"], method, threshold=0.3)
        maps.append([face.combined for face in (found.probe, found.reference)])
    np.testing.assert_array_equal(*maps)


def test_what_is_shown_takes_the_short_way() -> None:
    leaf = torch.randn(1, 4, 2, 2).requires_grad_()
    assert "OfValuesAlone" in type(PReLU(4).requires_grad_(False)(leaf).grad_fn).__name__
    assert "OfValuesAlone" not in type(PReLU(4)(leaf).grad_fn).__name__
