"""Layered contributions: what each place of a face adds to the score, read at several depths of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from xssab_core.errors import ExplainError
from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.explain.base.layers import passages, recorded
from xssab_core.models.base import FaceModel, GridNetwork, TorchFaceModel, normalised
from xssab_core.progress import Progress

# Grids from a half to an eighth of the crop's side; of the last, the deepest, one in the middle too.
_OCTAVES = (2, 4, 8)


@dataclass(frozen=True, eq=False)
class Contributions(Evidence):
    """What the layers say of a pair.

    Attributes:
        layers: for probe and reference, float64 (h, w) grids from shallow to deep. The sum of each is the derivative of
            the score along the straight way from the black picture to the face, taken at the face, in that
            layer's activations.
        side: S of the crops.
    """

    layers: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]
    side: int


class Layered(Explainer[TorchFaceModel, Contributions]):
    """First-order occlusion inside the network.

    At a layer with activations A, those B of a black picture and the score's gradient G, a place contributes
    sum_c (A - B)_c G_c: what the score loses, to first order, where the layer sees black there. Shallow layers tell
    places apart and deep ones what they mean, so four of them are averaged, each weighted so that its strongest place
    counts as much as another's. Layers are found by shape (`grids_of`), not by name.

    The combined map **sums to score - threshold**: what the contributions leave of it is spread evenly over the pixels.
    A place is thus similar where it adds more than an even share of what the threshold asks for. `similarity` and
    `dissimilarity` are its positive part and the size of its negative part.
    """

    info = MethodInfo(
        id="layered",
        title="Layered (contributions at four depths)",
        reference="This program: docs/layered.md",
        white_box=True,
        needs_training=False,
        forward_passes=3,
        backward_passes=2,
        parameters={"baseline": "black", "grids": [f"1/{octave}" for octave in (*_OCTAVES, 8)]},
    )
    evidence_kind = "layer-contributions"

    def unavailable(self, model: FaceModel) -> str | None:
        """Needs grids inside the network."""
        reason = super().unavailable(model)
        if reason is None and not (isinstance(model, TorchFaceModel) and isinstance(model.network, GridNetwork)):
            return f"{self.info.title} needs grids inside the network; {model.info.id} shows none."
        return reason

    def gather(
        self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress
    ) -> Contributions:
        """Each face once with its gradient, and the black picture, one at a time, as some imported networks want it."""
        with model.lock():
            faces = [_Face.of(model, crop) for crop in (probe, reference)]
        embeddings = normalised(np.concatenate([face.raw for face in faces]), model.info)
        with model.lock():
            with torch.no_grad():
                black, _ = recorded(model.network, model.pixels(np.zeros_like(probe)[None]))
            layers = [face.contributions(black, other) for face, other in zip(faces, embeddings[::-1], strict=True)]
        return Contributions(embeddings=embeddings, layers=(layers[0], layers[1]), side=len(probe))

    def attribute(
        self, model: TorchFaceModel, evidence: Contributions, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """The layers' grids are the resolution of the method: no further blur is applied."""
        first, second = evidence.embeddings.astype(np.float64)
        margin = float(first @ second) - threshold
        probe, reference = (summing_to(margin, fused(grids, evidence.side)) for grids in evidence.layers)
        return FaceMaps.signed(probe), FaceMaps.signed(reference)


@dataclass(frozen=True, eq=False)
class _Face:
    """The forward pass of one face: its layers, still attached to what they lead to."""

    chosen: list[int]
    grids: list[torch.Tensor]
    output: torch.Tensor

    @property
    def raw(self) -> np.ndarray:
        """float64 (1, D)."""
        return np.asarray(self.output.detach().double().cpu().numpy())

    @classmethod
    def of(cls, model: TorchFaceModel, crop: np.ndarray) -> _Face:
        pixels = model.pixels(crop[None]).requires_grad_()
        grids, output = recorded(model.network, pixels)
        chosen = grids_of([tuple(grid.shape[2:]) for grid in grids], passages(grids, pixels, output), len(crop))
        if not chosen:
            raise ExplainError(f"Layered needs grids inside the network; {model.info.id} shows none.")
        return cls(chosen, [grids[index] for index in chosen], output)

    def contributions(self, baseline: list[torch.Tensor], partner: np.ndarray) -> tuple[np.ndarray, ...]:
        """float64 (h, w) of each layer, from all grids of the baseline and the float (D,) unit embedding of the other
        face."""
        score = nn.functional.normalize(self.output, dim=1)[0] @ torch.as_tensor(partner).to(self.output)
        gradients = torch.autograd.grad(score, self.grids)
        with torch.no_grad():
            found = [
                ((grid - baseline[index]) * gradient).double().sum(dim=1)[0].cpu().numpy()
                for index, grid, gradient in zip(self.chosen, self.grids, gradients, strict=True)
            ]
        return tuple(found)


def grids_of(shapes: Sequence[tuple[int, ...]], through: Sequence[int], side: int) -> list[int]:
    """Which layers are read: of the passages whose grids are at most a half, a quarter and an eighth of the crop (and
    more than half of that) the last each, and of the eighth the one in the middle too.

    Args:
        shapes: (h, w) of the recorded grids.
        through: indices of those that are passages.
        side: S of the crop.
    """
    found: list[int] = []
    for octave in _OCTAVES:
        there = [index for index in through if side / octave / 2 < max(shapes[index]) <= side / octave]
        if octave == _OCTAVES[-1] and len(there) > 1:
            found.append(there[(len(there) - 1) // 2])
        found += there[-1:]
    return found


def fused(layers: Sequence[np.ndarray], side: int) -> np.ndarray:
    """float64 (side, side): the mean of the layers, spread over the pixels of the crop, where each is weighted with the
    inverse of its strongest place and the weights add up to 1."""
    spread = [
        cv2.resize(layer, (side, side), interpolation=cv2.INTER_LINEAR) * layer.size / side**2 for layer in layers
    ]
    strongest = np.array([max(float(np.abs(values).max()), np.finfo(np.float64).tiny) for values in layers])
    weights = (1 / strongest) / (1 / strongest).sum()
    return np.asarray(sum(weight * values for weight, values in zip(weights, spread, strict=True)))


def summing_to(total: float, values: np.ndarray) -> np.ndarray:
    """The values (S, S) plus a constant, such that they sum to the total."""
    return np.asarray(values + (total - values.sum()) / values.size)
