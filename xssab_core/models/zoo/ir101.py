"""IR-101: the residual network of CurricularFace, in the layout of its release.

Huang et al., "CurricularFace: Adaptive curriculum learning loss for deep face recognition", CVPR 2020. Keys and
strides are those of `backbone/model_irse.py` in HuangYG123/CurricularFace. There the forward returns a tuple of
embedding and grid; here it returns the embedding.
"""

from __future__ import annotations

import torch
from torch import nn

from xssab_core.models.zoo.network import PixelNetwork
from xssab_core.models.zoo.prelu import PReLU

EMBEDDING_SIZE = 512

# (channels in, channels out, residual units) of the four stages.
_STAGES = ((64, 64, 3), (64, 128, 13), (128, 256, 30), (256, 512, 3))


class _Unit(nn.Module):
    """BN - conv - PReLU - conv (carries the stride) - BN, plus a shortcut.

    Unlike IResNet there is no BN before the PReLU, and a shortcut between equal channels only subsamples.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if inputs != outputs:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.res_layer(grid) + self.shortcut_layer(grid)
        return total


class IR101(nn.Module):
    """The network in the authors' layout: 112 px images normalised to -1..1 -> 512 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), PReLU(64))
        self.body = nn.Sequential(
            *(
                _Unit(outputs if unit else inputs, outputs, 1 if unit else 2)
                for inputs, outputs, units in _STAGES
                for unit in range(units)
            )
        )
        # Dropout and Flatten hold no weights, but they are places 1 and 2 in the release's numbering.
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, EMBEDDING_SIZE),
            nn.BatchNorm1d(EMBEDDING_SIZE, affine=False),
        )

    def grid(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) -> (N, 512, 7, 7), the grid that the fully connected layer sees."""
        grid: torch.Tensor = self.output_layer[0](self.body(self.input_layer(images)))
        return grid

    def head(self, grid: torch.Tensor) -> torch.Tensor:
        """(N, 512, 7, 7) -> (N, 512)."""
        embeddings = grid
        for layer in self.output_layer[1:]:
            embeddings = layer(embeddings)
        return embeddings


def ir101() -> PixelNetwork:
    """IR-101 on RGB pixels, normalised as (x - 127.5) / 127.5."""
    return PixelNetwork(IR101(), (127.5,), (127.5,))
