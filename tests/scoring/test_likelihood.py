"""Likelihood ratios where they are known in closed form, and of the calibrations that ship."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from ui.charts import tippett_plot
from xssab_core.models import TorchFaceModel
from xssab_core.models.calibration import Calibration, calibration_of
from xssab_core.scoring.likelihood import (
    LEAST_PAIRS,
    LikelihoodRatios,
    cllr,
    elub,
    likelihood_ratios,
    likelihood_record,
    pav,
)


def _calibration(genuine: np.ndarray, impostor: np.ndarray, folds: int = 1) -> Calibration:
    numbers = [np.arange(len(scores)) % folds for scores in (genuine, impostor)]
    return Calibration("m", "0" * 64, "made up", "2026-01-01", 10, genuine, impostor, *numbers)


def _known(genuine: np.ndarray, impostor: np.ndarray, folds: int = 1) -> LikelihoodRatios:
    found = likelihood_ratios(_calibration(genuine, impostor, folds))
    assert isinstance(found, LikelihoodRatios)
    return found


def _normal(mean: float, deviation: float, count: int) -> np.ndarray:
    """Quantiles of a normal distribution: a sample without chance."""
    return np.asarray(norm.ppf((np.arange(count) + 0.5) / count, mean, deviation))


@pytest.mark.parametrize("counts", [(20_000, 20_000), (2_000, 20_000)])
def test_the_ratio_of_two_normal_distributions_is_found(counts: tuple[int, int]) -> None:
    # Of two normals with one sigma, ln LR = (m1 - m0) / sigma^2 * (score - their middle), however many of each.
    found = _known(_normal(0.5, 0.1, counts[0]), _normal(0.3, 0.1, counts[1]))
    for score in (0.25, 0.4, 0.45, 0.6):
        assert found.log10(score) == pytest.approx(20 * (score - 0.4) / np.log(10), abs=0.02)
    low, high = found.bounds
    assert found.log10(-1) == low < -1.5
    assert found.log10(1) == high > 1.5
    # Cllr of this LR system: ln LR is normal, with mean d^2 / 2 and variance d^2, d = 2.
    x = np.linspace(-20, 24, 100_001)
    expected = float(np.trapezoid(norm.pdf(x, 2, 2) * np.logaddexp2(0, -x / np.log(2)), x))
    assert found.cllr == pytest.approx(expected, abs=0.003)
    assert found.cllr_min == pytest.approx(expected, abs=0.005)


def test_a_useless_system_costs_one_bit_and_bears_no_ratio_but_one() -> None:
    scores = _normal(0.3, 0.1, 200)
    found = _known(scores, scores, folds=5)
    assert found.cllr == pytest.approx(1, abs=1e-9)
    assert found.cllr_min == pytest.approx(1, abs=1e-9)
    assert found.bounds == (0, 0)
    assert "such a score is as likely for photographs of one person as of two" in found.sentences(0.9)[0]
    assert cllr(np.zeros(3), np.zeros(8)) == 1


def test_cllr_and_its_minimum_by_hand() -> None:
    assert cllr(np.log10([2.0, 2.0]), np.log10([0.5])) == pytest.approx(np.log2(1.5))
    assert cllr(np.array([np.inf]), np.array([-np.inf])) == 0
    # Pools the impostor that lies above a genuine pair with it: LR 1 for both, the others told apart.
    genuine, impostor = pav(np.array([2.0, 0.0]), np.array([1.0, -1.0]))
    np.testing.assert_array_equal(genuine, [np.inf, 0])
    np.testing.assert_array_equal(impostor, [0, -np.inf])
    assert cllr(genuine, impostor) == 0.5


@pytest.mark.parametrize(("genuine", "impostor"), [(1, 1), (2, 1), (20, 20), (5, 300)])
def test_sets_told_apart_bear_what_their_size_does(genuine: int, impostor: int) -> None:
    # One misleading pair a side: 1 - FNMR = n1 / (n1 + 1), FMR = 1 / (n0 + 1), and t may grow to their quotient.
    low, high = elub(np.full(genuine, 9.0), np.full(impostor, -9.0))
    assert high == pytest.approx(max(0, np.log10(genuine / (genuine + 1) * (impostor + 1))))
    assert low == pytest.approx(min(0, -np.log10(impostor / (impostor + 1) * (genuine + 1))))


@pytest.mark.parametrize("seed", range(8))
def test_within_the_bounds_deciding_by_the_ratios_never_costs_more_than_deciding_by_the_prior(seed: int) -> None:
    generator = np.random.default_rng(seed)
    counts, apart = generator.integers(3, 200, 2), generator.uniform(0, 3)
    genuine, impostor = generator.normal(apart, 1, counts[0]), generator.normal(-apart, 1, counts[1])
    low, high = elub(genuine, impostor)

    def is_useful(bound: float) -> bool:
        threshold = 10.0**bound
        missed = (np.count_nonzero(genuine < bound) + 1) / (len(genuine) + 1)
        false = (np.count_nonzero(impostor >= bound) + 1) / (len(impostor) + 1)
        return bool(missed + threshold * false <= min(1, threshold) * (1 + 1e-12))

    assert all(map(is_useful, np.linspace(1e-6, high - 1e-6, 500))) or high < 1e-5
    assert all(map(is_useful, np.linspace(low + 1e-6, -1e-6, 500))) or low > -1e-5
    assert not is_useful(high + 1e-6)
    assert not is_useful(low - 1e-6)


def test_each_fold_is_judged_by_a_fit_to_the_others(sface: TorchFaceModel) -> None:
    calibration = calibration_of("sface", sface.weights_sha256)
    assert calibration is not None
    found = likelihood_ratios(calibration)
    assert isinstance(found, LikelihoodRatios)
    fold = calibration.genuine_folds == 3
    genuine, impostor = calibration.genuine[~fold], calibration.impostor[calibration.impostor_folds != 3]

    def cost(line: np.ndarray) -> float:
        losses = [np.logaddexp(0, -line[0] - line[1] * genuine), np.logaddexp(0, line[0] + line[1] * impostor)]
        return float(sum(loss.mean() for loss in losses))

    line = minimize(cost, [-10.0, 30.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14}).x
    expected = np.clip((line[0] + line[1] * calibration.genuine[fold]) / np.log(10), *found.bounds)
    np.testing.assert_allclose(found.genuine[fold], expected, atol=1e-4)


def test_what_is_said_of_sface_is_what_its_calibration_bears(sface: TorchFaceModel) -> None:
    calibration = calibration_of("sface", sface.weights_sha256)
    assert calibration is not None
    found = likelihood_ratios(calibration)
    assert isinstance(found, LikelihoodRatios)
    # As the package lir 1.3.1 of the Netherlands Forensic Institute finds them, on its grid of 0.001.
    assert found.bounds == pytest.approx((-2.507, 3.273), abs=1e-3)
    assert found.cllr == pytest.approx(0.0303, abs=1e-4)
    assert found.cllr_min < found.cllr
    assert found.folds == 7
    said = likelihood_record(calibration, 0.25)["sentences"]
    assert said[0] == (
        "log10 likelihood ratio -1.26 (known pairs bear -2.51 to 3.27, ELUB): such a score is about 18 times as likely "
        "for photographs of two people as of one person."
    )
    assert "(4,200 pairs, cross-validated over 7 folds)" in said[1]
    assert said[2].startswith("It holds only for pictures like those of LFW View 2 (lfw-deepfunneled)")
    assert said[2].endswith("and is for research use.")


@pytest.mark.parametrize(
    ("genuine", "impostor", "folds", "why"),
    [
        (_normal(0.5, 0.2, LEAST_PAIRS - 1), _normal(0.2, 0.2, 500), 1, "there are 19 of one"),
        (_normal(0.5, 0.2, LEAST_PAIRS + 1), _normal(0.2, 0.2, 500), 2, "of each kind to be fitted to"),
        (_normal(0.8, 0.01, 500), _normal(0.1, 0.01, 500), 1, "do not overlap"),
        (np.array([]), np.array([]), 1, "there are 0 of one"),
    ],
)
def test_too_few_scores_bear_no_number(genuine: np.ndarray, impostor: np.ndarray, folds: int, why: str) -> None:
    record = likelihood_record(_calibration(genuine, impostor, folds), 0.4)
    assert record["sentences"][0].startswith("Likelihood ratio: not known. ")
    assert why in record["sentences"][0]
    assert [record[name] for name in ("log10", "bounds", "cllr", "cllr_min")] == [None] * 4


def test_an_overlap_in_one_fold_alone_bears_no_number() -> None:
    made = _calibration(_normal(0.8, 0.01, 100), _normal(0.1, 0.01, 100), 4)
    impostor = made.impostor.copy()
    impostor[0] = 0.9
    found = likelihood_ratios(replace(made, impostor=impostor))
    assert isinstance(found, str)
    assert "do not overlap" in found


def test_pairs_without_folds_are_said_to_have_judged_themselves() -> None:
    found = _known(_normal(0.5, 0.1, 100), _normal(0.3, 0.1, 100))
    assert found.folds == 0
    assert "(200 pairs, the same that they were fitted to)" in found.sentences(0.4)[1]


def test_the_tippett_plot_draws_the_share_at_or_above_each_ratio() -> None:
    found = _known(_normal(0.5, 0.1, 100), _normal(0.3, 0.1, 150), folds=5)
    for line, values in zip(tippett_plot(found, 0.4).data, (found.genuine, found.impostor), strict=True):
        for x, y in list(zip(line.x, line.y, strict=True))[1:-1]:
            assert y == pytest.approx(100 * np.mean(values >= x))
        assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (found.bounds[0], 100, found.bounds[1], 0)
    assert tippett_plot(found, None).data[0].line.dash != tippett_plot(found, None).data[1].line.dash
