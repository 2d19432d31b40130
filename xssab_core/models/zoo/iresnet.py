"""IResNet: the residual network of ArcFace and ElasticFace, in the layout of their PyTorch releases.

Deng et al., "ArcFace: Additive angular margin loss for deep face recognition", CVPR 2019; Boutros et al.,
"ElasticFace: Elastic margin loss for deep face recognition", CVPR workshops 2022. Keys and strides are those of
`arcface_torch/backbones/iresnet.py` in deepinsight/insightface, which fdbtrs/ElasticFace shares.
"""

from __future__ import annotations

import torch
from torch import nn

from xssab_core.models.zoo.network import PixelNetwork
from xssab_core.models.zoo.prelu import PReLU

EMBEDDING_SIZE = 512

# Residual units in each of the four stages, by depth.
UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class _Unit(nn.Module):
    """BN - conv - BN - PReLU - conv (carries the stride) - BN, plus a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        inner = self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(grid)))))
        total: torch.Tensor = self.bn3(inner) + self.downsample(grid)
        return total


class IResNet(nn.Module):
    """The network in the authors' layout: 112 px images normalised to -1..1 -> 512 numbers."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = PReLU(64)
        first, second, third, fourth = UNITS[depth]
        self.layer1 = _stage(64, 64, first)
        self.layer2 = _stage(64, 128, second)
        self.layer3 = _stage(128, 256, third)
        self.layer4 = _stage(256, 512, fourth)
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, EMBEDDING_SIZE)
        self.features = nn.BatchNorm1d(EMBEDDING_SIZE)

    def grid(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) -> (N, 512, 7, 7), the grid that the fully connected layer sees."""
        grid = self.prelu(self.bn1(self.conv1(images)))
        grid = self.layer4(self.layer3(self.layer2(self.layer1(grid))))
        normalised: torch.Tensor = self.bn2(grid)
        return normalised

    def head(self, grid: torch.Tensor) -> torch.Tensor:
        """(N, 512, 7, 7) -> (N, 512)."""
        embeddings: torch.Tensor = self.features(self.fc(grid.flatten(1)))
        return embeddings


def _stage(inputs: int, outputs: int, units: int) -> nn.Sequential:
    return nn.Sequential(_Unit(inputs, outputs, 2), *(_Unit(outputs, outputs, 1) for _ in range(units - 1)))


def iresnet(depth: int) -> PixelNetwork:
    """IResNet of depth 18, 34, 50 or 100 on RGB pixels, normalised as (x - 127.5) / 127.5."""
    return PixelNetwork(IResNet(depth), (127.5,), (127.5,))
