"""Integrated gradients: closed form, captum, completeness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients as Captum
from torch import nn

from tests.explain.peers.linear import linear
from tests.explain.tiny import random_pair, tiny_model
from xssab_core.explain.base import blurred
from xssab_core.explain.peers.integrated import IntegratedGradients
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel


def test_maps_of_a_linear_embedder_equal_the_closed_form() -> None:
    known, method = linear(), IntegratedGradients(9)
    found = method.examine(known.model, *known.crops).maps
    for face in (0, 1):
        start = blurred(known.crops[face]).transpose(2, 0, 1).astype(np.float64)
        way = known.pixels[face] - start
        points = [start + way * (step + 0.5) / 9 for step in range(9)]
        mean = np.mean([known.cosine_gradient(point, known.unit[1 - face]) for point in points], axis=0)
        expected = (way * np.tensordot(mean, known.pixel_weight, 1)).sum(axis=0)
        np.testing.assert_allclose(found[face], expected, atol=1e-5 * np.abs(expected).max())


def test_maps_equal_captums() -> None:
    model, crops = tiny_model(), random_pair()
    found = IntegratedGradients(20).examine(model, *crops).maps
    for face, (own, partner) in enumerate((crops, crops[::-1])):
        with torch.no_grad():
            held = nn.functional.normalize(model.network(model.pixels(partner[None])), dim=1)[0]

        def cosine(pixels: torch.Tensor, held: torch.Tensor = held) -> torch.Tensor:
            return nn.functional.normalize(model.network(pixels), dim=1) @ held

        pixels, start = model.pixels(own[None]), model.pixels(blurred(own)[None])
        expected = Captum(cosine).attribute(pixels, start, n_steps=20, method="riemann_middle")[0].sum(dim=0)
        np.testing.assert_allclose(found[face], expected.detach().numpy(), atol=1e-5 * float(expected.abs().max()))


def _missing(model: TorchFaceModel, crops: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """What the maps of both faces sum to, as a share of what they should, less 1."""
    evidence = IntegratedGradients().examine(model, *crops)
    starts = model.embed(np.stack([blurred(crop) for crop in crops]))
    score = evidence.embeddings[0] @ evidence.embeddings[1]
    wanted = [score - starts[face] @ evidence.embeddings[1 - face] for face in (0, 1)]
    return evidence.maps.sum(axis=(1, 2)) / wanted - 1


def test_a_map_of_a_smooth_network_sums_to_what_was_won_since_the_blurred_face() -> None:
    np.testing.assert_allclose(_missing(tiny_model(), random_pair()), 0, atol=0.01)


@pytest.mark.slow
def test_a_map_of_sface_sums_to_nearly_that(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    crops = samples["barack_obama_1"].crop, samples["barack_obama_2"].crop
    np.testing.assert_allclose(_missing(sface, crops), 0, atol=0.1)
