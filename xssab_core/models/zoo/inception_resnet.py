"""FaceNet: Inception-ResNet-v1 with the weights that facenet-pytorch publishes.

Schroff et al., "FaceNet: A unified embedding for face recognition and clustering", CVPR 2015; weights of
D. Sandberg's TensorFlow models, ported by facenet-pytorch (T. Esler).
"""

from __future__ import annotations

import torch
from torch import nn

from xssab_core.faces.align import Template
from xssab_core.models.zoo.network import PixelNetwork

EMBEDDING_SIZE = 512

# facenet-pytorch resizes the detector's box, with a margin of 14 of 160 px, and does not rotate the face. These
# points are where the five landmarks then lie on average, measured on the 6,781 LFW photographs with a single face;
# a similarity transform to them gives crops as large as the published ones, but upright and undistorted.
TEMPLATE = Template(
    "facenet",
    160,
    ((49.2, 63.9), (114.9, 62.8), (82.5, 92.2), (54.5, 117.8), (112.3, 116.9)),
)


class InceptionResnet(nn.Module):
    """facenet-pytorch's network without its classifier and its own L2 normalisation."""

    def __init__(self) -> None:
        from facenet_pytorch import InceptionResnetV1  # takes more than a second

        super().__init__()
        self.network = InceptionResnetV1()

    def grid(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 160, 160) -> (N, 1792, 3, 3)."""
        net = self.network
        for layer in (net.conv2d_1a, net.conv2d_2a, net.conv2d_2b, net.maxpool_3a, net.conv2d_3b, net.conv2d_4a):
            images = layer(images)
        for layer in (net.conv2d_4b, net.repeat_1, net.mixed_6a, net.repeat_2, net.mixed_7a, net.repeat_3, net.block8):
            images = layer(images)
        return images

    def head(self, grid: torch.Tensor) -> torch.Tensor:
        """(N, 1792, 3, 3) -> (N, 512)."""
        pooled = self.network.avgpool_1a(grid).flatten(1)
        embeddings: torch.Tensor = self.network.last_bn(self.network.last_linear(pooled))
        return embeddings


def inception_resnet() -> PixelNetwork:
    """Inception-ResNet-v1 on RGB pixels, normalised as (x - 127.5) / 128."""
    return PixelNetwork(InceptionResnet(), (127.5,), (128.0,))
