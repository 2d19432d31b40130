"""SmoothGrad: the gradient of the cosine, averaged over noise (Smilkov et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.explain.peers.common import mean_cosine_gradients
from xssab_core.models.base import TorchFaceModel
from xssab_core.progress import Progress

NOISE, SEED = 0.15, 0


@dataclass(frozen=True, eq=False)
class Strengths(Evidence):
    """float32 (2, S, S) >= 0: how much the pixels of each face matter."""

    maps: np.ndarray


class SmoothGrad(Explainer[TorchFaceModel, Strengths]):
    """Mean over the colours of the absolute value of the mean gradient over noisy copies of a face.

    The noise is Gaussian with a deviation of 15 % of the range of pixels, the same for both faces; the partner stays as
    it is. A gradient says which pixels matter, not whether they speak for a match: the map is one of attention.
    Independent of threshold and blur.

    Args:
        samples: noisy copies of each face.
    """

    def __init__(self, samples: int = 50) -> None:
        self.samples = samples
        self.evidence_kind = f"smooth-gradients-{samples}"
        self.info = MethodInfo(
            id="smoothgrad",
            title="SmoothGrad (attention)",
            reference="Smilkov et al., SmoothGrad: removing noise by adding noise, arXiv:1706.03825, 2017",
            white_box=True,
            needs_training=False,
            forward_passes=2 * (samples + 1),
            backward_passes=2 * samples,
            attention=True,
            parameters={"samples": samples, "noise": NOISE, "seed": SEED},
        )

    def gather(self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> Strengths:
        """As many gradients a face as there are noisy copies."""
        crops = np.stack([probe, reference])
        embeddings = model.embed(crops)
        pixels, generator = model.pixels(crops), torch.Generator().manual_seed(SEED)
        noise = NOISE * 255 * torch.randn((self.samples, *pixels.shape[1:]), generator=generator)

        def noisy(face: int, numbers: range) -> torch.Tensor:
            return pixels[face] + noise[numbers.start : numbers.stop].to(pixels)

        gradients = mean_cosine_gradients(model, embeddings, noisy, self.samples, progress)
        return Strengths(embeddings=embeddings, maps=gradients.abs().mean(dim=1).float().cpu().numpy())

    def attribute(
        self, model: TorchFaceModel, evidence: Strengths, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        probe, reference = (FaceMaps(similarity=face, dissimilarity=None, combined=face) for face in evidence.maps)
        return probe, reference
