"""Layered contributions: what two faces share at each place and what sets them apart, at four depths of a network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import cv2
import numpy as np
import torch

from xssab_core.errors import ExplainError
from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.explain.base.layers import passages, recorded
from xssab_core.models.base import FaceModel, GridNetwork, TorchFaceModel, normalised
from xssab_core.progress import Progress

# Grids from a half to an eighth of the crop's side; of the last, the deepest, one in the middle too.
_OCTAVES = (2, 4, 8)
# Of the Gaussian over a map, pixels of a crop of 112.
_SIGMA, _SIZE = 2.0, 112

_Grids = tuple[np.ndarray, ...]

# The layers of the black picture, the same for every pair, by their indices and by the number of threads, which decides
# the last bits.
_black: WeakKeyDictionary[TorchFaceModel, dict[tuple[int, ...], list[torch.Tensor]]] = WeakKeyDictionary()
_keeping = threading.Lock()


@dataclass(frozen=True, eq=False)
class Contributions(Evidence):
    """What the layers say of a pair, for probe and reference, float64 (h, w) grids from shallow to deep.

    Attributes:
        shared: what each place adds to the score through the activations that it has in common with the other face. The
            sum of a grid is the derivative of the score for that layer's activations losing them.
        apart: what the score has because the place looks as it does and not as in the other face, mostly below zero.
            The sum of a grid is the derivative of the score for the activations leaving the other face's.
        side: S of the crops.
    """

    shared: tuple[_Grids, _Grids]
    apart: tuple[_Grids, _Grids]
    side: int


class Layered(Explainer[TorchFaceModel, Contributions]):
    """First-order occlusion inside the network, with a question for each decision.

    At a layer with activations A of this face, R of the other, B of a black picture and the score's gradient G

        shared(p) = sum_c common(A - B, R - B)_c G_c      what is lost where both lose what they have in common
        apart(p)  = sum_c (A - R)_c G_c                   minus what is gained where it looks as in the other face

    with common(a, b) the smaller of two values of one sign, else 0. The score is the product of the unit embeddings
    with the length of this face's held still. Shallow layers tell places apart and deep ones what they mean, so four of
    them are averaged, each weighted so that its strongest pixel counts as much as another's. Layers are found by shape
    (`grids_of`), not by name.

    **What holds a match up is what is shared; what keeps a non-match from matching is what sets it apart**: the
    combined map is the one or the other, by the decision. Either **sums to score - threshold**: what the contributions
    leave of it is spread evenly over the pixels. `similarity` is the positive part of the former, `dissimilarity` the
    size of the negative part of the latter, whatever the decision.
    """

    info = MethodInfo(
        id="layered",
        title="Layered (contributions at four depths)",
        reference="This program: docs/layered.md",
        white_box=True,
        needs_training=False,
        forward_passes=3,
        backward_passes=2,
        parameters={
            "match": "shared activations, against black",
            "non_match": "activations against the other face's",
            "grids": [f"1/{octave}" for octave in (*_OCTAVES, 8)],
            "sigma": f"{_SIGMA:g} px of {_SIZE}",
        },
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
        """Each face once with its gradient, one at a time, as some imported networks want it; the black picture for the
        first pair alone."""
        with model.lock():
            faces = [_Face.of(model, crop) for crop in (probe, reference)]
        embeddings = normalised(np.concatenate([face.raw for face in faces]), model.info)
        with model.lock():
            found = [
                face.contributions(_of_black(model, face.chosen), other, partner)
                for face, other, partner in zip(faces, faces[::-1], embeddings[::-1], strict=True)
            ]
        (shared, apart), (shared_too, apart_too) = found
        return Contributions(embeddings, (shared, shared_too), (apart, apart_too), len(probe))

    def attribute(
        self, model: TorchFaceModel, evidence: Contributions, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """The layers' grids are the resolution of the method: the blur of the paper is not applied."""
        first, second = evidence.embeddings.astype(np.float64)
        margin = float(first @ second) - threshold
        probe, reference = (
            _maps(margin, *(summing_to(margin, fused(grids, evidence.side)) for grids in of_face))
            for of_face in zip(evidence.shared, evidence.apart, strict=True)
        )
        return probe, reference


def _maps(margin: float, shared: np.ndarray, apart: np.ndarray) -> FaceMaps:
    holding, parting = FaceMaps.signed(shared), FaceMaps.signed(apart)
    combined = holding.combined if margin >= 0 else parting.combined
    return FaceMaps(holding.similarity, parting.dissimilarity, combined)


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

    def contributions(self, black: list[torch.Tensor], other: _Face, partner: np.ndarray) -> tuple[_Grids, _Grids]:
        """`Contributions.shared` and `apart` of this face, from the layers of the black picture, the other face and its
        float (D,) unit embedding."""
        score = self.output[0] @ torch.as_tensor(partner).to(self.output) / self.output[0].detach().norm()
        gradients = torch.autograd.grad(score, self.grids)
        shared, apart = [], []
        with torch.no_grad():
            for dark, grid, its, gradient in zip(black, self.grids, other.grids, gradients, strict=True):
                shared.append(_summed(common(grid - dark, its - dark), gradient))
                apart.append(_summed(grid - its, gradient))
        return tuple(shared), tuple(apart)


def _of_black(model: TorchFaceModel, chosen: list[int]) -> list[torch.Tensor]:
    """The chosen layers of a black picture."""
    key = (torch.get_num_threads(), *chosen)
    with _keeping:
        kept = _black.setdefault(model, {})
    if key not in kept:
        side = model.info.template.size
        with torch.no_grad():
            grids, _ = recorded(model.network, model.pixels(np.zeros((1, side, side, 3), np.uint8)))
        kept[key] = [grids[index] for index in chosen]
    return kept[key]


def _summed(values: torch.Tensor, gradient: torch.Tensor) -> np.ndarray:
    """float64 (h, w), the sum over channels of the product of two (1, C, h, w)."""
    return np.asarray((values * gradient).double().sum(dim=1)[0].cpu().numpy())


def common(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Elementwise what two values have in common: the one nearer to zero where they have one sign, else 0."""
    return torch.minimum(first, second).clamp_min(0) + torch.maximum(first, second).clamp_max(0)


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
    inverse of its strongest pixel and the weights add up to 1; then smoothed."""
    spread = [
        cv2.resize(layer, (side, side), interpolation=cv2.INTER_LINEAR) * layer.size / side**2 for layer in layers
    ]
    strongest = np.array([max(float(np.abs(values).max()), np.finfo(np.float64).tiny) for values in spread])
    weights = (1 / strongest) / (1 / strongest).sum()
    mean = np.asarray(sum(weight * values for weight, values in zip(weights, spread, strict=True)))
    return np.asarray(cv2.GaussianBlur(mean, (0, 0), _SIGMA * side / _SIZE))


def summing_to(total: float, values: np.ndarray) -> np.ndarray:
    """The values (S, S) plus a constant, such that they sum to the total."""
    return np.asarray(values + (total - values.sum()) / values.size)
