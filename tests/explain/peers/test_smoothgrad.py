"""SmoothGrad: closed form with the same noise, and captum's tunnel of noise."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import nn

from tests.explain.peers.linear import linear
from tests.explain.tiny import SIDE, random_pair, tiny_model
from xssab_core.explain.peers.smoothgrad import SmoothGrad


def test_maps_of_a_linear_embedder_equal_the_closed_form() -> None:
    known = linear()
    found = SmoothGrad(11).examine(known.model, *known.crops).maps
    noise = torch.randn((11, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).double().numpy()
    for face in (0, 1):
        points = known.pixels[face] + 0.15 * 255 * noise
        mean = np.mean([known.cosine_gradient(point, known.unit[1 - face]) for point in points], axis=0)
        expected = np.abs(np.tensordot(mean, known.pixel_weight, 1)).mean(axis=0)
        np.testing.assert_allclose(found[face], expected, rtol=1e-5)


def test_maps_equal_captums_on_the_same_noise() -> None:
    model, crops = tiny_model(), random_pair()
    found = SmoothGrad(20).examine(model, *crops).maps
    for face, (own, partner) in enumerate((crops, crops[::-1])):
        with torch.no_grad():
            held = nn.functional.normalize(model.network(model.pixels(partner[None])), dim=1)[0]

        def cosine(pixels: torch.Tensor, held: torch.Tensor = held) -> torch.Tensor:
            return nn.functional.normalize(model.network(pixels), dim=1) @ held

        torch.manual_seed(0)
        mean = NoiseTunnel(Saliency(cosine)).attribute(
            model.pixels(own[None]), nt_type="smoothgrad", nt_samples=20, stdevs=0.15 * 255, abs=False
        )
        expected = mean[0].abs().mean(dim=0).detach().numpy()
        np.testing.assert_allclose(found[face], expected, atol=1e-5 * expected.max())
