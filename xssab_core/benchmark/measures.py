"""What curves are worth: areas under them, gains over random, and whether a map finds the patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

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


def mean_estimate(values: np.ndarray, resamples: int, seed: int) -> Estimate:
    """Mean of values (n,) with its bootstrap interval; those not finite are left out."""
    usable = np.asarray(values, dtype=np.float64)
    usable = usable[np.isfinite(usable)]
    if not len(usable):
        return Estimate(None, None, None)
    return percentile_interval(float(usable.mean()), resampled_means(usable[:, None], resamples, seed)[:, 0])


def unit_step_area(curve: np.ndarray) -> float:
    """Sum of a curve (21,) over its 20 points 0..95 %, each step counting one: the scale that fits Table 2."""
    return float(np.sum(np.asarray(curve, dtype=np.float64)[:-1]))


@dataclass(frozen=True)
class Worth:
    """What an order of the pixels is worth on some pairs.

    Attributes:
        area: mean area under the curves, 0..1.
        gain: 1 - AUC / AUC_RND.
        attained: (AUC_RND - AUC) / (AUC_RND - AUC_clean), the share of what can be gained.
    """

    area: Estimate
    gain: Estimate
    attained: Estimate


def estimates(
    values: Mapping[str, np.ndarray],
    random: Mapping[str, np.ndarray],
    clean: Mapping[str, np.ndarray],
    resamples: int,
    seed: int,
) -> dict[str, Worth]:
    """Mean area, gain over RND and share of what can be gained, with bootstrap intervals, for FMR, FNMR and the mean of
    the two.

    The area of a curve is the mean over pairs of each pair's own area, so resampling pairs (genuine and impostor ones
    apart) resamples the areas of a method, of RND and of the clean pairs together.

    Args:
        values: "fmr" and "fnmr" -> float (n,), the area of each impostor or genuine pair under a method.
        random: the same pairs under RND.
        clean: whether each of the same pairs is decided wrongly when clean, which is the area where every pixel is put
            back at once: errors of the model that no order can spare.
        resamples, seed: of the bootstrap.

    Returns:
        "fmr", "fnmr", "mean" -> what the method is worth.
    """
    columns = {kind: np.stack([values[kind], random[kind], clean[kind]], axis=1) for kind in ("fmr", "fnmr")}
    means, resampled = _means(columns, resamples, seed)
    return {
        kind: Worth(
            percentile_interval(float(means[kind][0]), resampled[kind][:, 0]),
            percentile_interval(float(gain(*means[kind][:2])), gain(*resampled[kind][:, :2].T)),
            percentile_interval(float(attained(*means[kind])), attained(*resampled[kind].T)),
        )
        for kind in means
    }


def differences(values: Mapping[str, Mapping[str, np.ndarray]], resamples: int, seed: int) -> list[Difference]:
    """Differences of mean area between any two methods on the same pairs, resampled as in `estimates`.

    Args:
        values: label -> "fmr" and "fnmr" -> float (n,), the area of each pair; the same pairs in the same order.
        resamples, seed: of the bootstrap.
    """
    labels = list(values)
    columns = {kind: np.stack([values[label][kind] for label in labels], axis=1) for kind in ("fmr", "fnmr")}
    means, resampled = _means(columns, resamples, seed)
    return [
        Difference(
            labels[i],
            labels[j],
            {
                kind: percentile_interval(
                    float(means[kind][i] - means[kind][j]), resampled[kind][:, i] - resampled[kind][:, j]
                )
                for kind in means
            },
        )
        for i, j in combinations(range(len(labels)), 2)
    ]


@dataclass(frozen=True)
class Difference:
    """Area of the first method minus that of the second, by "fmr", "fnmr" and "mean"; negative: the first is better."""

    first: str
    second: str
    areas: dict[str, Estimate]


def _means(
    columns: Mapping[str, np.ndarray], resamples: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Means (columns,) of the rows of each kind and bootstrap replicates of them (resamples, columns), and under "mean"
    the means of both kinds; nan without rows."""
    means: dict[str, np.ndarray] = {}
    resampled: dict[str, np.ndarray] = {}
    for kind, rows in columns.items():
        rows, width = rows.astype(np.float64), rows.shape[1]
        means[kind] = rows.mean(axis=0) if len(rows) else np.full(width, np.nan)
        resampled[kind] = resampled_means(rows, resamples, seed) if len(rows) else np.full((resamples, width), np.nan)
    for sides in (means, resampled):
        sides["mean"] = (sides["fmr"] + sides["fnmr"]) / 2
    return means, resampled


def gain(area: np.ndarray, random_area: np.ndarray) -> np.ndarray:
    """1 - AUC / AUC_RND, the share of RND's area that an explanation spares; nan where RND has none."""
    area, random_area = np.asarray(area, dtype=np.float64), np.asarray(random_area, dtype=np.float64)
    return 1.0 - area / np.where(random_area > 0, random_area, np.nan)


def attained(area: np.ndarray, random_area: np.ndarray, clean_area: np.ndarray) -> np.ndarray:
    """(AUC_RND - AUC) / (AUC_RND - AUC_clean): 0 is worth what RND is, 1 leaves the errors of clean pairs only; nan
    where RND leaves no more than these."""
    area, random_area, clean_area = (np.asarray(each, dtype=np.float64) for each in (area, random_area, clean_area))
    possible = random_area - clean_area
    return np.asarray((random_area - area) / np.where(possible > 0, possible, np.nan))


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
