"""Confidence: how likely a score is one of a genuine pair, by the pairs a model was calibrated on (Knoche et al.)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from xssab_core.errors import DataError
from xssab_core.models.calibration import Calibration, calibration_of

# The name of the number among those of a method.
CONFIDENCE = "confidence"
BINS = 100
# Steeper than this, a sigmoid is a step at the resolution of the bins; flatter than 1, it tells no scores apart.
_FLATTEST, _STEEPEST = 1.0, 10.0 * BINS
_FIRST_SLOPE = 10.0


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
        return float(_sigmoid(np.array(score), self.midpoint, self.slope))

    def of_decision(self, score: float, threshold: float) -> float:
        """0..1: share of pairs at this score for which the decision is right, were both kinds equally frequent."""
        share = self.genuine(score)
        return share if score >= threshold else 1.0 - share


def confidence_of(model_id: str, weights_sha256: str) -> Confidence | None:
    """The confidence by the calibration of exactly these weights; None without one."""
    calibration = calibration_of(model_id, weights_sha256)
    if calibration is None:
        return None
    known = calibration.known_fit(CONFIDENCE)
    if known is None:
        return fit_confidence(calibration)
    slope, midpoint, rmse = known.tolist()
    return Confidence(slope, midpoint, rmse, calibration.origin)


def save_confidence(calibration: Calibration) -> None:
    """Write the fit to a calibration that ships, for `confidence_of`."""
    found = fit_confidence(calibration)
    calibration.save_fit(CONFIDENCE, np.array([found.slope, found.midpoint, found.rmse]))


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
    first = (float(calibration.genuine.mean() + calibration.impostor.mean()) / 2, _FIRST_SLOPE)
    (midpoint, slope), *_ = scipy.optimize.curve_fit(
        _sigmoid, centres, ratio, first, bounds=([-1, _FLATTEST], [1, _STEEPEST]), absolute_sigma=True
    )
    rmse = float(np.sqrt(np.mean((_sigmoid(centres, midpoint, slope) - ratio) ** 2)))
    return Confidence(float(slope), float(midpoint), rmse, calibration.origin)


def _sigmoid(score: np.ndarray, midpoint: float, slope: float) -> np.ndarray:
    # tanh cannot overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * slope * (score - midpoint))))
