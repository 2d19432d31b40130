"""Grad-CAM and HiResCAM in closed form on a linear embedder, and against captum."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, LayerGradientXActivation
from torch import nn

from tests.explain.peers.linear import CELLS, linear
from tests.explain.tiny import SIDE, random_pair, tiny_model
from xssab_core.explain.peers.cam import CAM
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel
from xssab_core.models.zoo.sface import SFace

VARIANTS = ("gradcam", "hirescam")


@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_of_a_linear_embedder_equal_the_closed_form(variant: str) -> None:
    known, method = linear(), CAM(variant)
    maps = method.maps(known.model, method.examine(known.model, *known.crops), 0.2)
    for face in (0, 1):
        cells = known.pixels[face].reshape(3, CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean(axis=(2, 4))
        gradient = np.tensordot(known.cosine_gradient(known.pixels[face], known.unit[1 - face]), known.weight, 1)
        if variant == "gradcam":
            gradient = gradient.mean(axis=(1, 2), keepdims=True)
        expected = cv2.resize((gradient * cells).sum(axis=0), (SIDE, SIDE))
        np.testing.assert_allclose(maps[face].combined, expected, atol=1e-5 * np.abs(expected).max())


def captum_map(variant: str, model: TorchFaceModel, layer: nn.Module, crops: tuple[np.ndarray, ...]) -> np.ndarray:
    """(h, w): captum's attribution of the cosine of the first crop with the second, to a layer."""
    with torch.no_grad():
        partner = nn.functional.normalize(model.network(model.pixels(crops[1][None])), dim=1)[0]

    def cosine(pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(model.network(pixels), dim=1) @ partner

    kind = LayerGradCam if variant == "gradcam" else LayerGradientXActivation
    pixels = model.pixels(crops[0][None]).requires_grad_()
    found = kind(cosine, layer).attribute(pixels)
    # LayerGradCam sums over the channels; the mean over places is in its weights.
    return found.detach().sum(dim=1)[0].numpy()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["tiny", "sface"])
def test_maps_equal_captums(variant: str, name: str, sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    if name == "tiny":
        model, crops = tiny_model(), random_pair()
        layer = model.network.pool
    else:
        network = SFace()
        network.load_state_dict(sface.network.state_dict())
        model = TorchFaceModel(sface.info, network.double(), sface.weights_sha256, (), torch.device("cpu"))
        crops, layer = (samples["barack_obama_1"].crop, samples["joe_biden_1"].crop), network.bn1
    side, method = model.info.template.size, CAM(variant)
    maps = method.maps(model, method.examine(model, *crops), 0.2)
    for face, pair in enumerate((crops, crops[::-1])):
        expected = cv2.resize(captum_map(variant, model, layer, pair), (side, side))
        np.testing.assert_allclose(maps[face].combined, expected, atol=2e-5 * np.abs(expected).max())
