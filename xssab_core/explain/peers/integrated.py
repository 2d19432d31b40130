"""Integrated gradients of the cosine, from the blurred face to the face (Sundararajan et al., ICML 2017)."""

from __future__ import annotations

import numpy as np
import torch

from xssab_core.explain.base import MethodInfo, blurred
from xssab_core.explain.peers.common import SignedMaps, WithoutThreshold, mean_cosine_gradients
from xssab_core.models.base import TorchFaceModel
from xssab_core.progress import Progress


class IntegratedGradients(WithoutThreshold[TorchFaceModel]):
    """Difference to the blurred face times the mean gradient of the cosine on the straight way from there, summed over
    the colours.

    The other face stays as it is. With enough steps a map sums to the score less the cosine of the blurred face with
    the partner. The usual baseline, black, does not serve here: most of the cosine is won in the first tenth of the
    way, where its gradient jumps, and 50 steps do not come near the sum (docs/fidelity.md). Independent of threshold
    and of the blur of maps.

    Args:
        steps: points on the way, in the middles of as many equal parts.
    """

    def __init__(self, steps: int = 50) -> None:
        self.steps = steps
        self.evidence_kind = f"integrated-gradients-{steps}"
        self.info = MethodInfo(
            id="ig",
            title="Integrated gradients (from the blurred face)",
            reference="Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017",
            white_box=True,
            needs_training=False,
            forward_passes=2 * (steps + 1),
            backward_passes=2 * steps,
            parameters={"steps": steps, "baseline": "the crop under a Gaussian blur, sigma a tenth of its side"},
        )

    def gather(self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> SignedMaps:
        """As many gradients a face as there are steps."""
        crops = np.stack([probe, reference])
        embeddings = model.embed(crops)
        starts = model.pixels(np.stack([blurred(probe), blurred(reference)]))
        ways = model.pixels(crops) - starts

        def on_the_way(face: int, numbers: range) -> torch.Tensor:
            shares = (torch.tensor(numbers) + 0.5) / self.steps
            return starts[face] + ways[face] * shares.to(ways).view(-1, 1, 1, 1)

        gradients = mean_cosine_gradients(model, embeddings, on_the_way, self.steps, progress)
        maps = (ways * gradients).sum(dim=1)
        return SignedMaps(embeddings=embeddings, maps=maps.float().cpu().numpy())
