"""Decision-based Patch Replacement: how fast an explanation leads back to the right decision (section 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xssab_core.errors import DataError
from xssab_core.explain import FaceMaps

STEPS = 21
Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % bootstrap percentile interval over pairs; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


def ranking_map(maps: FaceMaps) -> np.ndarray:
    """float (S, S), the map whose values order the pixels: the combined one, else the similarity map, else minus the
    dissimilarity map.

    Raises:
        DataError: there is none, or it holds values that are not finite.
    """
    if maps.combined is not None:
        values = maps.combined
    elif maps.similarity is not None:
        values = maps.similarity
    elif maps.dissimilarity is not None:
        values = -maps.dissimilarity
    else:
        raise DataError("The method gave no map of the probe, so there is nothing to rank pixels by.")
    if not np.isfinite(values).all():
        raise DataError("The method gave a map with values that are not finite; they cannot be ranked.")
    return values


def pixel_order(values: np.ndarray, is_match: bool, cells: int | None = None, attention: bool = False) -> np.ndarray:
    """The order in which pixels are replaced.

    A match is taken back by its most similar pixels first, a non-match by its most dissimilar ones, either by its most
    attended ones where the map is attention. Equal values keep the order of reading: row by row from the top, left to
    right.

    Args:
        values: float (S, S), positive = similar; of an attention map, high = decides most.
        is_match: the decision on the patched pair.
        cells: side of the grid of cells of a cell-wise map. Cells move whole, by the value in their middle; within a
            cell pixels keep the order of reading.
        attention: the map has no sign.

    Returns:
        int64 (S * S,) flat pixel numbers, the first to be replaced first.
    """
    keys = np.asarray(-values if is_match or attention else values, dtype=np.float64)
    if cells is None:
        return np.argsort(keys, axis=None, kind="stable")
    size = len(values)
    middles = ((2 * np.arange(cells) + 1) * size) // (2 * cells)
    place_of_cell = np.empty(cells * cells, dtype=np.int64)
    place_of_cell[np.argsort(keys[np.ix_(middles, middles)], axis=None, kind="stable")] = np.arange(cells * cells)
    return np.argsort(place_of_cell[_cell_numbers(size, cells)], axis=None, kind="stable")


def random_order(size: int, generator: np.random.Generator) -> np.ndarray:
    """int64 (size * size,), a permutation of the pixels (RND)."""
    return generator.permutation(size * size)


def step_counts(size: int, steps: int = STEPS, cells: int | None = None) -> np.ndarray:
    """int64 (steps,): how many pixels are replaced at each step, from none to all.

    Evenly spaced shares, rounded half up to whole pixels, or to whole cells for a cell-wise map (5 % of 7 x 7 cells
    are 2 cells, 10 % are 5).

    Raises:
        DataError: fewer than two steps.
    """
    if steps < 2:
        raise DataError(f"A replay needs at least 2 steps (nothing and everything replaced), not {steps}.")
    units, last = (size if cells is None else cells) ** 2, steps - 1
    whole = (2 * units * np.arange(steps) + last) // (2 * last)
    if cells is None:
        return np.asarray(whole)
    if size % cells:
        raise DataError(f"Cells of a {cells} x {cells} grid do not divide a crop of {size} pixels evenly.")
    return np.asarray(whole * (size // cells) ** 2)


def frames(patched: np.ndarray, original: np.ndarray, order: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """uint8 (steps, S, S, 3): the patched crop with the first `counts[i]` pixels of the order put back."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    is_back = place.reshape(1, *patched.shape[:2]) < np.asarray(counts)[:, None, None]
    return np.asarray(np.where(is_back[..., None], original, patched))


def replay(
    embed: Embed,
    patched: np.ndarray,
    original: np.ndarray,
    reference: np.ndarray,
    order: np.ndarray,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """Scores of the reference with every step of the replacement.

    Frames that equal the one before (only pixels outside the patches moved) keep its score. The whole replay of a
    pair is one call of `embed`, so its scores do not depend on what else is computed.

    Args:
        embed: uint8 (N, S, S, 3) crops -> float32 (N, D) unit embeddings, such as `model.embed`.
        patched, original: uint8 (S, S, 3) crops of the probe, with and without patches.
        reference: uint8 (S, S, 3) crop, or its float (D,) unit embedding.
        order: int (S * S,) from `pixel_order`.
        counts: int (steps,) from `step_counts`; 21 steps of 5 % unless given.

    Returns:
        float64 (steps,) cosine scores.
    """
    counts = step_counts(len(patched)) if counts is None else counts
    shown = frames(patched, original, order, counts)
    is_new = np.ones(len(shown), dtype=bool)
    is_new[1:] = [bool((a != b).any()) for a, b in zip(shown[1:], shown[:-1], strict=True)]
    crops = shown[is_new]
    if reference.ndim == 1:
        embeddings, partner = embed(crops), reference
    else:
        rows = embed(np.concatenate([crops, reference[None]]))
        embeddings, partner = rows[:-1], rows[-1]
    return np.asarray(cosines(embeddings, partner)[np.cumsum(is_new) - 1])


def cosines(embeddings: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """float64 (n,) cosine of each unit row (n, D) with a unit vector (D,), in double precision, -1..1."""
    products = embeddings.astype(np.float64) * partner.astype(np.float64)
    return np.asarray(np.clip(products.sum(axis=1), -1.0, 1.0))


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
        resampled[kind] = _resampled(both, resamples, seed) if len(both) else np.full((resamples, 2), np.nan)
    for sides in (means, resampled):
        sides["mean"] = (sides["fmr"] + sides["fnmr"]) / 2
    return {
        kind: (
            _interval(means[kind][0], resampled[kind][:, 0]),
            _interval(gain(*means[kind]), gain(resampled[kind][:, 0], resampled[kind][:, 1])),
        )
        for kind in means
    }


def gain(area: np.ndarray, random_area: np.ndarray) -> np.ndarray:
    """1 - AUC / AUC_RND, the share of RND's area that an explanation spares; nan where RND has none."""
    area, random_area = np.asarray(area, dtype=np.float64), np.asarray(random_area, dtype=np.float64)
    return 1.0 - area / np.where(random_area > 0, random_area, np.nan)


def _resampled(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """float64 (resamples, columns): means of rows drawn with replacement."""
    generator = np.random.default_rng(seed)
    n = len(values)
    return np.stack([values[generator.integers(0, n, n)].mean(axis=0) for _ in range(resamples)])


def _interval(value: np.ndarray, resampled: np.ndarray) -> Estimate:
    usable = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not len(usable):
        return Estimate(None, None, None)
    low, high = np.quantile(usable, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def _cell_numbers(size: int, cells: int) -> np.ndarray:
    """int64 (size, size): the number of the cell that holds each pixel."""
    line = np.arange(size) * cells // size
    return line[:, None] * cells + line[None, :]
