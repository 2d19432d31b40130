"""What curves are worth: areas under them, gains over random, and whether a map finds the patches."""

from __future__ import annotations

import numpy as np

from xssab_core.metrics import Estimate, average_precision, percentile_interval, resampled_means


def errors(scores: np.ndarray, genuine: np.ndarray, threshold: float) -> np.ndarray:
    """bool (n, steps): whether each pair is decided wrongly at each step.

    Args:
        scores: float (n, steps).
        genuine: bool (n,).
        threshold: match iff score >= threshold.
    """
    return np.asarray((scores >= threshold) != np.asarray(genuine)[:, None])


def areas(values: np.ndarray) -> np.ndarray:
    """Normalised area under curves over 0..100 % (trapezoid), 0..1, along the last axis of (..., steps)."""
    values = np.asarray(values, dtype=np.float64)
    return np.asarray(((values[..., 1:] + values[..., :-1]) / 2).mean(axis=-1))


def unit_step_area(curve: np.ndarray) -> float:
    """Sum of a curve (21,) over its 20 points 0..95 %, each step counting one: the scale that fits Table 2."""
    return float(np.sum(np.asarray(curve, dtype=np.float64)[:-1]))


def estimates(
    values: dict[str, np.ndarray], random: dict[str, np.ndarray], resamples: int, seed: int
) -> dict[str, tuple[Estimate, Estimate]]:
    """Mean area and gain over RND, with bootstrap intervals, for FMR, FNMR and the mean of the two.

    The area of a curve is the mean over pairs of each pair's own area, so resampling pairs (genuine and impostor ones
    apart) resamples the areas of a method and of RND together.

    Args:
        values: "fmr" and "fnmr" -> float (n,), the area of each impostor or genuine pair under a method.
        random: the same pairs under RND.
        resamples, seed: of the bootstrap.

    Returns:
        "fmr", "fnmr", "mean" -> area, gain (1 - AUC / AUC_RND).
    """
    means: dict[str, np.ndarray] = {}
    resampled: dict[str, np.ndarray] = {}
    for kind in ("fmr", "fnmr"):
        both = np.stack([values[kind], random[kind]], axis=1).astype(np.float64)
        means[kind] = both.mean(axis=0) if len(both) else np.full(2, np.nan)
        resampled[kind] = resampled_means(both, resamples, seed) if len(both) else np.full((resamples, 2), np.nan)
    for sides in (means, resampled):
        sides["mean"] = (sides["fmr"] + sides["fnmr"]) / 2
    return {
        kind: (
            percentile_interval(float(means[kind][0]), resampled[kind][:, 0]),
            percentile_interval(float(gain(*means[kind])), gain(resampled[kind][:, 0], resampled[kind][:, 1])),
        )
        for kind in means
    }


def gain(area: np.ndarray, random_area: np.ndarray) -> np.ndarray:
    """1 - AUC / AUC_RND, the share of RND's area that an explanation spares; nan where RND has none."""
    area, random_area = np.asarray(area, dtype=np.float64), np.asarray(random_area, dtype=np.float64)
    return 1.0 - area / np.where(random_area > 0, random_area, np.nan)


def localisation(values: np.ndarray, mask: np.ndarray, dissimilar: bool) -> float | None:
    """Average precision of a map against the patch mask, 0..1; chance is the mask's coverage; None without patches.

    The patches of an impostor pair come from the reference and are truly similar; those of a genuine pair come from a
    stranger and are truly dissimilar. The map is read in that direction, whatever the decision was; an attention map,
    which has no sign, always from its high end.

    Args:
        values: float (S, S), positive = similar.
        mask: bool (S, S).
        dissimilar: read it from its low end.
    """
    return average_precision(mask, -values if dissimilar else values) if mask.any() else None
