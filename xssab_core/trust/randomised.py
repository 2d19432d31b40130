"""A copy of a model that has forgotten what it learnt, for the sanity check of explanations."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from xssab_core.models.base import TorchFaceModel


def randomised_copy(model: TorchFaceModel, crops: np.ndarray, seed: int) -> TorchFaceModel:
    """A copy whose weights are shuffled within each tensor, which keeps their scale and destroys what they learnt.

    The statistics of the normalisation layers are then taken anew from shifted copies of the pair: with those of the
    old weights, activations would vanish or explode. The copy keeps the digest of the weights, so that trained parts
    which belong to the model (the head of xCos) still attach to it; it must therefore never reach a cache.
    """
    network = copy.deepcopy(model.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].view_as(weights))
        shifted = [np.roll(crops, (dy, dx), (1, 2)) for dy in (-6, -2, 2, 6) for dx in (-6, -2, 2, 6)]
        with model.lock(), _fresh_statistics(network):
            network(model.pixels(np.concatenate(shifted)))
    return TorchFaceModel(model.info, network, model.weights_sha256, model.thresholds, model.device)


@contextmanager
def _fresh_statistics(network: nn.Module) -> Iterator[None]:
    """Within, batch normalisation layers learn their statistics from what passes; everything else stays in eval."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over what passes
        layer.train()
    yield
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
