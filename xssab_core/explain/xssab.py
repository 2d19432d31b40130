"""xSSAB: similarity score argument backpropagation (Huber et al., section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo, arguments, gaussian_blur
from xssab_core.models.base import TorchFaceModel, check_raw
from xssab_core.progress import Progress


@dataclass(frozen=True, eq=False)
class PairGraph(Evidence):
    """The forward pass of a pair, kept so that another threshold costs backward passes only.

    Attributes:
        pixels: (2, 3, S, S) leaf, probe first.
        unit: (2, D) L2-normalised embeddings, still attached to `pixels`.
        graph_bytes: memory of what the graph between the two keeps.
    """

    pixels: torch.Tensor
    unit: torch.Tensor
    graph_bytes: int

    @property
    def nbytes(self) -> int:
        """Also of the graph, which no field shows."""
        return super().nbytes + self.graph_bytes


class XSSAB(Explainer[TorchFaceModel, PairGraph]):
    """Gradients of the cosine restricted to the positive and to the negative arguments."""

    info = MethodInfo(
        id="xssab",
        title="xSSAB",
        reference="Huber et al., Efficient Explainable Face Verification based on Similarity Score Argument "
        "Backpropagation, WACV 2024",
        white_box=True,
        needs_training=False,
        forward_passes=2,
        backward_passes=4,
        ordered_unblurred=True,
    )
    evidence_kind = "pair-graph"

    def gather(self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> PairGraph:
        """One batched forward of both faces (Eq. 3)."""
        saved: dict[int, int] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
            # Detached: a saved output that kept its own graph alive would never be freed.
            return tensor.detach()

        with model.lock(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            pixels = model.pixels(np.stack([probe, reference])).requires_grad_()
            unit = nn.functional.normalize(model.network(pixels), dim=1)
            embeddings = unit.detach().cpu().numpy()
        check_raw(np.linalg.norm(embeddings, axis=1, keepdims=True), model.info)
        weights = {p.untyped_storage().data_ptr() for p in (*model.network.parameters(), *model.network.buffers())}
        graph_bytes = sum(size for address, size in saved.items() if address not in weights)
        return PairGraph(embeddings=embeddings, pixels=pixels, unit=unit, graph_bytes=graph_bytes)

    def attribute(
        self, model: TorchFaceModel, evidence: PairGraph, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Two backward passes, each serving both faces (Eqs. 5 to 12)."""
        positive, negative = (mean_absolute(g) for g in argument_gradients(model, evidence, threshold))
        combined = positive - negative
        if blur:
            positive, negative, combined = (
                np.stack([gaussian_blur(face) for face in maps]) for maps in (positive, negative, combined)
            )
        probe, reference = (FaceMaps(positive[i], negative[i], combined[i]) for i in (0, 1))
        return probe, reference


def argument_gradients(model: TorchFaceModel, graph: PairGraph, threshold: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed gradients of the positive and of the negative part of the score with respect to the pixels.

    Each is (2, 3, S, S), probe given reference first. Their sum is the gradient of the cosine (Eqs. 9, 10).
    """
    products = arguments(graph.embeddings)
    mask = torch.from_numpy(products >= threshold / len(products)).to(graph.unit.device)
    with model.lock():
        partner = graph.unit.detach().flip(0)
        # Of a scalar: where PyTorch is given gradients of the output, it imports sympy first, for most of a second.
        gradients = [
            torch.autograd.grad((graph.unit * (partner * chosen)).sum(), graph.pixels, retain_graph=True)[0]
            for chosen in (mask, ~mask)
        ]
    return gradients[0], gradients[1]


def same_maps_between(embeddings: np.ndarray, threshold: float) -> tuple[float, float]:
    """All thresholds, over the first number and up to the second, whose maps are exactly those of `threshold`: the same
    arguments reach th_d / N (Eq. 5). Infinite where no argument bounds them.

    Args:
        embeddings: float (2, D) unit embeddings of the pair.
        threshold: th_d.
    """
    products = arguments(embeddings)
    reaches = products >= threshold / len(products)
    below, above = products[~reaches], products[reaches]
    lower = len(products) * float(below.max()) if len(below) else -np.inf
    return lower, len(products) * float(above.min()) if len(above) else np.inf


def mean_absolute(gradients: torch.Tensor) -> np.ndarray:
    """(2, 3, S, S) -> float32 (2, S, S), the mean over colour channels of |gradient| (Eq. 11)."""
    return np.asarray(gradients.abs().mean(dim=1).float().cpu().numpy())
