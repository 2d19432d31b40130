"""A linear embedder that shows its grid, in float64: what methods say of it has a closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tests.explain.tiny import SIDE, SIZE, CountingModel, random_pair, tiny_model

CELLS = 5


class LinearNetwork(nn.Module):
    """Means of 8 x 8 pixels, then a fully connected layer with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(3 * CELLS * CELLS, SIZE)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(pixels, SIDE // CELLS)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.features(pixels).flatten(1))


@dataclass(frozen=True)
class Linear:
    """The model, two crops, and what is known of them, all in float64.

    Attributes:
        weight: (D, 3, 5, 5) of the grid.
        pixel_weight: (D, 3, S, S) of the pixels, e = pixel_weight · pixels + bias.
        bias: (D,).
        pixels: (2, 3, S, S), probe first.
        raw, unit: (2, D).
    """

    model: CountingModel
    crops: tuple[np.ndarray, np.ndarray]
    weight: np.ndarray
    pixel_weight: np.ndarray
    bias: np.ndarray
    pixels: np.ndarray
    raw: np.ndarray
    unit: np.ndarray

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        """(3, S, S) -> unit (D,)."""
        raw = np.tensordot(self.pixel_weight, pixels, 3) + self.bias
        return raw / np.sqrt((raw**2).sum())

    def cosine_gradient(self, pixels: np.ndarray, partner: np.ndarray) -> np.ndarray:
        """(D,): d cos / d e at some pixels (3, S, S), the unit partner held: (w - u (u · w)) / |e|."""
        raw = np.tensordot(self.pixel_weight, pixels, 3) + self.bias
        length = np.sqrt((raw**2).sum())
        return (partner - raw * (raw @ partner) / length**2) / length


def linear() -> Linear:
    """One of random weights, and a pair of noise."""
    model, crops, cell = tiny_model(network=LinearNetwork()), random_pair(), SIDE // CELLS
    weight = model.network.out.weight.numpy().reshape(SIZE, 3, CELLS, CELLS)
    pixel_weight = np.repeat(np.repeat(weight, cell, 2), cell, 3) / cell**2
    bias = model.network.out.bias.numpy()
    pixels = np.stack(crops).transpose(0, 3, 1, 2).astype(np.float64)
    raw = np.tensordot(pixels, pixel_weight, ((1, 2, 3), (1, 2, 3))) + bias
    return Linear(
        model, crops, weight, pixel_weight, bias, pixels, raw, raw / np.linalg.norm(raw, axis=1, keepdims=True)
    )
