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
from xssab_core.progress import Progress, State

# The baseline is the face under a Gaussian blur of this sigma, in pixels of a crop of 112.
BLUR_SIGMA = 11.0
_CROP = 112
# Grids from a half to an eighth of the crop's side; of the last, the deepest, one in the middle too.
_OCTAVES = (2, 4, 8)


@dataclass(frozen=True, eq=False)
class Contributions(Evidence):
    """What the layers say of a pair.

    Attributes:
        layers: for probe and reference, float64 (h, w) grids from shallow to deep. The sum of each is the derivative of
            the score along the straight way from the blurred face to the face, taken at the face, in that layer's
            activations.
        side: S of the crops.
    """

    layers: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]
    side: int


class Layered(Explainer[TorchFaceModel, Contributions]):
    """First-order occlusion inside the network.

    At a layer with activations A, those B of the blurred face and the score's gradient G, a place contributes
    sum_c (A - B)_c G_c: what the score loses, to first order, where the face is blurred there. Shallow layers tell
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
        forward_passes=4,
        backward_passes=2,
        parameters={"blur_sigma_at_112_px": BLUR_SIGMA, "grids": [f"1/{octave}" for octave in (*_OCTAVES, 8)]},
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
        """Each face once with its gradient and once blurred, one at a time, as some imported networks want it."""
        crops = np.stack([probe, reference])
        blurred = np.stack([blurred_face(crop) for crop in crops])
        with model.lock():
            faces = [_Face.of(model, crop) for crop in crops]
        embeddings = normalised(np.concatenate([face.raw for face in faces]), model.info)
        progress(State(1, 2, "passes"))
        with model.lock():
            layers = [
                face.contributions(model, baseline, partner)
                for face, baseline, partner in zip(faces, blurred, embeddings[::-1], strict=True)
            ]
        return Contributions(embeddings=embeddings, layers=(layers[0], layers[1]), side=len(probe))

    def attribute(
        self, model: TorchFaceModel, evidence: Contributions, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """The layers' grids are the resolution of the method: no further blur is applied."""
        first, second = evidence.embeddings.astype(np.float64)
        margin = float(first @ second) - threshold
        probe, reference = (_face_maps(fused(grids, evidence.side), margin) for grids in evidence.layers)
        return probe, reference


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

    def contributions(self, model: TorchFaceModel, baseline: np.ndarray, partner: np.ndarray) -> tuple[np.ndarray, ...]:
        """float64 (h, w) of each layer, from the uint8 (S, S, 3) baseline and the float (D,) unit embedding of the
        other face."""
        score = nn.functional.normalize(self.output, dim=1)[0] @ torch.as_tensor(partner).to(self.output)
        gradients = torch.autograd.grad(score, self.grids)
        with torch.no_grad():
            blurred, _ = recorded(model.network, model.pixels(baseline[None]))
            found = [
                ((grid - blurred[index]) * gradient).double().sum(dim=1)[0].cpu().numpy()
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


def blurred_face(crop: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3): the baseline, where nobody can be told."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), BLUR_SIGMA * len(crop) / _CROP))


def fused(layers: Sequence[np.ndarray], side: int) -> np.ndarray:
    """float64 (side, side): the mean of the layers, spread over the pixels of the crop, where each is weighted with the
    inverse of its strongest place and the weights add up to 1."""
    spread = [
        cv2.resize(layer, (side, side), interpolation=cv2.INTER_LINEAR) * layer.size / side**2 for layer in layers
    ]
    strongest = np.array([max(float(np.abs(values).max()), np.finfo(np.float64).tiny) for values in layers])
    weights = (1 / strongest) / (1 / strongest).sum()
    return np.asarray(sum(weight * values for weight, values in zip(weights, spread, strict=True)))


def _face_maps(contributions: np.ndarray, margin: float) -> FaceMaps:
    combined = contributions + (margin - contributions.sum()) / contributions.size
    values = np.asarray(combined, dtype=np.float32)
    return FaceMaps(np.maximum(values, 0), np.maximum(-values, 0), values)
