"""FGGB in closed form on a linear embedder, and against a Jacobian taken as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.explain.peers.linear import linear
from tests.explain.tiny import SIZE, random_pair, tiny_model
from xssab_core.explain.peers.fggb import FGGB


def weighted(jacobian: np.ndarray, unit: np.ndarray, threshold: float) -> np.ndarray:
    """(S, S) from the (D, 3, S, S) gradients of the unit embedding of a face."""
    maps = np.abs(jacobian).mean(axis=1)
    maps /= np.sqrt((maps**2).sum(axis=(1, 2), keepdims=True))
    return sum((unit[0, n] * unit[1, n] - threshold / len(maps)) * maps[n] for n in range(len(maps)))


@pytest.mark.parametrize("threshold", [-0.4, 0.0, 0.35])
def test_maps_of_a_linear_embedder_equal_the_closed_form(threshold: float) -> None:
    known, method = linear(), FGGB()
    maps = method.maps(known.model, method.examine(known.model, *known.crops), threshold)
    for face in (0, 1):
        unit = known.unit[face]
        project = (np.eye(SIZE) - np.outer(unit, unit)) / np.linalg.norm(known.raw[face])
        expected = weighted(np.tensordot(project, known.pixel_weight, 1), known.unit, threshold)
        np.testing.assert_allclose(maps[face].combined, expected, atol=1e-6 * np.abs(expected).max())


def test_maps_of_a_convolutional_network_equal_those_of_its_jacobian() -> None:
    model, crops, method = tiny_model(), random_pair(), FGGB()
    maps = method.maps(model, method.examine(model, *crops), 0.3)
    pixels = model.pixels(np.stack(crops))
    unit = nn.functional.normalize(model.network(pixels), dim=1)
    for face in (0, 1):
        jacobian = torch.func.jacrev(lambda x: nn.functional.normalize(model.network(x[None]), dim=1)[0])(pixels[face])
        expected = weighted(jacobian.numpy(), unit.numpy(), 0.3)
        np.testing.assert_allclose(maps[face].combined, expected, atol=1e-5 * np.abs(expected).max())


def test_evidence_is_small_and_another_threshold_costs_no_pass() -> None:
    model, crops, method = tiny_model(), random_pair(), FGGB()
    evidence = method.examine(model, *crops)
    assert evidence.nbytes == 2 * 2 * 8 * crops[0].shape[0] ** 2 + evidence.embeddings.nbytes
    del model.network.conv  # whoever calls the network now fails
    first, second = (method.maps(model, evidence, threshold)[0].combined for threshold in (0.1, 0.5))
    np.testing.assert_allclose(first - second, 0.4 / SIZE * evidence.plain[0], rtol=1e-3, atol=1e-6)
