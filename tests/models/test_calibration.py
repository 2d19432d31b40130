"""What a calibration says of a score and of a threshold, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xssab_core.metrics import Rate
from xssab_core.models import TorchFaceModel
from xssab_core.models.calibration import Calibration, calibration_of, rates_at


def _calibration(genuine: list[float], impostor: list[float]) -> Calibration:
    folds = np.zeros(len(genuine), dtype=int), np.zeros(len(impostor), dtype=int)
    return Calibration("m", "0" * 64, "by hand", "2026-01-01", 10, np.array(genuine), np.array(impostor), *folds)


def test_a_match_is_set_against_impostors_and_a_non_match_against_genuine_pairs() -> None:
    calibration = _calibration([0.5, 0.6, 0.7], [0.1, 0.2, 0.5, 0.3])
    assert calibration.as_high(0.5) == Rate(1, 4)
    assert calibration.as_low(0.5) == Rate(1, 3)
    assert calibration.standing(0.5, True).startswith("1 of 4 impostor pairs scored this high (95\u00a0% interval 4.56")
    assert calibration.standing(0.4, False).startswith(
        "0 of 3 genuine pairs scored this low (95\u00a0% interval up to "
    )
    assert calibration.standing(0.9, False).startswith("3 of 3 genuine pairs scored this low (95\u00a0% interval from ")
    assert _calibration([0.5], [0.1]).standing(0.2, True).startswith("0 of 1 impostor pair scored this high")


def test_what_is_said_of_sface_is_what_its_calibration_holds(sface: TorchFaceModel) -> None:
    calibration = calibration_of("sface", sface.weights_sha256)
    assert calibration is not None
    said = "0 of 2,100 impostor pairs scored this high (95\u00a0% interval up to 0.18\u00a0%)"
    assert calibration.standing(calibration.impostor.max() + 1e-6, True) == said


@pytest.mark.parametrize("threshold", [-1.0, 0.123, 0.363, 1.0])
def test_both_rates_are_known_at_any_threshold(sface: TorchFaceModel, threshold: float) -> None:
    calibration = calibration_of("sface", sface.weights_sha256)
    rates = rates_at("sface", sface.weights_sha256, threshold)
    assert calibration is not None
    assert rates is not None
    assert rates.false_match == Rate(sum(calibration.impostor >= threshold), 2100)
    assert rates.false_non_match == Rate(sum(calibration.genuine < threshold), 2100)
    assert "4,200 of 6,000 pairs" in rates.origin


def test_the_published_threshold_of_sface_has_the_rates_of_its_calibration(sface: TorchFaceModel) -> None:
    said = str(rates_at("sface", sface.weights_sha256, 0.363)).replace("\u00a0", " ")
    assert said == (
        "FMR 0.05 % (95 % interval 0.01 % to 0.27 %; 1 of 2,100), "
        "FNMR 1.19 % (95 % interval 0.81 % to 1.75 %; 25 of 2,100)"
    )


def test_other_weights_have_no_rates() -> None:
    assert rates_at("sface", "1" * 64, 0.363) is None
