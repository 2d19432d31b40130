"""The one interface of all explanation methods, and what they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from xssab_core.errors import ExplainError
from xssab_core.models.base import FaceModel, ModelInfo, Threshold, TorchFaceModel, check_crops

Progress = Callable[[float], None]
"""Called with the share done, 0..1. It may raise CancelledError to stop the computation."""

CAUTION = (
    "This explains the behaviour of one face recognition model on two photographs. "
    "It is not evidence of identity or of its absence."
)


@dataclass(frozen=True)
class MethodInfo:
    """What a user must know about a method.

    Attributes:
        id, title, reference: short name, display name, publication.
        white_box: needs gradients or feature grids of the model.
        needs_training: needs a trained part for each model.
        forward_passes, backward_passes: network passes per pair, both faces together.
        joint: gives one map for the pair, shown on both faces.
        cells: side of the grid whose cells share one value; None for pixel-wise maps.
        attention: the map has no sign: high values decide most, whatever is decided.
    """

    id: str
    title: str
    reference: str
    white_box: bool
    needs_training: bool
    forward_passes: int
    backward_passes: int
    joint: bool = False
    cells: int | None = None
    attention: bool = False


@dataclass(frozen=True, eq=False)
class FaceMaps:
    """Maps of one face given the other, float32 (S, S) at the size of the crop; None where a method has none.

    Attributes:
        similarity: >= 0, strength of what speaks for a match (Eq. 11).
        dissimilarity: >= 0, strength of what speaks against it.
        combined: signed, positive = similar (Eq. 12).
    """

    similarity: np.ndarray | None
    dissimilarity: np.ndarray | None
    combined: np.ndarray | None

    def named(self) -> dict[str, np.ndarray]:
        """The maps there are, by name."""
        names = ("combined", "similarity", "dissimilarity")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a method finds out about a pair before the threshold plays a part; the costly half of its work.

    Attributes:
        embeddings: float32 (2, D) of probe and reference, rows L2-normalised.
        nbytes: memory held.
    """

    embeddings: np.ndarray
    nbytes: int = field(kw_only=True, default=0)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gave a pair its score.

    Attributes:
        method, model, weights_sha256: what explains, and what is explained.
        score: cosine similarity, -1..1.
        threshold: th_d; threshold_name and threshold_origin say whose.
        embeddings: float32 (2, D) of probe and reference.
        probe, reference: maps of each face given the other.
        blur: whether the 5x5 Gaussian blur was applied.
        seconds: wall time per stage.
        numbers: what the method says in a number, by name; empty for most.
    """

    method: MethodInfo
    model: ModelInfo
    weights_sha256: str
    score: float
    threshold: float
    threshold_name: str
    threshold_origin: str
    embeddings: np.ndarray
    probe: FaceMaps
    reference: FaceMaps
    blur: bool
    seconds: dict[str, float]
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def is_match(self) -> bool:
        """score >= threshold."""
        return self.score >= self.threshold

    @property
    def margin(self) -> float:
        """score - threshold."""
        return self.score - self.threshold

    @property
    def arguments(self) -> np.ndarray:
        """float64 (D,): a_n = E^i_n * E^j_n (Eq. 6); their sum is the score."""
        return arguments(self.embeddings)

    @property
    def argument_threshold(self) -> float:
        """th_d / N (Eq. 5)."""
        return self.threshold / len(self.embeddings[0])

    def maps(self) -> dict[str, np.ndarray]:
        """All maps by name: `probe_combined`, `reference_similarity`, ..."""
        sides = {"probe": self.probe, "reference": self.reference}
        return {f"{side}_{name}": value for side, maps in sides.items() for name, value in maps.named().items()}


def arguments(embeddings: np.ndarray) -> np.ndarray:
    """float64 (D,) products of the two rows of float (2, D) unit embeddings (Eq. 6)."""
    first, second = embeddings.astype(np.float64)
    return np.asarray(first * second)


class Explainer(ABC):
    """A method. Subclasses give `info`, `gather` and `maps`; validation happens here, once.

    Attributes:
        info: what a user must know.
        evidence_kind: methods of one kind share their evidence, so that a pair is examined once for all of them.
    """

    info: MethodInfo
    evidence_kind: str

    @abstractmethod
    def gather(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress | None) -> Evidence:
        """Examine two checked uint8 (S, S, 3) crops; independent of the threshold."""

    @abstractmethod
    def maps(self, model: FaceModel, evidence: Evidence, threshold: float, blur: bool) -> tuple[FaceMaps, FaceMaps]:
        """Maps of probe and reference at a threshold, from evidence that `gather` returned for this model."""

    def numbers(self, evidence: Evidence) -> dict[str, float]:
        """What the method says of a pair in a number, by name; none unless a method overrides this."""
        return {}

    def unavailable(self, model: FaceModel) -> str | None:
        """A sentence on why this method cannot run on this model; None when it can."""
        if self.info.white_box and not isinstance(model, TorchFaceModel):
            reason = f" {model.info.black_box_reason}".rstrip()
            return f"{self.info.title} needs a differentiable model; {model.info.id} is a black box.{reason}"
        return None

    def examine(
        self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress | None = None
    ) -> Evidence:
        """Validate, then gather.

        Raises:
            ExplainError: this method cannot run on this model.
            ModelError: the crops do not fit the model.
        """
        reason = self.unavailable(model)
        if reason:
            raise ExplainError(reason)
        check_crops(np.stack([probe, reference]) if probe.shape == reference.shape else probe[None], model.info)
        check_crops(reference[None], model.info)
        return self.gather(model, probe, reference, progress)


def decision_threshold(model: FaceModel, threshold: float | str | Threshold | None) -> Threshold:
    """The threshold meant: a number, a name such as "eer", or None for the model's default.

    Raises:
        ExplainError: not a cosine, an unknown name, or a model without any threshold.
    """
    if isinstance(threshold, Threshold):
        return threshold
    if threshold is None or isinstance(threshold, str):
        for known in model.thresholds:
            if threshold in (None, known.name):
                return known
        names = ", ".join(known.name for known in model.thresholds) or "none"
        raise ExplainError(
            f"{model.info.id} has no threshold {threshold or 'of its own'} (known: {names}). "
            "Give a number, or calibrate the model first."
        )
    value = float(threshold)
    if not -1.0 <= value <= 1.0:
        raise ExplainError(f"A threshold is a cosine between -1 and 1, not {value}.")
    return Threshold(value, "user", "chosen by the user")


def gaussian_blur(values: np.ndarray) -> np.ndarray:
    """5x5 Gaussian of sigma 5 over float32 (S, S), edges mirrored (section 3; as Knoche et al.)."""
    return np.asarray(cv2.GaussianBlur(values, (5, 5), 5.0), dtype=np.float32)
