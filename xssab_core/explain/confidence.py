"""Confidence: how likely a score is one of a genuine pair, by the pairs a model was calibrated on (Knoche et al.)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xssab_core.errors import DataError
from xssab_core.models.calibration import Calibration

BINS = 100
# Steeper than this, a sigmoid is a step at the resolution of the bins.
_STEEPEST = 10.0 * BINS
_GRID, _ROUNDS = 61, 6


@dataclass(frozen=True)
class Confidence:
    """A sigmoid fitted to the share of genuine pairs at each score, genuine and impostor pairs weighing the same.

    Attributes:
        slope: k > 0, per unit of cosine.
        midpoint: the score at which both kinds are equally likely.
        rmse: root mean square distance of the sigmoid from the histogram ratio.
        origin: the pairs it comes from.
    """

    slope: float
    midpoint: float
    rmse: float
    origin: str

    def genuine(self, score: float) -> float:
        """0..1: share of genuine pairs at this score, were both kinds equally frequent."""
        return float(_sigmoid(np.array(score), np.array(self.midpoint), np.array(self.slope)))

    def of_decision(self, score: float, threshold: float) -> float:
        """0..1: share of pairs at this score for which the decision is right, were both kinds equally frequent."""
        share = self.genuine(score)
        return share if score >= threshold else 1.0 - share


def fit_confidence(calibration: Calibration, bins: int = BINS) -> Confidence:
    """Fit 1 / (1 + exp(-k (score - midpoint))) by least squares to genuine / (genuine + impostor) of the normalised
    histograms, over the bins of -1..1 that hold any pair ("Explainable Model-Agnostic Similarity and Confidence in
    Face Verification", WACV Workshops 2023).

    Args:
        calibration: scores of known pairs.
        bins: of the histograms over -1..1.

    Raises:
        DataError: genuine or impostor pairs are missing.
    """
    if not len(calibration.genuine) or not len(calibration.impostor):
        raise DataError("A confidence needs scores of genuine and of impostor pairs. Calibrate the model first.")
    genuine, impostor = (
        np.histogram(np.clip(scores, -1, 1), bins, (-1, 1))[0] / len(scores)
        for scores in (calibration.genuine, calibration.impostor)
    )
    filled = genuine + impostor > 0
    centres = ((np.arange(bins) + 0.5) * 2 / bins - 1)[filled]
    ratio = genuine[filled] / (genuine + impostor)[filled]
    midpoint, slope, error = _least_squares(centres, ratio)
    return Confidence(slope, midpoint, float(np.sqrt(error)), f"{calibration.data_set}, {calibration.coverage}")


def _least_squares(centres: np.ndarray, ratio: np.ndarray) -> tuple[float, float, float]:
    """Midpoint, slope and mean squared error, by grids that close in: two parameters need no optimiser."""
    (low_m, high_m), (low_k, high_k) = (-1.0, 1.0), (0.0, float(np.log(_STEEPEST)))
    for _ in range(_ROUNDS):
        midpoints, slopes = np.linspace(low_m, high_m, _GRID), np.linspace(low_k, high_k, _GRID)
        fitted = _sigmoid(centres, midpoints[:, None, None], np.exp(slopes)[:, None])
        errors = ((fitted - ratio) ** 2).mean(axis=-1)
        row, column = np.unravel_index(int(errors.argmin()), errors.shape)
        best_m, best_k = float(midpoints[row]), float(slopes[column])
        reach_m, reach_k = 4 * (high_m - low_m) / _GRID, 4 * (high_k - low_k) / _GRID
        low_m, high_m = max(-1.0, best_m - reach_m), min(1.0, best_m + reach_m)
        low_k, high_k = max(0.0, best_k - reach_k), min(float(np.log(_STEEPEST)), best_k + reach_k)
    return best_m, float(np.exp(best_k)), float(errors.min())


def _sigmoid(score: np.ndarray, midpoint: np.ndarray, slope: np.ndarray) -> np.ndarray:
    # tanh cannot overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * slope * (score - midpoint))))
