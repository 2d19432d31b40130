"""The exact shares of the cells of the last grid in the score, where all that follows the grid is affine."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import cv2
import numpy as np
import torch
from torch import nn

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.explain.peers.common import last_grid, without_grid
from xssab_core.models.base import FaceModel, TorchFaceModel, normalised
from xssab_core.progress import Progress

_affine: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class CellShares(Evidence):
    """float64 (2, h, w): what the cells of each face contribute to the score; each face's sum is the score."""

    shares: np.ndarray


class AffineHead(Explainer[TorchFaceModel, CellShares]):
    """An affine head (flattening or pooling, fully connected layers, batch normalisation) makes the embedding a sum
    over the P cells of the last grid: e = sum_p W_p x_p + b. With u_p = W_p x_p + b / P, a cell contributes
    u_p · e' / (|e| |e'|) to the cosine with a partner e', and th_d / P less to score minus threshold.

    The combined map spreads each cell bilinearly and sums to score - th_d exactly. How sharp it looks says nothing: a
    cell sees a large part of the face, often all of it. Independent of the blur.
    """

    info = MethodInfo(
        id="affine",
        title="Affine head (exact shares of the last grid)",
        reference="The spatial decomposition of Stylianou et al., Visualizing Deep Similarity Networks, WACV 2019, "
        "carried through the fully connected layers",
        white_box=True,
        needs_training=False,
        forward_passes=2,
        backward_passes=0,  # the gradient ends at the last grid
    )
    evidence_kind = "cell-shares"

    def unavailable(self, model: FaceModel) -> str | None:
        """Needs the last grid and an affine head, which is tried once for each network."""
        reason = super().unavailable(model) or without_grid(self.info.short_title, model)
        if reason:
            return reason
        assert isinstance(model, TorchFaceModel)
        if model.network not in _affine:
            _affine[model.network] = has_affine_head(model)
        if not _affine[model.network]:
            return (
                f"{self.info.short_title} needs an affine head; what follows the last grid of {model.info.id} is not."
            )
        return None

    def gather(self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> CellShares:
        """One forward pass a face; W_p x_p · e' / |e'| is activation times the gradient of e · e' / |e'| at a cell."""
        with model.lock():
            passed = [last_grid(model, crop) for crop in (probe, reference)]
            raw = torch.cat([own.detach() for _, own in passed]).double()
            shares = [_shares(*own, partner) for own, partner in zip(passed, raw.flip(0), strict=True)]
        embeddings = normalised(raw.cpu().numpy(), model.info)
        return CellShares(embeddings=embeddings, shares=np.stack(shares))

    def attribute(
        self, model: TorchFaceModel, evidence: CellShares, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """No pass through the network."""
        probe, reference = pixel_margins(evidence, threshold, model.info.template.size)
        return FaceMaps.signed(probe), FaceMaps.signed(reference)


def pixel_margins(evidence: CellShares, threshold: float, side: int) -> np.ndarray:
    """float64 (2, side, side): the cells' shares, th_d / P less each, spread over the pixels. Each face's sum is score
    minus threshold."""
    return np.stack([spread(shares - threshold / shares.size, side) for shares in evidence.shares])


def _shares(grid: torch.Tensor, raw: torch.Tensor, partner: torch.Tensor) -> np.ndarray:
    """float64 (h, w) of a face, from its last grid, its raw embedding and the partner's (D,)."""
    direction = partner / partner.norm()
    gradient = torch.autograd.grad((raw[0] * direction.to(raw)).sum(), grid)[0]
    own = raw.detach()[0].double()
    cells = (grid.detach() * gradient).double().sum(dim=1)[0]
    bias = own @ direction - cells.sum()
    return np.asarray(((cells + bias / cells.numel()) / own.norm()).cpu().numpy())


def has_affine_head(model: TorchFaceModel) -> bool:
    """Whether what follows the last grid has the same gradient at the grids of two pictures of noise."""
    side = model.info.template.size
    gradients = []
    with model.lock():
        for crop in np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8):
            grid, raw = last_grid(model, crop)
            gradients.append(torch.autograd.grad(raw.sum(), grid)[0])
    first, second = gradients
    return bool((first - second).norm() <= 1e-3 * first.norm())


def spread(cells: np.ndarray, side: int) -> np.ndarray:
    """float64 (side, side) from (h, w) cells, enlarged bilinearly so that the sum stays the same."""
    rows, columns = (cv2.resize(np.eye(count), (count, side), interpolation=cv2.INTER_LINEAR) for count in cells.shape)
    return np.asarray((rows / rows.sum(axis=0)) @ cells @ (columns / columns.sum(axis=0)).T)
