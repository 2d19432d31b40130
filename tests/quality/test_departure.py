"""The departure from a network's statistics, against the same sum over hooks, and on pictures made worse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tests.findings.tiny import tiny_face_model
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel
from xssab_core.models.blackbox import BlackBoxModel
from xssab_core.quality.departure import departure


def _by_hooks(model: TorchFaceModel, crop: np.ndarray) -> float:
    """Layer by layer in numpy, from what the modules were given."""
    found: list[float] = []

    def look(layer: nn.Module, given: tuple[torch.Tensor]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        values = given[0][0].double().numpy().reshape(layer.num_features, -1)
        mean, variance = (kept.double().numpy() for kept in (layer.running_mean, layer.running_var))
        scale = variance + layer.eps
        found.append(float(np.mean((values.mean(1) - mean) ** 2 / scale + ((values.var(1) - variance) / scale) ** 2)))

    layers = [layer for layer in model.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    model.embed(crop[None])
    for hook in hooks:
        hook.remove()
    assert len(found) == len(layers) > 20
    return float(np.mean(found))


def test_it_is_the_mean_over_the_layers_of_sface(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    crop = samples["joe_biden_1"].crop
    expected, before = _by_hooks(sface, crop), sface.embed(crop[None])
    assert departure(sface, crop) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(sface.embed(crop[None]), before)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: departure(sface, crop), range(8))) == {departure(sface, crop)}


@pytest.mark.slow
def test_pictures_made_worse_depart_further(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    generator = np.random.default_rng(0)
    for name, face in samples.items():
        crop = face.crop
        noise = np.clip(crop + generator.normal(0, 25, crop.shape), 0, 255).astype(np.uint8)
        blurred, dark = cv2.GaussianBlur(crop, (0, 0), 3), (crop * 0.25).astype(np.uint8)
        clean = departure(sface, crop)
        assert clean is not None
        assert all((departure(sface, worse) or 0) > clean for worse in (noise, blurred, dark)), name


def test_a_network_without_such_layers_and_a_black_box_have_none(samples: dict[str, AlignedFace]) -> None:
    info = tiny_face_model().info
    crop = samples["joe_biden_1"].crop_for(info.template)
    bare = nn.Sequential(nn.Flatten(), nn.Linear(crop.size, info.embedding_size))
    assert departure(TorchFaceModel(info, bare, "0" * 64, (), torch.device("cpu")), crop) is None
    box = BlackBoxModel(info, "0" * 64, (), lambda crops: np.ones((len(crops), info.embedding_size)))
    assert departure(box, crop) is None
