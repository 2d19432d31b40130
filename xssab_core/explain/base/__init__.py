"""The one interface of all explanation methods, and what they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

import cv2
import numpy as np
import torch

from xssab_core.errors import ExplainError
from xssab_core.faces import SIDES
from xssab_core.models.base import FaceModel, ModelInfo, Threshold, TorchFaceModel, check_crops
from xssab_core.progress import Progress, ignore

# More than this per pair, both directions together, is run on demand.
QUICK_PASSES = 100
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
        forward_passes, backward_passes: network passes per pair, both faces together; where they hang on the model, on
            SFace. See `Explainer.passes`.
        joint: gives one map for the pair, shown on both faces.
        cells: side of the grid whose cells share one value; None for pixel-wise maps.
        attention: the map has no sign: high values decide most, whatever is decided.
        ordered_unblurred: its blur is for the eye: pixels are ordered by the map before it.
        parameters: what else decides the maps, ready for JSON; part of every record.
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
    ordered_unblurred: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_quick(self) -> bool:
        """Whether it makes few enough passes to run unasked, several times over, and on one CPU thread, as the
        benchmark runs all of them: an order of pixels hangs on the last bits of a gradient. See `on_one_thread`."""
        return self.forward_passes + self.backward_passes <= QUICK_PASSES

    @property
    def short_title(self) -> str:
        """The title without its explanation in brackets."""
        return self.title.split(" (")[0]


class Passes(NamedTuple):
    """Network passes per pair, both faces together."""

    forward: int
    backward: int

    @property
    def as_forward(self) -> int:
        """How many forward passes take as long; a backward pass takes as long as two."""
        return self.forward + 2 * self.backward


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

    @classmethod
    def signed(cls, values: np.ndarray) -> FaceMaps:
        """Float (S, S) values, positive = similar, as the combined map, with its positive part and the size of its
        negative part."""
        combined = np.asarray(values, dtype=np.float32)
        return cls(np.maximum(combined, 0), np.maximum(-combined, 0), combined)

    def named(self) -> dict[str, np.ndarray]:
        """The maps there are, by name."""
        names = ("combined", "similarity", "dissimilarity")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a method finds out about a pair before the threshold plays a part; the costly half of its work.

    Attributes:
        embeddings: float32 (2, D) of probe and reference, rows L2-normalised.
    """

    embeddings: np.ndarray

    @property
    def nbytes(self) -> int:
        """Memory held, from the fields. A method whose evidence holds more than they show overrides this."""
        return sum(_nbytes(getattr(self, each.name)) for each in fields(self))


def _nbytes(value: Any) -> int:
    """Memory of arrays, tensors and bytes, also inside containers; other values count as nothing."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes()
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_nbytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_nbytes, value))
    return 0


EvidenceT = TypeVar("EvidenceT", bound=Evidence)
ModelT = TypeVar("ModelT", bound=FaceModel)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gave a pair its score.

    Attributes:
        method, model, weights_sha256: what explains, and what is explained.
        score: cosine similarity, -1..1.
        threshold: th_d, and whose it is.
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
    threshold: Threshold
    embeddings: np.ndarray
    probe: FaceMaps
    reference: FaceMaps
    blur: bool
    seconds: dict[str, float]
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def is_match(self) -> bool:
        """score >= threshold."""
        return self.threshold.is_match(self.score)

    @property
    def margin(self) -> float:
        """score - threshold."""
        return self.score - self.threshold.value

    @property
    def arguments(self) -> np.ndarray:
        """float64 (D,): a_n = E^i_n * E^j_n (Eq. 6); their sum is the score."""
        return arguments(self.embeddings)

    @property
    def order_title(self) -> str:
        """Title of the order in which its map puts pixels."""
        title = self.method.short_title
        return f"{title}, unblurred" if self.method.ordered_unblurred and not self.blur else title

    @property
    def argument_threshold(self) -> float:
        """th_d / N (Eq. 5)."""
        return self.threshold.value / len(self.embeddings[0])

    def maps(self) -> dict[str, np.ndarray]:
        """All maps by name: `probe_combined`, `reference_similarity`, ..."""
        return {f"{side}_{name}": value for side, maps in self.by_side() for name, value in maps.named().items()}

    def by_side(self) -> Iterator[tuple[str, FaceMaps]]:
        """The maps of each face by the names of `SIDES`."""
        return zip(SIDES, (self.probe, self.reference), strict=True)


def arguments(embeddings: np.ndarray) -> np.ndarray:
    """float64 (D,) products of the two rows of float (2, D) unit embeddings (Eq. 6)."""
    first, second = embeddings.astype(np.float64)
    return np.asarray(first * second)


class Explainer(ABC, Generic[ModelT, EvidenceT]):
    """A method. Subclasses give `info`, `gather` and `attribute`; what goes in and comes out is checked here, once.

    Attributes:
        info: what a user must know.
        evidence_kind: methods of one kind share their evidence, so that a pair is examined once for all of them.
        grows: whether `gather` tells now and then what evidence there is so far, from which maps can be made.
    """

    info: MethodInfo
    evidence_kind: str
    grows: ClassVar[bool] = False

    @abstractmethod
    def gather(self, model: ModelT, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> EvidenceT:
        """Examine two checked uint8 (S, S, 3) crops; independent of the threshold."""

    @abstractmethod
    def attribute(self, model: ModelT, evidence: EvidenceT, threshold: float, blur: bool) -> tuple[FaceMaps, FaceMaps]:
        """Maps of probe and reference at a threshold, from evidence that `gather` returned for this model."""

    def known(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray) -> EvidenceT | None:
        """Evidence about two crops that was gathered beforehand and ships; none unless a method overrides this."""
        return None

    def passes(self, model: FaceModel) -> Passes:
        """Passes per pair on this model, at most; a method whose passes hang on the model overrides this."""
        return Passes(self.info.forward_passes, self.info.backward_passes)

    def numbers(self, model: ModelT, evidence: EvidenceT, threshold: float) -> dict[str, float]:
        """What the method says of a pair in a number, by name; none unless a method overrides this."""
        return {}

    def unavailable(self, model: FaceModel) -> str | None:
        """A sentence on why this method cannot run on this model; None when it can."""
        if self.info.white_box and not isinstance(model, TorchFaceModel):
            reason = f" {model.info.black_box_reason}".rstrip()
            return f"{self.info.title} needs a differentiable model; {model.info.id} is a black box.{reason}"
        return None

    def evidence_key(self, model: FaceModel) -> Hashable:
        """What decides the evidence of a pair besides its crops; equal keys share it."""
        return self.evidence_kind, model.weights_sha256

    def examine(
        self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress = ignore
    ) -> EvidenceT:
        """Validate, then gather.

        Raises:
            ExplainError: this method cannot run on this model.
            ModelError: the crops do not fit the model.
        """
        for crop in (probe, reference):
            check_crops(crop[None], model.info)
        return self.gather(self._usable(model), probe, reference, progress)

    def maps(
        self, model: FaceModel, evidence: EvidenceT, threshold: float, blur: bool = True
    ) -> tuple[FaceMaps, FaceMaps]:
        """Attribute, then validate: maps of probe and reference at a threshold.

        Raises:
            ExplainError: this method cannot run on this model, or gave maps that are none.
        """
        found = self.attribute(self._usable(model), evidence, threshold, blur)
        side = model.info.template.size
        for face, maps in zip(SIDES, found, strict=True):
            for name, values in maps.named().items():
                if values.dtype != np.float32 or values.shape != (side, side):
                    raise ExplainError(
                        f"{self.info.title} gave a {name} map of the {face} that is {values.dtype} {values.shape}, "
                        f"not float32 ({side}, {side})."
                    )
                if not np.isfinite(values).all():
                    raise ExplainError(f"{self.info.title} gave a {name} map of the {face} that is not finite.")
        return found

    def _usable(self, model: FaceModel) -> ModelT:
        reason = self.unavailable(model)
        if reason:
            raise ExplainError(reason)
        return cast(ModelT, model)  # a white-box method gets a TorchFaceModel: `unavailable` has looked


AnyExplainer = Explainer[Any, Any]


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
        raise ExplainError(f"A threshold is a cosine between -1 and 1, not {value:g}.{_as_cosine(value)}")
    return Threshold.by_user(value)


def _as_cosine(value: float) -> str:
    """What a number above 1 would be as a cosine, were it a distance or a percentage."""
    if 1.0 < value <= 2.0:
        return (
            f" If it is a cosine distance, give {1 - value:.4g}; if it is a Euclidean distance of unit embeddings, "
            f"give {1 - value**2 / 2:.4g}."
        )
    return f" If it is a percentage, give {value / 100:.4g}." if 2.0 < value <= 100.0 else ""


def gaussian_blur(values: np.ndarray) -> np.ndarray:
    """5x5 Gaussian of sigma 5 over float32 (S, S), edges mirrored (section 3; as Knoche et al.)."""
    return np.asarray(cv2.GaussianBlur(values, (5, 5), 5.0), dtype=np.float32)


def blurred(crop: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) crop under a Gaussian of sigma S / 10, edges mirrored: colours stay, features go."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), len(crop) / 10), dtype=np.uint8)
