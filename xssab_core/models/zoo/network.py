"""A published network behind its input normalisation: pixels in, raw embeddings out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
import torch
from torch import nn


class Backbone(Protocol):
    """A network in the layout its authors published, so that their state dict fits key by key."""

    def grid(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) normalised images -> the last spatial grid (N, C, h, w)."""
        ...

    def head(self, grid: torch.Tensor) -> torch.Tensor:
        """That grid -> raw embeddings (N, D)."""
        ...


class PixelNetwork(nn.Module):
    """Takes RGB pixels 0..255, normalises them as the backbone was trained, and shows its last grid.

    Args:
        backbone: an `nn.Module` that is a `Backbone`; its state dict sits below the prefix `backbone.`.
        mean, std: pixels become (x - mean) / std; one number, or one per channel in the backbone's colour order.
    """

    def __init__(self, backbone: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.mean, self.std = tuple(mean), tuple(std)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, C, h, w), the last grid before the embedding."""
        return cast(Backbone, self.backbone).grid(normalise(pixels, self.mean, self.std))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) pixels 0..255 -> (N, D), not L2-normalised."""
        return cast(Backbone, self.backbone).head(self.features(pixels))


def normalise(pixels: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """(x - mean) / std, per channel of (N, 3, S, S) where three numbers are given."""
    return (pixels - pixels.new_tensor(mean).view(1, -1, 1, 1)) / pixels.new_tensor(std).view(1, -1, 1, 1)


def unusable(rows: np.ndarray) -> str:
    """What is wrong with embeddings (N, D) of N different pictures, as "gives ..."; empty if nothing is."""
    if not np.isfinite(rows).all():
        return "gives numbers that are not finite"
    if not rows.any(axis=1).all():
        return "gives nothing but zeros"
    if np.ptp(rows.astype(np.float64), axis=0).max() <= 1e-6 * np.abs(rows).max():
        return "gives every picture the same embedding"
    return ""
