"""Checks: numbers on how far a shown map deserves belief."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from xssab_core.errors import ExplainError
from xssab_core.explain import Evidence, Explanation, FaceMaps, explain, method_of
from xssab_core.faces import AlignedFace, Pair
from xssab_core.faces.align import Template, similarity_transform
from xssab_core.metrics import rank_correlation
from xssab_core.models.base import FaceModel, Threshold, TorchFaceModel
from xssab_core.progress import Progress, ignore, part
from xssab_core.trust.randomised import randomised_copy

JITTERS = (0.5, 1.0, 2.0)
QUALITIES = (95, 75)
SEED = 0


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
            weights (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018); a sentence that says why where it
            cannot be measured; None where it was not asked for.
    """

    title: str
    score: float
    threshold: Threshold
    agreement: tuple[Agreement, ...] = ()
    stability: tuple[Stability, ...] = ()
    randomised: float | str | None = None


def assess(
    model: FaceModel,
    pair: Pair,
    shown: Explanation,
    others: Sequence[Explanation] = (),
    seed: int = SEED,
    progress: Progress = ignore,
) -> Trust:
    """All checks of a shown explanation: one explanation more for each change of `JITTERS` and `QUALITIES`, and one
    for the randomised model; `others` are compared at no cost.

    Args:
        model: the model that `shown` is of.
        pair: the faces that `shown` is of.
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
        stability=stability(model, pair, shown, seed=seed, progress=part(progress, 0.0, changes / (changes + 1))),
        randomised=randomisation(
            model,
            pair.crops_for(model.info.template),
            shown,
            seed,
            part(progress, changes / (changes + 1), 1 / (changes + 1)),
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
    pair: Pair,
    shown: Explanation,
    jitters: Sequence[float] = JITTERS,
    qualities: Sequence[int] = QUALITIES,
    seed: int = SEED,
    progress: Progress = ignore,
) -> tuple[Stability, ...]:
    """Explain the pair again after small changes of both faces that no reader would see; one explanation per change.

    Jitter moves each landmark by seeded normal noise and aligns anew; the new map is laid back over the shown crop
    before it is compared, so that a map is not blamed for following its face. JPEG re-encodes the crops.

    Args:
        model: the model that `shown` is of.
        pair: the faces that `shown` is of.
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
            faces = [moved(face, amount, template, generator) for face in pair]
            crops = [face.crop_for(template) for face in faces]
            back = [_between(new, old, template) for new, old in zip(faces, pair, strict=True)]
        else:
            crops = [jpeg(crop, int(amount)) for crop in pair.crops_for(template)]
            back = [np.eye(2, 3), np.eye(2, 3)]
        again = _again(model, crops, shown, part(progress, number / len(changes), 1 / len(changes)), {})
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
    crops: tuple[np.ndarray, np.ndarray],
    shown: Explanation,
    seed: int = SEED,
    progress: Progress = ignore,
    examined: dict[str, Evidence] | None = None,
) -> float | str:
    """Rank correlation of |map| between the model and a copy of it with randomised weights; mean of both faces.

    Near 0: the map depends on what the model learnt. Near 1: it would look the same without. The shared model is
    never touched. Where it cannot be measured, a sentence that says why: a black box, a degenerate copy (see
    `randomised_copy`), maps without variation.

    Args:
        model: the model that `shown` is of.
        crops: uint8 (S, S, 3) of probe and reference.
        shown: the explanation to test.
        seed: of the order of the weights.
        progress: told of the share done; may raise CancelledError.
        examined: what methods have found out of these crops by the copy of that seed, by kind of evidence; what this
            call finds out is added, for methods that share it.
    """
    if not isinstance(model, TorchFaceModel):
        return "The weights of a black box cannot be changed."
    forgetful = randomised_copy(model, seed)
    if forgetful is None:
        return f"With its weights in another order, {model.info.id} no longer tells one picture from another."
    again = _again(forgetful, crops, shown, progress, {} if examined is None else examined)
    found = _mean(
        rank_correlation(np.abs(_combined(old)), np.abs(_combined(new)))
        for old, new in ((shown.probe, again.probe), (shown.reference, again.reference))
    )
    return "A map without any variation has no ranks." if found is None else found


def consistency(shown: Explanation) -> float | None:
    """Cosine, -1..1, between the maps of the two faces of a pair, which lie on one template: of one identity in a
    genuine pair, of two in an impostor pair. None where a method gives one map for both, none, or one of zeros."""
    first, second = shown.probe.combined, shown.reference.combined
    if shown.method.joint or first is None or second is None:
        return None
    norm = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(np.vdot(first, second)) / norm if norm > 0 else None


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


def _again(
    model: FaceModel,
    crops: Sequence[np.ndarray],
    shown: Explanation,
    progress: Progress,
    examined: dict[str, Evidence],
) -> Explanation:
    (probe, reference), method = crops, method_of(shown.method.id)
    if method.evidence_kind not in examined:
        examined[method.evidence_kind] = method.examine(model, probe, reference, progress)
    evidence = examined[method.evidence_kind]
    return explain(model, probe, reference, shown.method.id, shown.threshold, shown.blur, evidence=evidence)


def _combined(maps: FaceMaps) -> np.ndarray:
    if maps.combined is None:
        raise ExplainError("This method has no combined map, so its ranks cannot be compared.")
    return maps.combined


def _mean(values: Iterator[float]) -> float | None:
    found = list(values)
    return None if any(math.isnan(value) for value in found) else sum(found) / len(found)
