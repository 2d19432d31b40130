"""Tiny models with known answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

from xssab_core.faces.align import ARCFACE, Template
from xssab_core.models import ModelInfo, TorchFaceModel

SIDE, SIZE = 40, 6


class TinyNetwork(nn.Module):
    """A small convolutional network in float64 that shows its grid of 7 x 7."""

    def __init__(self, grid: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.out = nn.Linear(8 * grid * grid, SIZE)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.pool(torch.tanh(self.norm(self.conv(pixels / 128.0))))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.features(pixels).flatten(1))


class CountingModel(TorchFaceModel):
    """Counts the crops that are embedded, and those of them that come in batches."""

    embedded = 0
    batched = 0
    largest_batch = 0

    def embed(self, crops: np.ndarray) -> np.ndarray:
        self._count(crops)
        return super().embed(crops)

    def embed_batches(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        def counted() -> Iterator[np.ndarray]:
            for crops in batches:
                self._count(crops)
                self.batched += len(crops)
                yield crops

        return super().embed_batches(counted())

    def _count(self, crops: np.ndarray) -> None:
        self.embedded += len(crops)
        self.largest_batch = max(self.largest_batch, len(crops))


def tiny_info(side: int) -> ModelInfo:
    template = Template("tiny", side, ARCFACE.points)
    text = dict.fromkeys(("title", "architecture", "loss", "training_set", "licence", "source"), "test")
    return ModelInfo(
        id="tiny", **text, template=template, colour_order="RGB", normalisation="x / 128",
        embedding_size=SIZE, differentiable=True,
    )  # fmt: skip


def tiny_model(side: int = SIDE, network: nn.Module | None = None, seed: int = 0) -> CountingModel:
    """A model of random weights on crops of `side` pixels."""
    torch.manual_seed(seed)
    network = (network or TinyNetwork()).double()
    return CountingModel(tiny_info(side), network, "0" * 64, (), torch.device("cpu"))


def random_pair(side: int = SIDE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two crops of noise."""
    pair = np.random.default_rng(seed).integers(1, 256, (2, side, side, 3), dtype=np.uint8)
    return pair[0], pair[1]
