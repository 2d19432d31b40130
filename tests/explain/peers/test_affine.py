"""The affine head: closed form, its definition cell by cell, and completeness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.explain.peers.linear import CELLS, linear
from tests.explain.tiny import SIDE, TinyNetwork, random_pair, tiny_info, tiny_model
from xssab_core.errors import ExplainError
from xssab_core.explain.peers.affine import AffineHead, has_affine_head, spread
from xssab_core.explain.peers.common import last_grid
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel
from xssab_core.models.zoo import dlib_resnet
from xssab_core.models.zoo.architectures import ARCHITECTURES

METHOD = AffineHead()


def test_shares_of_a_linear_embedder_equal_the_closed_form() -> None:
    known = linear()
    shares = METHOD.examine(known.model, *known.crops).shares
    places = CELLS * CELLS
    for face in (0, 1):
        cells = known.pixels[face].reshape(3, CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean(axis=(2, 4))
        for row in range(CELLS):
            for column in range(CELLS):
                own = known.weight[:, :, row, column] @ cells[:, row, column] + known.bias / places
                expected = own @ known.raw[1 - face] / np.prod(np.linalg.norm(known.raw, axis=1))
                np.testing.assert_allclose(shares[face, row, column], expected, rtol=1e-9)


def test_shares_are_sums_over_the_partners_cells_on_sface(
    sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    """A_pq = u_p · v_q / (|e1| |e2|), each u_p found by leaving every other cell out of the grid."""
    crops = [samples["barack_obama_1"].crop, samples["barack_obama_2"].crop]

    def head(grid: torch.Tensor) -> torch.Tensor:
        return sface.network.fc1(sface.network.pre_fc1(grid.flatten(1)))

    with torch.no_grad():
        grids = sface.network.features(sface.pixels(np.stack(crops)))
        bias = head(torch.zeros_like(grids[:1]))
        places = torch.eye(49).view(49, 1, 7, 7)
        parts = [(head(grid * places) - bias + bias / 49).double() for grid in grids]
    matrix = (parts[0] @ parts[1].T) / (parts[0].sum(dim=0).norm() * parts[1].sum(dim=0).norm())
    shares = METHOD.examine(sface, *crops).shares
    for found, sums in zip(shares, (matrix.sum(dim=1), matrix.sum(dim=0)), strict=True):
        np.testing.assert_allclose(found.ravel(), sums.numpy(), atol=1e-5 * np.abs(found).max())


@pytest.mark.parametrize("threshold", [-0.2, 0.3057])
def test_maps_sum_to_score_minus_threshold(
    threshold: float, sface: TorchFaceModel, samples: dict[str, AlignedFace]
) -> None:
    evidence = METHOD.examine(sface, samples["barack_obama_1"].crop, samples["joe_biden_1"].crop)
    score = float(evidence.embeddings[0].astype(np.float64) @ evidence.embeddings[1])
    for maps in METHOD.maps(sface, evidence, threshold):
        assert maps.combined.sum(dtype=np.float64) == pytest.approx(score - threshold, abs=1e-6)


@pytest.mark.parametrize(("cells", "side"), [((7, 7), 112), ((3, 3), 160), ((2, 2), 150), ((5, 3), 41)])
def test_spreading_keeps_the_sum_and_the_places(cells: tuple[int, int], side: int) -> None:
    values = np.random.default_rng(0).normal(size=cells)
    assert spread(values, side).sum() == pytest.approx(values.sum(), abs=1e-12)
    # Far apart from each other, the cells' middles keep their order.
    rows, columns = ((2 * np.arange(count) + 1) * side // (2 * count) for count in cells)
    middles = spread(values, side)[np.ix_(rows, columns)]
    assert np.corrcoef(middles.ravel(), values.ravel())[0, 1] > 0.99


def _random(network: nn.Module, side: int) -> TorchFaceModel:
    return TorchFaceModel(tiny_info(side), network, "0" * 64, (), torch.device("cpu"))


def test_heads_of_the_default_model_and_of_dlib_are_affine(sface: TorchFaceModel) -> None:
    torch.manual_seed(0)
    assert METHOD.unavailable(sface) is None
    assert has_affine_head(_random(dlib_resnet.dlib_resnet(), dlib_resnet.TEMPLATE.size))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iresnet18", "ir101", "inception-resnet-v1"])
def test_heads_of_the_zoo_are_affine(name: str) -> None:
    torch.manual_seed(0)
    built = ARCHITECTURES[name]
    assert has_affine_head(_random(built.build(), built.template.size))


@pytest.mark.parametrize("name", ["sface", "dlib", "iresnet18", "inception-resnet-v1"])
def test_the_last_grid_is_the_one_that_the_network_names(name: str, sface: TorchFaceModel) -> None:
    torch.manual_seed(0)
    if name == "sface":
        model = sface
    elif name == "dlib":
        model = _random(dlib_resnet.dlib_resnet(), dlib_resnet.TEMPLATE.size)
    else:
        model = _random(ARCHITECTURES[name].build(), ARCHITECTURES[name].template.size)
    crop, _ = random_pair(model.info.template.size)
    with torch.no_grad():
        named = model.network.features(model.pixels(crop[None]))
    torch.testing.assert_close(last_grid(model, crop)[0], named)


def test_a_head_that_is_not_affine_is_refused() -> None:
    class Bent(TinyNetwork):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return super().forward(pixels).tanh()

    with pytest.raises(ExplainError, match="needs an affine head; what follows the last grid of tiny is not"):
        METHOD.examine(tiny_model(network=Bent()), *random_pair())
    assert METHOD.unavailable(tiny_model()) is None
