"""xFace's confidence score on calibrations whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xssab_core.errors import DataError
from xssab_core.explain.confidence import fit_confidence
from xssab_core.models import TorchFaceModel
from xssab_core.models.calibration import Calibration, calibration_of


def calibration(genuine: np.ndarray, impostor: np.ndarray) -> Calibration:
    folds = (np.zeros(len(genuine), dtype=int), np.zeros(len(impostor), dtype=int))
    return Calibration("m", "0" * 64, "made up", "2026-01-01", 10, genuine, impostor, *folds)


@pytest.mark.parametrize("counts", [(200_000, 200_000), (50_000, 200_000)])
def test_the_sigmoid_of_two_normal_distributions_is_found(counts: tuple[int, int]) -> None:
    # Of two normals with one sigma, the ratio is exactly a sigmoid: k = (m1 - m0) / sigma^2 at their middle.
    generator = np.random.default_rng(0)
    found = fit_confidence(calibration(generator.normal(0.4, 0.2, counts[0]), generator.normal(0.0, 0.2, counts[1])))
    assert found.midpoint == pytest.approx(0.2, abs=0.01)
    assert found.slope == pytest.approx(0.4 / 0.2**2, rel=0.1)
    assert found.rmse < 0.1


def test_confidence_is_that_of_the_decision_made() -> None:
    generator = np.random.default_rng(0)
    found = fit_confidence(calibration(generator.normal(0.5, 0.1, 5000), generator.normal(0.0, 0.1, 5000)))
    assert found.genuine(found.midpoint) == pytest.approx(0.5)
    assert found.of_decision(0.6, 0.25) > 0.99
    assert found.of_decision(0.0, 0.25) > 0.99
    # A decision against what the pairs say gets little confidence.
    assert found.of_decision(0.6, 0.7) < 0.01
    shares = [found.genuine(score) for score in np.linspace(-1, 1, 50)]
    assert shares == sorted(shares)


def test_classes_that_never_meet_give_a_finite_step_between_them() -> None:
    found = fit_confidence(calibration(np.array([0.8, 0.9]), np.array([0.1, 0.2])))
    assert 0.2 < found.midpoint < 0.8
    assert np.isfinite(found.slope)
    assert found.rmse < 0.01


def test_the_shipped_calibration_gives_a_midpoint_near_the_eer_threshold(sface: TorchFaceModel) -> None:
    shipped = calibration_of(sface.info.id, sface.weights_sha256)
    assert shipped is not None
    found = fit_confidence(shipped)
    assert found.midpoint == pytest.approx(sface.thresholds[0].value, abs=0.05)
    assert found.of_decision(0.9, 0.3) > 0.99
    # Found by an exhaustive search of both parameters, to what six digits of the scores bear.
    assert found.midpoint == pytest.approx(0.333438, abs=1e-5)
    assert found.slope == pytest.approx(50.673, rel=1e-4)


def test_one_kind_of_pairs_is_not_enough() -> None:
    full = calibration(np.array([0.9]), np.array([0.1]))
    with pytest.raises(DataError, match="impostor"):
        fit_confidence(replace(full, impostor=np.array([])))
