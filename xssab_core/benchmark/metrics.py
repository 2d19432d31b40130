"""Error rates of a verifier, as in ISO/IEC 19795-1."""

from __future__ import annotations

import numpy as np


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


def wilson_interval(rate: float, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % confidence interval of a rate observed in independent trials (Wilson, 1927)."""
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
