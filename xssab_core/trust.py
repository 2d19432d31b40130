"""Trust: numbers on how far a shown map deserves belief, and plain sentences made from them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import nn

from xssab_core.errors import ExplainError
from xssab_core.explain import Explanation, FaceMaps, Progress, crop_of, explain
from xssab_core.faces import AlignedFace
from xssab_core.faces.align import Template, similarity_transform
from xssab_core.models.base import FaceModel, Threshold, TorchFaceModel

JITTERS = (0.5, 1.0, 2.0)
QUALITIES = (95, 75)

# From which rank correlation on a sentence says what. The bands are a convention of this panel, not of a paper.
_AGREEMENT = ((0.8, "agree strongly"), (0.5, "agree moderately"), (0.2, "agree weakly"), (-0.2, "do not agree"))
_EFFECTS = ((0.8, "hardly changes the map"), (0.5, "changes the map noticeably"))


@dataclass(frozen=True)
class Agreement:
    """Rank correlation, -1..1, of the shown method's signed maps with those of another; the mean of both faces."""

    method: str
    title: str
    correlation: float


@dataclass(frozen=True)
class Stability:
    """Rank correlation, -1..1, of the shown maps with those after a small change of the input; mean of both faces.

    Attributes:
        change: "jitter" or "jpeg".
        amount: pixels of the crop that landmarks moved by (root mean square), or JPEG quality.
        correlation: of the maps.
        score: score of the changed pair.
    """

    change: str
    amount: float
    correlation: float
    score: float


@dataclass(frozen=True)
class Trust:
    """Numbers about one shown explanation. What was not measured, or has no meaning (a map without any variation has
    no ranks), is absent.

    Attributes:
        title: the shown method.
        score, threshold: of the shown explanation.
        agreement: with other methods.
        stability: under alignment jitter and JPEG.
        randomised: rank correlation of |map| between the model and one of the same architecture with randomised
            weights (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018); None when not measured.
    """

    title: str
    score: float
    threshold: float
    agreement: tuple[Agreement, ...] = ()
    stability: tuple[Stability, ...] = ()
    randomised: float | None = None

    def sentences(self) -> tuple[str, ...]:
        """Plain sentences, each from one kind of number; only what was measured is spoken of."""
        return (*self._on_agreement(), *self._on_stability(), *self._on_decision(), *self._on_randomisation())

    def _on_agreement(self) -> Iterator[str]:
        for other in self.agreement:
            number = f"(rank correlation {_number(other.correlation)})"
            verb = next((verb for least, verb in _AGREEMENT if other.correlation >= least), "contradict each other")
            yield f"{self.title} and {other.title} {verb} {number}."

    def _on_stability(self) -> Iterator[str]:
        for found in self.stability:
            pixels = "pixel" if found.amount == 1 else "pixels"
            what = (
                f"Moving the landmarks by about {found.amount:g} {pixels}"
                if found.change == "jitter"
                else f"Saving the crops as JPEG of quality {found.amount:g}"
            )
            effect = next((text for least, text in _EFFECTS if found.correlation >= least), "changes the map strongly")
            yield f"{what} {effect} (rank correlation {_number(found.correlation)})."

    def _on_decision(self) -> Iterator[str]:
        is_match = self.score >= self.threshold
        flips = sum((found.score >= self.threshold) != is_match for found in self.stability)
        if flips:
            yield f"The decision itself flips under {flips} of these {len(self.stability)} small changes."

    def _on_randomisation(self) -> Iterator[str]:
        if self.randomised is None:
            return
        number = f"(rank correlation {_number(self.randomised)})"
        if self.randomised >= 0.8:
            yield (
                f"The map stays nearly the same when the model's weights are randomised {number}, "
                "so it is not about the model."
            )
        elif self.randomised >= 0.5:
            yield f"Part of the map survives when the model's weights are randomised {number}."
        else:
            yield f"The map changes when the model's weights are randomised {number}, so it depends on the model."


def _number(correlation: float) -> str:
    return f"{correlation:.2f}".replace("-0.00", "0.00")


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two float arrays of one shape, ties sharing their mean rank, -1..1.

    NaN when one of them has no variation: equal values have no order.
    """
    x, y = (_ranks(values) for values in (first, second))
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / scale if scale else math.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], dtype=np.float64)


def assess(
    model: FaceModel,
    probe: AlignedFace,
    reference: AlignedFace,
    shown: Explanation,
    others: Sequence[Explanation] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Trust:
    """All checks of a shown explanation: one explanation more for each change of `JITTERS` and `QUALITIES`, and one
    for the randomised model; `others` are compared at no cost.

    Args:
        model: the model that `shown` is of.
        probe, reference: the faces that `shown` is of.
        shown: the explanation to judge.
        others: explanations of the same pair by other methods.
        seed: of the jitter and of the randomised weights.
        progress: told of the share done; may raise CancelledError.
    """
    changes = len(JITTERS) + len(QUALITIES)
    return Trust(
        title=shown.method.title,
        score=shown.score,
        threshold=shown.threshold,
        agreement=agreement(shown, others),
        stability=stability(
            model, probe, reference, shown, seed=seed, progress=_part(progress, 0.0, changes / (changes + 1))
        ),
        randomised=randomisation(
            model, probe, reference, shown, seed, _part(progress, changes / (changes + 1), 1 / (changes + 1))
        ),
    )


def agreement(shown: Explanation, others: Sequence[Explanation]) -> tuple[Agreement, ...]:
    """How the maps shown agree with those of other methods for the same pair; costs no pass.

    Raises:
        ExplainError: an explanation of another pair or of another model.
    """
    found = []
    for other in others:
        if other.method.id == shown.method.id:
            continue
        same_model = other.weights_sha256 == shown.weights_sha256
        if not same_model or not np.allclose(other.embeddings, shown.embeddings, atol=1e-4):
            raise ExplainError("Only explanations of the same pair by the same model can be compared.")
        correlation = _mean(
            rank_correlation(_combined(one), _combined(two))
            for one, two in ((shown.probe, other.probe), (shown.reference, other.reference))
        )
        if correlation is not None:
            found.append(Agreement(other.method.id, other.method.title, correlation))
    return tuple(found)


def stability(
    model: FaceModel,
    probe: AlignedFace,
    reference: AlignedFace,
    shown: Explanation,
    jitters: Sequence[float] = JITTERS,
    qualities: Sequence[int] = QUALITIES,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Stability, ...]:
    """Explain the pair again after small changes of both faces that no reader would see; one explanation per change.

    Jitter moves each landmark by seeded normal noise and aligns anew; the new map is laid back over the shown crop
    before it is compared, so that a map is not blamed for following its face. JPEG re-encodes the crops.

    Args:
        model: the model that `shown` is of.
        probe, reference: the faces that `shown` is of.
        shown: the explanation to test.
        jitters: root mean square shift of a landmark, pixels of the crop.
        qualities: JPEG qualities, 1..100.
        seed: of the noise.
        progress: told of the share done; may raise CancelledError.
    """
    changes = [("jitter", amount) for amount in jitters] + [("jpeg", float(quality)) for quality in qualities]
    template, found = model.info.template, []
    for number, (change, amount) in enumerate(changes):
        if change == "jitter":
            generator = np.random.default_rng([seed, number])
            faces = [moved(face, amount, template, generator) for face in (probe, reference)]
            crops = [crop_of(model, face) for face in faces]
            back = [_between(new, old, template) for new, old in zip(faces, (probe, reference), strict=True)]
        else:
            crops = [jpeg(crop_of(model, face), int(amount)) for face in (probe, reference)]
            back = [np.eye(2, 3), np.eye(2, 3)]
        again = _again(model, crops, shown, _part(progress, number / len(changes), 1 / len(changes)))
        correlation = _mean(
            _laid_back(_combined(old), _combined(new), matrix)
            for old, new, matrix in (
                (shown.probe, again.probe, back[0]),
                (shown.reference, again.reference, back[1]),
            )
        )
        if correlation is not None:
            found.append(Stability(change, amount, correlation, again.score))
    return tuple(found)


def randomisation(
    model: FaceModel,
    probe: AlignedFace | np.ndarray,
    reference: AlignedFace | np.ndarray,
    shown: Explanation,
    seed: int = 0,
    progress: Progress | None = None,
) -> float | None:
    """Rank correlation of |map| between the model and a copy of it with randomised weights; mean of both faces.

    Near 0: the map depends on what the model learnt. Near 1: it would look the same without. The shared model is
    never touched. None for a black box, whose weights cannot be changed, and for maps without variation.
    """
    if not isinstance(model, TorchFaceModel):
        return None
    crops = [crop_of(model, face) for face in (probe, reference)]
    again = _again(_randomised(model, np.stack(crops), seed), crops, shown, progress)
    return _mean(
        rank_correlation(np.abs(_combined(old)), np.abs(_combined(new)))
        for old, new in ((shown.probe, again.probe), (shown.reference, again.reference))
    )


def _randomised(model: TorchFaceModel, crops: np.ndarray, seed: int) -> TorchFaceModel:
    """A copy whose weights are shuffled within each tensor, which keeps their scale and destroys what they learnt.

    The statistics of the normalisation layers are then taken anew from shifted copies of the pair: with those of the
    old weights, activations would vanish or explode. The copy keeps the digest of the weights, so that trained parts
    which belong to the model (the head of xCos) still attach to it; it must therefore never reach a cache.
    """
    network = copy.deepcopy(model.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].view_as(weights))
        shifted = [np.roll(crops, (dy, dx), (1, 2)) for dy in (-6, -2, 2, 6) for dx in (-6, -2, 2, 6)]
        with model.lock(), _fresh_statistics(network):
            network(model.pixels(np.concatenate(shifted)))
    return TorchFaceModel(model.info, network, model.weights_sha256, model.thresholds, model.device)


@contextmanager
def _fresh_statistics(network: nn.Module) -> Iterator[None]:
    """Within, batch normalisation layers learn their statistics from what passes; everything else stays in eval."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over what passes
        layer.train()
    yield
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()


def moved(face: AlignedFace, amount: float, template: Template, generator: np.random.Generator) -> AlignedFace:
    """The face with landmarks moved by normal noise of `amount` crop pixels (root mean square per landmark)."""
    matrix = similarity_transform(face.landmarks, np.array(template.points))
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    noise = generator.normal(scale=amount / math.sqrt(2), size=(5, 2))
    return replace(face, landmarks=face.landmarks + noise / scale)


def jpeg(crop: np.ndarray, quality: int) -> np.ndarray:
    """uint8 (S, S, 3) RGB crop after a round trip through JPEG."""
    encoded = cv2.imencode(".jpg", crop[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[:, :, ::-1])


def _between(new: AlignedFace, old: AlignedFace, template: Template) -> np.ndarray:
    """float64 (2, 3): where a pixel of the new crop lies in the old one."""
    target = np.array(template.points)
    first, second = (np.vstack([similarity_transform(face.landmarks, target), [0.0, 0.0, 1.0]]) for face in (new, old))
    return np.asarray((second @ np.linalg.inv(first))[:2])


def _laid_back(old: np.ndarray, new: np.ndarray, matrix: np.ndarray) -> float:
    """Rank correlation over the pixels that both crops cover."""
    size = (old.shape[1], old.shape[0])
    inside = cv2.warpAffine(np.ones_like(old), matrix, size, flags=cv2.INTER_LINEAR, borderValue=0.0) > 0.999
    laid = np.asarray(cv2.warpAffine(new, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0.0))
    return rank_correlation(old[inside], laid[inside])


def _again(model: FaceModel, crops: list[np.ndarray], shown: Explanation, progress: Progress | None) -> Explanation:
    threshold = Threshold(shown.threshold, shown.threshold_name, shown.threshold_origin)
    return explain(model, crops[0], crops[1], shown.method.id, threshold, shown.blur, progress)


def _combined(maps: FaceMaps) -> np.ndarray:
    if maps.combined is None:
        raise ExplainError("This method has no combined map, so its ranks cannot be compared.")
    return maps.combined


def _mean(values: Iterator[float]) -> float | None:
    found = list(values)
    return None if any(math.isnan(value) for value in found) else sum(found) / len(found)


def _part(progress: Progress | None, start: float, width: float) -> Progress | None:
    """Progress of a step that begins at the share `start` and takes the share `width`."""
    if progress is None:
        return None
    progress(start)
    return lambda share: progress(start + width * share)
