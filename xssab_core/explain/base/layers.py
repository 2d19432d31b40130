"""The grids inside a network through which all that it sees must pass, found by shape and by the way gradients take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode


class _Recorder(TorchFunctionMode):
    """Keeps what each operation of PyTorch returns, while it is the mode of this thread, where that is a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: list[torch.Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.ndim == 4 and min(made.shape[2:]) > 1:
            self.grids.append(made)
        return made


def recorded(network: torch.nn.Module, pixels: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """One forward pass: every (N, C, h, w) value with h and w above 1 in the order in which they are made, and what the
    network returns. Two passes of equal size make the same values in the same order."""
    with _Recorder() as recorder:
        output = network(pixels)
    return recorder.grids, output


def passages(grids: Sequence[torch.Tensor], pixels: torch.Tensor, output: torch.Tensor) -> list[int]:
    """Which of the recorded grids are passages: every path from the pixels to the output leads through them, so that
    nothing by-passes them, as a shortcut does the branch beside it.

    Args:
        grids: what `recorded` gave.
        pixels: the leaf, with `requires_grad`.
        output: what the network returned.

    Returns:
        Indices into `grids`, in their order.
    """
    nodes = _gates(output.grad_fn, pixels)
    return [index for index, grid in enumerate(grids) if grid.grad_fn in nodes]


def _gates(output: Node | None, pixels: torch.Tensor) -> set[Node]:
    """The nodes of the graph behind `output` that lie on every path to the leaf."""
    order = _from_the_output(output)
    leads = {node for node in order if getattr(node, "variable", None) is pixels}
    for node in reversed(order):
        if any(following in leads for following, _ in node.next_functions):
            leads.add(node)
    gates, open_ends = set(), {output}
    for node in (node for node in order if node in leads):
        # All nodes before this one are closed: where it alone is open, everything goes through it.
        if open_ends == {node}:
            gates.add(node)
        open_ends.discard(node)
        open_ends |= {following for following, _ in node.next_functions if following in leads}
    return gates


def _from_the_output(output: Node | None) -> list[Node]:
    """The nodes of a graph, each before those that it leads to."""
    done: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node | None, bool]] = [(output, False)]
    while stack:
        node, is_left = stack.pop()
        if node is None:
            continue
        if is_left:
            done.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(following, False) for following, _ in node.next_functions]
    return done[::-1]
