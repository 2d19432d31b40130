"""Departure: how far a face's activations lie from what a network saw in training, by its batch normalisations.

After GraFIQs (Kolf et al., "GraFIQs: Face image quality assessment using gradient magnitudes", CVPR Workshops 2024),
whose loss compares the same statistics; docs/quality.md says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (its common name)
from torch.overrides import TorchFunctionMode

from xssab_core.models.base import FaceModel, TorchFaceModel

_EPSILON = 1e-5  # of `batch_norm` where a call names none


def departure(model: FaceModel, crop: np.ndarray) -> float | None:
    """>= 0, the mean over batch normalisations of grids and over their channels of ((m - M) / S)^2 + ((v - V) / S^2)^2,
    with m and v the mean and variance of the channel on this face, M and V those the network keeps, S^2 = V + epsilon.

    Args:
        model: a black box has no such layers that could be met.
        crop: uint8 (S, S, 3) on the model's template.

    Returns:
        None where no batch normalisation of a grid is met.
    """
    if not isinstance(model, TorchFaceModel):
        return None
    with model.lock(), torch.inference_mode(), _Meeting() as met:
        model.network(model.pixels(crop[None]))
    return float(torch.stack(met.departures).mean()) if met.departures else None


class _Meeting(TorchFunctionMode):
    """Within, what each batch normalisation is given is compared with its statistics. Layers are met by the function
    they call, in this thread alone, so that no hook outlives the call."""

    def __init__(self) -> None:
        super().__init__()
        self.departures: list[Tensor] = []

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is F.batch_norm and args[0].ndim == 4 and args[0].shape[-2:].numel() > 1:
            epsilon = args[7] if len(args) > 7 else kwargs.get("eps", _EPSILON)
            self.departures.append(_apart(args[0], args[1], args[2], epsilon))
        return function(*args, **kwargs)


def _apart(given: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    """Of a grid (1, C, h, w) and statistics (C,): a scalar."""
    own_variance, own_mean = torch.var_mean(given, (0, 2, 3), correction=0)
    scale = variance + epsilon
    return ((own_mean - mean).square() / scale + ((own_variance - variance) / scale).square()).mean()
