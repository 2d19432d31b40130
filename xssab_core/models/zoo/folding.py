"""A network for many passes without gradients: batch norm inside the convolutions, weights laid out for the CPU."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

# Folding changes the last bits; more than this between unit embeddings, and something else was changed too.
_TOLERANCE = 1e-5
_log = logging.getLogger(__name__)


# Networks are read by watching every module of the process: two readings at once would leave it watched for good.
_READING = threading.Lock()


class _OwnThread(torch.fx.Tracer):
    """Reads what its own thread calls. What other threads run meanwhile is run, and is no part of the network."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Called for every module that is called."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Called for every attribute that a module is asked for."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


class _ChannelsLast(nn.Module):
    """A network on pixels that lie channel by channel of each pixel, which spares convolutions a reordering."""

    def __init__(self, network: nn.Module, _: torch.Tensor) -> None:
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
        pixels: what both forms are compared on, all and the first alone.
    """
    with torch.no_grad():
        expected = network(pixels)
        for form in (_laid_out, _ChannelsLast):
            try:
                made = form(network, pixels)
                if max(_furthest(made(pixels), expected), _furthest(made(pixels[:1]), expected[:1])) <= _TOLERANCE:
                    return made
            except Exception as error:  # whatever a network of somebody else raises
                _log.debug("Not folded: %s", error)
    return network


def _laid_out(network: nn.Module, pixels: torch.Tensor) -> nn.Module:
    """With batch norm folded and weights in the layout of oneDNN. Of PyTorch's ways to get there this is the only one
    that needs no compiler; it is deprecated, without a successor for that. What it traces was read symbolically
    before, which fails at branches, so that no branch is lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with _READING:
            tracer = _OwnThread()
            graph = tracer.trace(network)
        read = torch.fx.GraphModule(tracer.root, graph)
        traced = torch.jit.trace(read, pixels, check_trace=False)  # type: ignore[no-untyped-call]
        made: nn.Module = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    return made


def _furthest(one: torch.Tensor, other: torch.Tensor) -> float:
    unit = [nn.functional.normalize(raw.double(), dim=1) for raw in (one, other)]
    return float((unit[0] - unit[1]).abs().max())
