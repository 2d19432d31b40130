"""A network for many passes without gradients: batch norm inside the convolutions, channels last in memory."""

from __future__ import annotations

import logging

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Folding changes the last bits; more than this between unit embeddings, and something else was changed too.
_TOLERANCE = 1e-5
_log = logging.getLogger(__name__)


class _ChannelsLast(nn.Module):
    """A network on pixels that lie channel by channel of each pixel, which spares convolutions a reordering."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        embeddings: torch.Tensor = self.network(pixels.contiguous(memory_format=torch.channels_last))
        return embeddings


def folded(network: nn.Module, pixels: torch.Tensor) -> nn.Module:
    """A form of a network that gives the same embeddings with less work.

    What cannot be read without being run, such as control flow, is left as it is; and the network itself comes back
    where it does not bear the other order in memory, or embeds the given pixels otherwise.

    Args:
        network: maps (N, 3, S, S) pixels to (N, D); is left alone.
        pixels: what both forms are compared on.
    """
    with torch.no_grad():
        for form in (_fused, _ChannelsLast):
            try:
                made = form(network)
                if _furthest(made(pixels), network(pixels)) <= _TOLERANCE:
                    return made
            except Exception as error:  # whatever a network of somebody else raises
                _log.debug("Not folded: %s", error)
    return network


def _fused(network: nn.Module) -> nn.Module:
    read = torch.fx.symbolic_trace(network)  # its containers are its own, its layers the network's
    layers = dict(read.named_modules())
    for node in list(read.graph.nodes):
        before = node.args[0] if node.args else None
        if not isinstance(before, torch.fx.Node) or {node.op, before.op} != {"call_module"} or len(before.users) > 1:
            continue
        conv, norm = layers[str(before.target)], layers[str(node.target)]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            read.set_submodule(str(before.target), fuse_conv_bn_eval(conv, norm))
            node.replace_all_uses_with(before)
            read.graph.erase_node(node)
    read.recompile()
    read.delete_all_unused_submodules()
    return _ChannelsLast(read)


def _furthest(one: torch.Tensor, other: torch.Tensor) -> float:
    unit = [nn.functional.normalize(raw.double(), dim=1) for raw in (one, other)]
    return float((unit[0] - unit[1]).abs().max())
