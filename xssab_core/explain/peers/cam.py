"""Grad-CAM and HiResCAM on the cosine: the last feature grid, weighted by its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import nn

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.explain.peers.common import last_grid, without_grid
from xssab_core.models.base import FaceModel, TorchFaceModel, normalised
from xssab_core.progress import Progress

_TITLES = {"gradcam": "Grad-CAM (of the cosine)", "hirescam": "HiResCAM (of the cosine)"}
_REFERENCES = {
    "gradcam": "Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, "
    "ICCV 2017",
    "hirescam": "Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural "
    "networks, arXiv:2011.08891, 2020",
}


@dataclass(frozen=True, eq=False)
class GridGradients(Evidence):
    """The last grids of both faces and the gradients of the cosine with respect to them, float32 (2, C, h, w)."""

    grids: np.ndarray
    gradients: np.ndarray


class CAM(Explainer[TorchFaceModel, GridGradients]):
    """Activation times gradient of the cosine, summed over the channels of the last grid and enlarged bilinearly.

    Grad-CAM takes the mean gradient of each channel, HiResCAM the gradient of each place. The published maps keep the
    positive part alone, which is `similarity`; `dissimilarity` is the other (Grad-CAM's counterfactual explanation).
    Independent of threshold and blur.

    Args:
        variant: which of the two; both share their evidence.
    """

    evidence_kind = "grid-gradients"

    def __init__(self, variant: Literal["gradcam", "hirescam"]) -> None:
        self.variant = variant
        self.info = MethodInfo(
            id=variant,
            title=_TITLES[variant],
            reference=_REFERENCES[variant],
            white_box=True,
            needs_training=False,
            forward_passes=2,
            backward_passes=0,  # the gradient ends at the last grid
        )

    def unavailable(self, model: FaceModel) -> str | None:
        """Needs the last grid."""
        return super().unavailable(model) or without_grid(self.info.short_title, model)

    def gather(
        self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress
    ) -> GridGradients:
        """One forward pass a face; the gradient ends at the last grid."""
        with model.lock():
            passed = [last_grid(model, crop) for crop in (probe, reference)]
        raw = torch.cat([own for _, own in passed])
        embeddings = normalised(raw.detach().cpu().numpy(), model.info)
        gradients = []
        with model.lock():
            for (grid, own), partner in zip(passed, embeddings[::-1], strict=True):
                score = nn.functional.normalize(own, dim=1)[0] @ torch.as_tensor(partner).to(own)
                gradients.append(torch.autograd.grad(score, grid)[0])
        return GridGradients(
            embeddings=embeddings,
            grids=torch.cat([grid.detach() for grid, _ in passed]).float().cpu().numpy(),
            gradients=torch.cat(gradients).float().cpu().numpy(),
        )

    def attribute(
        self, model: TorchFaceModel, evidence: GridGradients, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        weights = evidence.gradients
        if self.variant == "gradcam":
            weights = weights.mean(axis=(2, 3), keepdims=True)
        side = model.info.template.size
        probe, reference = (
            FaceMaps.signed(cv2.resize(cells, (side, side), interpolation=cv2.INTER_LINEAR))
            for cells in (evidence.grids * weights).sum(axis=1)
        )
        return probe, reference
