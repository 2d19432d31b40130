"""FGGB: gradients of each number of the embedding, weighted by its argument (Lu et al., FG 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo, Passes, arguments
from xssab_core.explain.peers.common import GRADIENT_BATCH
from xssab_core.models.base import FaceModel, TorchFaceModel, normalised
from xssab_core.progress import Progress, State

# Each backward pass serves as many numbers of the embedding as there are copies of each face.
COPIES = GRADIENT_BATCH // 2


@dataclass(frozen=True, eq=False)
class GradientSums(Evidence):
    """Sums over the D numbers of the embedding of their maps G_n, each of L2 norm 1.

    Attributes:
        weighted: float64 (2, S, S), sum of a_n G_n, with the arguments a_n of the pair.
        plain: float64 (2, S, S), sum of G_n.
    """

    weighted: np.ndarray
    plain: np.ndarray


class FGGB(Explainer[TorchFaceModel, GradientSums]):
    """Feature-guided gradient backpropagation: sum of (a_n - th_d / D) G_n, where G_n is the mean over the colours of
    the absolute gradient of the n-th number of the unit embedding, divided by its L2 norm.

    The map is linear in the threshold: two sums are kept instead of D maps. Independent of the blur.
    """

    info = MethodInfo(
        id="fggb",
        title="FGGB",
        reference="Lu et al., Explainable Face Verification via Feature-Guided Gradient Backpropagation, FG 2024",
        white_box=True,
        needs_training=False,
        forward_passes=2 * COPIES,
        backward_passes=2 * 128,
    )
    evidence_kind = "gradient-sums"

    def passes(self, model: FaceModel) -> Passes:
        """A backward pass of each face for each number of the embedding, in whole batches."""
        size = model.info.embedding_size
        return Passes(2 * COPIES, 2 * COPIES * -(-size // COPIES))

    def gather(
        self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress
    ) -> GradientSums:
        """One forward pass of copies of both faces, and a backward pass for as many numbers at a time."""
        with model.lock():
            pixels = model.pixels(np.stack([probe, reference] * COPIES)).requires_grad_()
            raw = model.network(pixels)
            unit = nn.functional.normalize(raw, dim=1)
        embeddings = normalised(raw[:2].detach().cpu().numpy(), model.info)
        weights = torch.from_numpy(arguments(embeddings)).to(pixels)
        size, weighted, plain = len(weights), *torch.zeros(2, 2, *pixels.shape[2:]).to(pixels)
        for start in range(0, size, COPIES):
            numbers = torch.arange(start, min(start + COPIES, size), device=pixels.device)
            with model.lock():
                maps = _unit_maps(pixels, unit, numbers)
                weighted += torch.einsum("n,nfyx->fyx", weights[numbers], maps)
                plain += maps.sum(dim=0)
            progress(State(start + len(numbers), size, "numbers of the embedding"))
        return GradientSums(
            embeddings=embeddings, weighted=weighted.double().cpu().numpy(), plain=plain.double().cpu().numpy()
        )

    def attribute(
        self, model: TorchFaceModel, evidence: GradientSums, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """No pass through the network."""
        share = threshold / evidence.embeddings.shape[1]
        probe, reference = evidence.weighted - share * evidence.plain
        return FaceMaps.signed(probe), FaceMaps.signed(reference)


def _unit_maps(pixels: torch.Tensor, unit: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """(n, 2, S, S): G of these numbers of the embedding, for both faces; n is at most the copies of a face."""
    chosen = torch.zeros(COPIES, 2, unit.shape[1]).to(unit)
    chosen[torch.arange(len(numbers)), :, numbers] = 1
    gradients = torch.autograd.grad(unit, pixels, chosen.view_as(unit), retain_graph=True)[0]
    maps = gradients.abs().mean(dim=1).view(COPIES, 2, *pixels.shape[2:])[: len(numbers)]
    return nn.functional.normalize(maps.flatten(2), dim=2).view_as(maps)
