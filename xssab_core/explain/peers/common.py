"""What several peers share: maps that know no threshold, gradients of the cosine, the last grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from xssab_core.errors import ExplainError
from xssab_core.explain.base import Evidence, Explainer, FaceMaps, ModelT
from xssab_core.explain.base.layers import passages, recorded
from xssab_core.models.base import FaceModel, GridNetwork, TorchFaceModel
from xssab_core.progress import Progress, State

# What a backward pass needs is held from the forward pass on: more would not fit the memory of common GPUs.
GRADIENT_BATCH = 8


@dataclass(frozen=True, eq=False)
class SignedMaps(Evidence):
    """Finished maps of a method that knows no threshold.

    Attributes:
        maps: float32 (2, S, S), positive = similar, the probe's first.
    """

    maps: np.ndarray


class WithoutThreshold(Explainer[ModelT, SignedMaps]):
    """A method whose signed maps depend on the pair alone. Published without a blur, it never takes one."""

    def attribute(self, model: ModelT, evidence: SignedMaps, threshold: float, blur: bool) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        return FaceMaps.signed(evidence.maps[0]), FaceMaps.signed(evidence.maps[1])


Variants = Callable[[int, range], torch.Tensor]
"""Which face (0 or 1) and n numbers of variants -> these variants of its pixels (n, 3, S, S)."""


def mean_cosine_gradients(
    model: TorchFaceModel, embeddings: np.ndarray, variants: Variants, count: int, progress: Progress
) -> torch.Tensor:
    """(2, 3, S, S): mean over `count` variants of each face of the gradient, with respect to their pixels, of their
    cosine with the partner as it is. The model is held for one batch at a time.

    Args:
        embeddings: float32 (2, D) of the two faces, unit rows.
    """
    sums = []
    for face in (0, 1):
        total = torch.zeros(())
        for start in range(0, count, GRADIENT_BATCH):
            numbers = range(start, min(start + GRADIENT_BATCH, count))
            with model.lock():
                batch = variants(face, numbers).requires_grad_()
                partner = torch.from_numpy(embeddings[1 - face]).to(batch)
                scores = nn.functional.normalize(model.network(batch), dim=1) @ partner
                total = torch.autograd.grad(scores.sum(), batch)[0].sum(dim=0) + total.to(batch)
            progress(State(face * count + numbers.stop, 2 * count, "gradients"))
        sums.append(total / count)
    return torch.stack(sums)


def last_grid(model: TorchFaceModel, crop: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """The last grid (1, C, h, w) that all of a uint8 (S, S, 3) crop must pass, found by shape, and the raw embedding
    (1, D) that hangs on it. One crop at a time, as some imported networks want it. The caller holds the model.

    Raises:
        ExplainError: the network has no such grid.
    """
    pixels = model.pixels(crop[None]).requires_grad_()
    grids, raw = recorded(model.network, pixels)
    through = passages(grids, pixels, raw)
    if not through:
        raise ExplainError(f"All grids of {model.info.id} are by-passed: none decides its embedding alone.")
    return grids[through[-1]], raw


def without_grid(title: str, model: FaceModel) -> str | None:
    """A sentence on why a method that looks at the last grid cannot run on this model; None where it can."""
    if isinstance(model, TorchFaceModel) and isinstance(model.network, GridNetwork):
        return None
    return f"{title} needs the last feature grid of a model; {model.info.id} does not show one."
