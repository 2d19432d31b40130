"""Numbers computed and said in one way everywhere: cosines, error rates (ISO/IEC 19795-1), intervals, ranks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

# Of cosines. More are shown where two that differ would look the same, at most as many as a double tells apart.
_DIGITS, _MOST_DIGITS = 4, 17
# Of a normal distribution, for intervals of 95 %.
_NORMAL_QUANTILE = NormalDist().inv_cdf(0.975)


def percent(share: float, digits: int = 2) -> str:
    """A share in percent, such as "0.67 %" with a no-break space.

    One that is neither 0 nor 1 is never shown as 0 % or 100 %: "under 0.01 %", "over 99.99 %".
    """
    least = 10.0**-digits
    value, bound = 100 * share, ""
    if 0 < value < least / 2:
        value, bound = least, "under "
    elif 100 - least / 2 < value < 100:
        value, bound = 100 - least, "over "
    return f"{bound}{value:z.{digits}f}\u00a0%"


def signed_percent(share: float, digits: int = 1) -> str:
    """A part of a whole that may be negative, in percent: "+12.3\u00a0%"."""
    return f"{100 * share:+z.{digits}f}\u00a0%"


def counted(number: int, thing: str) -> str:
    """How many there are of a thing whose plural ends in s: "1 pair", "2,100 pairs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Comparison:
    """A score beside its threshold, as text.

    Attributes:
        score, threshold: with four digits, or with as many as it takes to tell two different numbers apart.
        margin: the difference of these two, digit by digit.
    """

    score: str
    threshold: str
    margin: str


def compared(score: float, threshold: float) -> Comparison:
    """A score, its threshold and the margin between them, so that the three agree with each other."""
    score, threshold, digits = float(score), float(threshold), _DIGITS
    while round(score, digits) == round(threshold, digits) and score != threshold and digits < _MOST_DIGITS:
        digits += 1
    margin = round(score, digits) - round(threshold, digits)
    return Comparison(f"{score:z.{digits}f}", f"{threshold:z.{digits}f}", f"{margin:+z.{digits}f}")


@dataclass(frozen=True)
class Rate:
    """An error rate with its 95 % confidence interval (Wilson), all 0..1.

    Attributes:
        errors, trials: the counts it comes from.
    """

    errors: int
    trials: int

    @property
    def value(self) -> float:
        """errors / trials."""
        return self.errors / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end (Wilson, 1927). In closed form: SciPy's takes a second to import, and what the app opens
        with would wait for it."""
        k, n, square = self.errors, self.trials, _NORMAL_QUANTILE**2
        middle = (k + square / 2) / (n + square)
        half = _NORMAL_QUANTILE / (n + square) * math.sqrt(k * (n - k) / n + square / 4)
        return middle - half if k else 0.0, middle + half if k < n else 1.0

    @property
    def likely(self) -> str:
        """The interval in words; an end that the counts do not bound is left out."""
        low, high = self.interval
        if self.errors == 0:
            return f"95\u00a0% interval up to {percent(high)}"
        if self.errors == self.trials:
            return f"95\u00a0% interval from {percent(low)}"
        return f"95\u00a0% interval {percent(low)} to {percent(high)}"

    def __str__(self) -> str:
        return f"{percent(self.value)} ({self.likely}; {self.errors:,} of {self.trials:,})"


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % bootstrap percentile interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


def cosines(embeddings: np.ndarray, partners: np.ndarray) -> np.ndarray:
    """float64 (n,) cosine of each unit row (n, D) with its partner, one for all (D,) or one a row (n, D).

    In double precision, clipped to -1..1. The cosine of the two rows of a pair is the sum of its arguments (Eq. 6).
    """
    products = embeddings.astype(np.float64) * partners.astype(np.float64)
    return np.asarray(np.clip(products.sum(axis=-1), -1.0, 1.0))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """The score of two unit embeddings (D,), see `cosines`."""
    return float(cosines(first[None], second)[0])


def fmr(impostor: np.ndarray, threshold: float) -> float:
    """False match rate: the share of impostor scores (n,) at or above the threshold."""
    return float(np.mean(impostor >= threshold))


def fnmr(genuine: np.ndarray, threshold: float) -> float:
    """False non-match rate: the share of genuine scores (n,) below the threshold."""
    return float(np.mean(genuine < threshold))


def error_rates(genuine: np.ndarray, impostor: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every threshold at which a rate changes, with FMR and FNMR there.

    Returns:
        thresholds, fmr, fnmr: float64 (m,), thresholds ascending. Between two neighbours, exclusive of the lower
        and inclusive of the upper one, the rates are those of the upper one.
    """
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    scores = np.unique(np.concatenate([genuine, impostor]))
    thresholds = np.append(scores, np.nextafter(scores[-1], np.inf))
    false_matches = len(impostor) - np.searchsorted(impostor, thresholds, side="left")
    false_non_matches = np.searchsorted(genuine, thresholds, side="left")
    return thresholds, false_matches / len(impostor), false_non_matches / len(genuine)


def eer(genuine: np.ndarray, impostor: np.ndarray) -> tuple[float, float]:
    """Equal error rate and its threshold.

    Where FMR and FNMR do not meet exactly, the rate is their mean at the threshold where they are closest. The
    threshold is the middle of the interval in which the rates stay the same.
    """
    thresholds, false_match, false_non_match = error_rates(genuine, impostor)
    best = int(np.argmin(np.abs(false_match - false_non_match)))
    lower = thresholds[best - 1] if best else thresholds[best]
    return float(false_match[best] + false_non_match[best]) / 2, float(lower + thresholds[best]) / 2


def threshold_at_fmr(impostor: np.ndarray, target: float) -> float:
    """The lowest threshold whose FMR does not exceed `target`."""
    descending = np.sort(impostor)[::-1]
    allowed = int(np.floor(target * len(impostor) + 1e-9))
    return float(np.nextafter(descending[allowed], np.inf)) if allowed < len(impostor) else float(descending[-1])


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two float arrays of one shape, ties sharing their mean rank, -1..1.

    NaN when one of them has no variation: equal values have no order.
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    from pandas import Series  # imported by every page, unlike scipy.stats

    ranks = [Series(values.ravel()).rank() for values in (first, second)]
    return float(np.corrcoef(ranks)[0, 1])


def average_precision(truth: np.ndarray, values: np.ndarray) -> float:
    """Average precision of ranking pixels by value, highest first, against the true mask; 0..1.

    Tied pixels count as one step, so their order does not matter. A random order gives the share of true pixels.

    Args:
        truth: bool (S, S) with at least one true pixel.
        values: float (S, S).
    """
    from sklearn.metrics import average_precision_score  # takes its time, which an app that starts need not wait for

    return float(average_precision_score(truth.ravel(), values.ravel()))


def resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """float64 (resamples, columns): means of the rows of (n, columns) drawn with replacement (the bootstrap)."""
    generator, n = np.random.default_rng(seed), len(values)
    return np.stack([values[generator.integers(0, n, n)].mean(axis=0) for _ in range(resamples)])


def percentile_interval(value: float, resampled: np.ndarray) -> Estimate:
    """A number with the 95 % percentile interval of its bootstrap replicates (resamples,); those not finite are left
    out."""
    usable = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not len(usable):
        return Estimate(None, None, None)
    low, high = np.quantile(usable, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
