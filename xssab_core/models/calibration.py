"""Calibrations: the scores of known pairs, from which a model's thresholds come."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from xssab_core import paths
from xssab_core.errors import DataError
from xssab_core.files import decoded, write_whole
from xssab_core.metrics import Rate, counted, eer, error_rates, percent, threshold_at_fmr
from xssab_core.models.base import Threshold
from xssab_core.work.beforehand import digest_of, read_numbers, save_numbers, shipped

FMR_TARGETS = (1e-2, 1e-3, 1e-4)
_Score = Annotated[float, Meta(ge=-1, le=1)]
_Fold = Annotated[int, Meta(ge=0, le=10**6)]

# Thresholds others published for exactly these weights.
_PUBLISHED = {
    "sface": (
        Threshold(
            0.363,
            "published",
            "Recommended by OpenCV for cosine scores of SFace (documentation of cv::FaceRecognizerSF, LFW)",
        ),
    )
}


@dataclass(frozen=True)
class ErrorRates:
    """Both error rates of a model at a threshold.

    Attributes:
        false_match, false_non_match: FMR and FNMR.
        origin: the pairs they were counted on.
    """

    false_match: Rate
    false_non_match: Rate
    origin: str

    def __str__(self) -> str:
        return f"FMR {self.false_match}, FNMR {self.false_non_match}"


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy as LFW's View 2 prescribes: each fold judged by the threshold that is best on the others.

    Attributes:
        folds: number of each fold that has pairs, ascending.
        accuracies, thresholds: of each of these folds.
    """

    folds: tuple[int, ...]
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean accuracy, 0..1."""
        return float(np.mean(self.accuracies))

    @property
    def standard_error(self) -> float:
        """Of the mean, over folds."""
        return float(np.std(self.accuracies, ddof=1) / np.sqrt(len(self.accuracies)))


class _Stored(Struct, frozen=True):
    """A calibration as its file holds it."""

    model: str
    weights_sha256: str
    data_set: str
    date: str
    pairs_expected: Annotated[int, Meta(ge=0, le=10**9)]
    genuine: Annotated[list[_Score], Meta(min_length=1)]
    impostor: Annotated[list[_Score], Meta(min_length=1)]
    genuine_folds: list[_Fold]
    impostor_folds: list[_Fold]

    def __post_init__(self) -> None:
        for name, scores, folds in (
            ("genuine_folds", self.genuine, self.genuine_folds),
            ("impostor_folds", self.impostor, self.impostor_folds),
        ):
            if len(folds) != len(scores):
                raise ValueError(f"{name} has {len(folds)} numbers for {len(scores)} scores")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of pairs with known labels, and where they came from.

    Attributes:
        model, weights_sha256: the model that gave the scores.
        data_set: name, and what of it was used.
        date: ISO date of the run.
        pairs_expected: pairs the protocol defines; fewer scores than that means a partial copy.
        genuine, impostor: float64 (n,) cosine scores.
        genuine_folds, impostor_folds: int (n,) fold of each pair, all 0 where the protocol has no folds.
    """

    model: str
    weights_sha256: str
    data_set: str
    date: str
    pairs_expected: int
    genuine: np.ndarray
    impostor: np.ndarray
    genuine_folds: np.ndarray
    impostor_folds: np.ndarray

    @property
    def coverage(self) -> str:
        """How much of the protocol the scores cover, as a phrase."""
        return f"{len(self.genuine) + len(self.impostor):,} of {self.pairs_expected:,} pairs"

    @property
    def eer(self) -> tuple[float, float]:
        """Equal error rate, 0..1, and its threshold."""
        return eer(self.genuine, self.impostor)

    @property
    def origin(self) -> str:
        """Which pairs the scores are of, as a phrase."""
        return f"{self.data_set}, {self.coverage}"

    def rates(self, threshold: float) -> ErrorRates:
        """FMR and FNMR at a threshold."""
        false_non_matches = int(np.count_nonzero(self.genuine < threshold))
        return ErrorRates(self.as_high(threshold), Rate(false_non_matches, len(self.genuine)), self.origin)

    def as_high(self, score: float) -> Rate:
        """How many impostor pairs score at or above a score."""
        return Rate(int(np.count_nonzero(self.impostor >= score)), len(self.impostor))

    def as_low(self, score: float) -> Rate:
        """How many genuine pairs score at or below a score."""
        return Rate(int(np.count_nonzero(self.genuine <= score)), len(self.genuine))

    def standing(self, score: float, is_match: bool) -> str:
        """What speaks for a decision, in counts: of a match how rarely impostor pairs score as high, of a non-match
        how rarely genuine pairs score as low."""
        found = self.as_high(score) if is_match else self.as_low(score)
        kind, way = ("impostor", "high") if is_match else ("genuine", "low")
        return f"{found.errors:,} of {counted(found.trials, f'{kind} pair')} scored this {way} ({found.likely})"

    def fold_accuracy(self) -> FoldAccuracy | None:
        """Accuracy fold by fold; None unless there are two folds or more, each with pairs of both kinds."""
        folds = sorted(set(self.genuine_folds.tolist()) & set(self.impostor_folds.tolist()))
        if len(folds) < 2:
            return None
        accuracies, thresholds = [], []
        for fold in folds:
            in_genuine, in_impostor = self.genuine_folds == fold, self.impostor_folds == fold
            best = _most_accurate(self.genuine[~in_genuine], self.impostor[~in_impostor])
            right = np.count_nonzero(self.genuine[in_genuine] >= best)
            right += np.count_nonzero(self.impostor[in_impostor] < best)
            accuracies.append(right / (np.count_nonzero(in_genuine) + np.count_nonzero(in_impostor)))
            thresholds.append(best)
        return FoldAccuracy(tuple(folds), tuple(map(float, accuracies)), tuple(thresholds))

    def thresholds(self) -> tuple[Threshold, ...]:
        """EER first, then each FMR of `FMR_TARGETS` that at least ten impostor pairs would exceed."""
        rate, value = self.eer
        likely = Rate(round(rate * len(self.genuine)), len(self.genuine)).likely
        origin = f"{self.origin}, measured {self.date}"
        found = [Threshold(value, "eer", f"EER {percent(rate)} ({likely}) on {origin}")]
        for target in FMR_TARGETS:
            if target * len(self.impostor) >= 10:
                value = threshold_at_fmr(self.impostor, target)
                name = f"fmr-{target:.0e}".replace("e-0", "e-")
                found.append(Threshold(value, name, f"FMR {self.as_high(value)} on {origin}"))
        return tuple(found)

    def known_fit(self, kind: str) -> np.ndarray | None:
        """float64 (K,): what `save_fit` wrote of these scores, where it ships; None elsewhere."""
        found = read_numbers(shipped(kind, self.model), self.weights_sha256, kind, [self._digest])
        return None if found is None else found[0]

    def save_fit(self, kind: str, numbers: np.ndarray) -> None:
        """Write what was fitted to these scores, so that nobody waits for the fit, or for the import of what fits.

        Raises:
            OutputError: the file cannot be written.
        """
        save_numbers(shipped(kind, self.model), self.weights_sha256, kind, {self._digest: numbers})

    @property
    def _digest(self) -> str:
        return digest_of(self.genuine, self.impostor, self.genuine_folds, self.impostor_folds)

    def save(self, path: Path) -> None:
        """Write as JSON, scores rounded to six decimals."""
        stored = _Stored(
            self.model,
            self.weights_sha256,
            self.data_set,
            self.date,
            self.pairs_expected,
            *(np.round(scores, 6).tolist() for scores in (self.genuine, self.impostor)),
            *(folds.tolist() for folds in (self.genuine_folds, self.impostor_folds)),
        )
        write_whole(path, msgspec.json.encode(stored))

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote; DataError when it is not that."""
        try:
            stored = decoded(path.read_bytes(), _Stored)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is not a calibration ({error}). Delete it and calibrate again.") from error
        return cls(
            stored.model,
            stored.weights_sha256,
            stored.data_set,
            stored.date,
            stored.pairs_expected,
            *(np.array(scores, dtype=np.float64) for scores in (stored.genuine, stored.impostor)),
            *(np.array(folds, dtype=np.int64) for folds in (stored.genuine_folds, stored.impostor_folds)),
        )


def _most_accurate(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold with the most right decisions; the middle of the first interval of scores in which it lies."""
    thresholds, false_match, false_non_match = error_rates(genuine, impostor)
    wrong = false_match * len(impostor) + false_non_match * len(genuine)
    best = int(np.argmin(np.round(wrong)))
    lower = thresholds[best - 1] if best else thresholds[best]
    return float(lower + thresholds[best]) / 2


def calibration_path(model_id: str) -> Path:
    """Where a calibration made on this machine lies."""
    return paths.home() / "calibrations" / f"{model_id}.json"


def calibration_of(model_id: str, weights_sha256: str) -> Calibration | None:
    """The calibration of exactly these weights: this machine's own, else the one that ships; None without."""
    for path in (calibration_path(model_id), paths.ASSETS / "calibrations" / f"{model_id}.json"):
        if path.exists():
            calibration = Calibration.load(path)
            if calibration.weights_sha256 == weights_sha256:
                return calibration
    return None


def rates_at(model_id: str, weights_sha256: str, threshold: float) -> ErrorRates | None:
    """FMR and FNMR of exactly these weights at any threshold; None for an uncalibrated model."""
    calibration = calibration_of(model_id, weights_sha256)
    return None if calibration is None else calibration.rates(threshold)


def calibration_revision(model_id: str) -> Hashable:
    """Changes when the calibration made on this machine does."""
    try:
        found = calibration_path(model_id).stat()
        return found.st_mtime_ns, found.st_size
    except OSError:
        return None


def thresholds_of(model_id: str, weights_sha256: str) -> tuple[Threshold, ...]:
    """All known thresholds of a model, the default first; empty for an uncalibrated model."""
    calibration = calibration_of(model_id, weights_sha256)
    own = calibration.thresholds() if calibration else ()
    return own + _PUBLISHED.get(model_id, ())
