"""Likelihood ratios: how much more likely a score is of a genuine than of an impostor pair, by a calibration.

Logistic regression on the scores of known pairs, bounded where they bear no larger ratio (ELUB: Vergeer et al.,
"Numerical likelihood ratios outputted by LR systems are often based on extrapolation: when to stop extrapolating?",
Science & Justice 56, 2016), and judged by Cllr (Brümmer and du Preez, "Application-independent evaluation of speaker
detection", Computer Speech & Language 20, 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from xssab_core.errors import DataError
from xssab_core.metrics import counted
from xssab_core.models.calibration import Calibration

# Of each kind in every fit: ten for each of its two parameters (after Peduzzi et al., 1996).
LEAST_PAIRS = 20
_NOT_KNOWN = "Likelihood ratio: not known."
_NO_OVERLAP = (
    "Known genuine and impostor pairs do not overlap, so how fast the ratio grows between them was not measured."
)
_CALIBRATIONS_KEPT = 16
_KIND = "likelihood"


@dataclass(frozen=True, eq=False)
class LikelihoodRatios:
    """What the scores of a calibration are worth, as log10 likelihood ratios.

    Attributes:
        lines: (intercept, slope) of the fit to all pairs, and of those to the pairs of all folds but one, in the order
            of the folds; only the first where the pairs have no folds.
        bounds: lower <= 0 <= upper, beyond which no ratio is given.
        genuine, impostor: float64 (n,) log10 LR of the known pairs, within the bounds.
        data_set: what the pairs are of.
        cllr_min: what of `cllr` no monotone recalibration takes away.
    """

    lines: list[tuple[float, float]]
    bounds: tuple[float, float]
    genuine: np.ndarray
    impostor: np.ndarray
    data_set: str
    cllr_min: float

    @property
    def intercept(self) -> float:
        """log10 LR = intercept + slope * score, before the bounds."""
        return self.lines[0][0]

    @property
    def slope(self) -> float:
        """See `intercept`."""
        return self.lines[0][1]

    @property
    def folds(self) -> int:
        """Over which `genuine` and `impostor` were cross-validated, each fold by the fit to the others; 0 where the
        pairs were judged by the fit to themselves."""
        return len(self.lines) - 1

    def log10(self, score: float) -> float:
        """log10 LR of a cosine score, within the bounds."""
        return float(np.clip(self.intercept + self.slope * score, *self.bounds))

    @cached_property
    def cllr(self) -> float:
        """Cost of the known pairs' ratios in bits: 0 is perfect, 1 what no information costs."""
        return cllr(self.genuine, self.impostor)

    @property
    def judged_on(self) -> str:
        """Which pairs judged the ratios, as a phrase."""
        pairs = counted(len(self.genuine) + len(self.impostor), "pair")
        how = f"cross-validated over {self.folds} folds" if self.folds else "the same that they were fitted to"
        return f"{pairs}, {how}"

    def __str__(self) -> str:
        return f"Cllr {self.cllr:.3f} bits, of which {self.cllr_min:.3f} no recalibration takes away ({self.judged_on})"

    def sentences(self, score: float) -> tuple[str, str, str]:
        """What may be said of a score: its ratio, how well ratios are known, and of what they hold."""
        value, (low, high) = self.log10(score), self.bounds
        return (
            f"log10 likelihood ratio {value:z.2f}{self._at_bound(score)} (known pairs bear {low:z.2f} to {high:z.2f}, "
            f"ELUB): {_in_words(value)}.",
            f"{self}.",
            self.holds,
        )

    @property
    def holds(self) -> str:
        """Of what it holds, as a sentence."""
        return f"It holds only for pictures like those of {self.data_set}, and is for research use."

    def _at_bound(self, score: float) -> str:
        raw, (low, high) = self.intercept + self.slope * score, self.bounds
        return ", its upper bound" if raw >= high else ", its lower bound" if raw <= low else ""


def _in_words(value: float) -> str:
    times = float(f"{10 ** abs(value):.2g}")
    if times == 1:
        return "such a score is as likely for photographs of one person as of two people"
    more, less = ("one person", "two people") if value > 0 else ("two people", "one person")
    return f"such a score is about {times:,g} times as likely for photographs of {more} as of {less}"


def likelihood_record(calibration: Calibration | None, score: float) -> dict[str, Any]:
    """What a score is worth, ready for JSON: log10 (the likelihood ratio), bounds, cllr and cllr_min, each None where
    it is not known, and sentences, which say why."""
    found = f"{_NOT_KNOWN} This model has no calibration." if calibration is None else likelihood_ratios(calibration)
    if isinstance(found, str):
        return dict.fromkeys(("log10", "bounds", "cllr", "cllr_min")) | {"sentences": [found]}
    return {
        "log10": found.log10(score),
        "bounds": list(found.bounds),
        "cllr": found.cllr,
        "cllr_min": found.cllr_min,
        "sentences": list(found.sentences(score)),
    }


def likelihood_ratios(calibration: Calibration) -> LikelihoodRatios | str:
    """The likelihood ratios that a calibration bears, or a sentence that says why it bears none."""
    known = calibration.known_fit(_KIND)
    return _from_scores(_bytes_of(calibration), calibration.data_set, None if known is None else tuple(known.tolist()))


def save_likelihood_ratios(calibration: Calibration) -> None:
    """Write what is fitted to a calibration that ships, for `likelihood_ratios`.

    Raises:
        DataError: it bears no ratios.
        OutputError: the file cannot be written.
    """
    found = _from_scores(_bytes_of(calibration), calibration.data_set, None)
    if isinstance(found, str):
        raise DataError(found)
    calibration.save_fit(_KIND, np.array([*np.ravel(found.lines), found.cllr_min]))


def _bytes_of(calibration: Calibration) -> tuple[bytes, ...]:
    arrays = (calibration.genuine, calibration.impostor, calibration.genuine_folds, calibration.impostor_folds)
    return tuple(array.tobytes() for array in arrays)


@lru_cache(_CALIBRATIONS_KEPT)
def _from_scores(arrays: tuple[bytes, ...], data_set: str, known: tuple[float, ...] | None) -> LikelihoodRatios | str:
    """Asked for at every run of a page, of calibrations that are read anew each time. What is fitted may be known: the
    lines, one after another, and the minimum of Cllr."""
    genuine, impostor = (np.frombuffer(data, dtype=np.float64) for data in arrays[:2])
    folds = [np.frombuffer(data, dtype=np.int64) for data in arrays[2:]]
    numbers = np.unique(np.concatenate(folds))
    kept = [(genuine[folds[0] != one], impostor[folds[1] != one]) for one in numbers if len(numbers) > 1]
    to_fit = [(genuine, impostor), *kept]
    for few in map(_why_not, to_fit):
        if few:
            return f"{_NOT_KNOWN} {few}"
    lines = (
        [_fit(*scores) for scores in to_fit] if known is None else list(zip(known[0:-1:2], known[1::2], strict=True))
    )
    judged = [_at(lines[0], scores) for scores in (genuine, impostor)]
    for one, line in zip(numbers, lines[1:], strict=False):
        for values, scores, fold in zip(judged, (genuine, impostor), folds, strict=True):
            values[fold == one] = _at(line, scores[fold == one])
    bounds = elub(*judged)
    of_genuine, of_impostor = (np.clip(values, *bounds) for values in judged)
    least = cllr(*pav(of_genuine, of_impostor)) if known is None else known[-1]
    return LikelihoodRatios(lines, bounds, of_genuine, of_impostor, data_set, least)


def _why_not(scores: tuple[np.ndarray, np.ndarray]) -> str:
    """Why no fit is made to genuine and impostor scores; empty where one is."""
    genuine, impostor = scores
    few = min(len(genuine), len(impostor))
    if few < LEAST_PAIRS:
        return f"It takes {LEAST_PAIRS} pairs of each kind to be fitted to, and there are {few} of one."
    overlap = impostor.max() > genuine.min() and genuine.max() > impostor.min()
    return "" if overlap else _NO_OVERLAP


def _fit(genuine: np.ndarray, impostor: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of log10 LR, both kinds of pairs weighing the same, without regularisation."""
    from sklearn.linear_model import LogisticRegression  # see `average_precision`

    scores = np.concatenate([genuine, impostor])[:, None]
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    # So close to the optimum that other processors give the same digits.
    fitted = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-10, max_iter=1000)
    fitted.fit(scores, labels)
    return float(fitted.intercept_[0] / np.log(10)), float(fitted.coef_[0, 0] / np.log(10))


def _at(line: tuple[float, float], scores: np.ndarray) -> np.ndarray:
    return np.asarray(line[0] + line[1] * scores)


def cllr(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Log likelihood ratio cost in bits, both kinds of pairs weighing the same.

    Args:
        genuine, impostor: float (n,) log10 likelihood ratios of pairs; -inf and inf are welcome where they are right.
    """
    costs = (np.logaddexp2(0, sign * values * np.log2(10)).mean() for sign, values in ((-1, genuine), (1, impostor)))
    return float(sum(costs)) / 2


def pav(genuine: np.ndarray, impostor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log10 likelihood ratios by isotonic regression (pool adjacent violators) on themselves: the best that a
    recalibration which keeps their order could give. Float (n,) each; -inf and inf where pairs are told apart."""
    from sklearn.isotonic import IsotonicRegression

    values = np.concatenate([genuine, impostor])
    labels = np.repeat([1.0, 0.0], [len(genuine), len(impostor)])
    weights = np.repeat([1 / len(genuine), 1 / len(impostor)], [len(genuine), len(impostor)])
    share = IsotonicRegression(y_min=0, y_max=1).fit_transform(values, labels, sample_weight=weights)
    with np.errstate(divide="ignore"):
        found = np.log10(share) - np.log10(1 - share)
    return found[: len(genuine)], found[len(genuine) :]


def elub(genuine: np.ndarray, impostor: np.ndarray) -> tuple[float, float]:
    """Empirical lower and upper bound of log10 likelihood ratios.

    One misleading ratio of infinite strength is added to each side. Bounded is where deciding by the ratios, at the
    prior odds for which a ratio is the threshold, would then cost more errors than deciding by the prior alone.

    Args:
        genuine, impostor: float (n,) log10 likelihood ratios of known pairs.

    Returns:
        lower <= 0 <= upper, exact: on a grid they would be off by its step.
    """
    return 0.0 - _upper_bound(-impostor, -genuine), _upper_bound(genuine, impostor)


def _upper_bound(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The lowest threshold t > 1 from which on t FMR + FNMR > 1, as log10.

    Between two neighbouring ratios both rates are constant, so that t may grow to (1 - FNMR) / FMR there.
    """
    ends = np.unique(np.concatenate([genuine, impostor]))
    ends = ends[ends > 0]
    kept, false = (len(values) - np.searchsorted(np.sort(values), ends) for values in (genuine, impostor))
    with np.errstate(divide="ignore"):
        limits = np.log10(kept / (len(genuine) + 1)) - np.log10((false + 1) / (len(impostor) + 1))
    starts = np.concatenate([[0.0], ends[:-1]])
    return next(_first_beyond(starts, ends, limits), float(ends.max(initial=0.0)))


def _first_beyond(starts: np.ndarray, ends: np.ndarray, limits: np.ndarray) -> Iterator[float]:
    for at in np.flatnonzero(limits < ends)[:1]:
        yield float(max(starts[at], limits[at]))
