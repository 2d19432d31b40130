"""Decision-based Patch Replacement: how fast an explanation leads back to the right decision (section 4.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xssab_core.errors import DataError
from xssab_core.explain import FaceMaps
from xssab_core.metrics import cosines

STEPS = 21
Embed = Callable[[np.ndarray], np.ndarray]


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


def replayed_scores(
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


def _cell_numbers(size: int, cells: int) -> np.ndarray:
    """int64 (size, size): the number of the cell that holds each pixel."""
    line = np.arange(size) * cells // size
    return line[:, None] * cells + line[None, :]
