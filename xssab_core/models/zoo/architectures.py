"""Architectures whose published checkpoints can be added by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import nn

from xssab_core.errors import Cure, ModelError
from xssab_core.faces.align import ARCFACE, Template
from xssab_core.models.zoo import inception_resnet, ir101, iresnet


@dataclass(frozen=True)
class Architecture:
    """A network whose weights a user can bring.

    Attributes:
        id: what it is asked for by.
        title: display name.
        build: gives the network, untrained.
        template, normalisation, embedding_size: what the network expects and gives; colours are RGB in all of them.
        prefix: where the authors' keys sit in the network's state dict.
        ignored: beginnings of keys that only training needs.
    """

    id: str
    title: str
    build: Callable[[], nn.Module]
    template: Template
    normalisation: str
    embedding_size: int
    prefix: str = "backbone."
    ignored: tuple[str, ...] = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor by the authors' key, in the order of the network."""
        return _shapes(self.build, self.prefix)


@cache
def _shapes(build: Callable[[], nn.Module], prefix: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = build().state_dict()
    return {key.removeprefix(prefix): tuple(value.shape) for key, value in state.items()}


ARCHITECTURES: dict[str, Architecture] = {
    architecture.id: architecture
    for architecture in (
        *(
            Architecture(
                id=f"iresnet{depth}",
                title=f"IResNet-{depth}",
                build=partial(iresnet.iresnet, depth),
                template=ARCFACE,
                normalisation="(x - 127.5) / 127.5",
                embedding_size=iresnet.EMBEDDING_SIZE,
            )
            for depth in iresnet.UNITS
        ),
        Architecture(
            id="ir101",
            title="IR-101",
            build=ir101.ir101,
            template=ARCFACE,
            normalisation="(x - 127.5) / 127.5",
            embedding_size=ir101.EMBEDDING_SIZE,
        ),
        Architecture(
            id="inception-resnet-v1",
            title="Inception-ResNet-v1",
            build=inception_resnet.inception_resnet,
            template=inception_resnet.TEMPLATE,
            normalisation="(x - 127.5) / 128",
            embedding_size=inception_resnet.EMBEDDING_SIZE,
            prefix="backbone.network.",
            ignored=("logits.",),
        ),
    )
}


def architecture_of(architecture_id: str) -> Architecture:
    """The architecture of that id; ModelError names those there are."""
    if architecture_id not in ARCHITECTURES:
        raise ModelError(
            f"There is no architecture {architecture_id!r}. Known ones: {', '.join(ARCHITECTURES)}; "
            "for any other network export it to ONNX.",
            Cure("onnx"),
        )
    return ARCHITECTURES[architecture_id]
