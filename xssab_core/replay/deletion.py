"""Deletion and insertion for verification: scores of a clean probe while a map's pixels go, or are all there is.

Deletion shows the pixels whose value is at most the (100 - P)th percentile of the map and fills the others, for P = 0,
10, ..., 100 %; insertion shows those others only. The map is read so that high values speak for the decision: what
decided goes first, from a match and from a non-match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xssab_core.explain.base import blurred
from xssab_core.metrics import cosines
from xssab_core.replay.dpr import Embed

SHARES: tuple[float, ...] = tuple(step / 10 for step in range(11))
TOP = 0.01
FILLS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"black": np.zeros_like, "blurred": blurred}
# As their curves are named in records and results.
CURVES = tuple(f"{way}-{fill}" for way in ("deletion", "insertion") for fill in FILLS)


@dataclass(frozen=True)
class Occlusion:
    """Scores of a pair while its clean probe is occluded in the order of a map.

    Attributes:
        curves: of each of `CURVES`, a score for each of `SHARES`. Deletion starts at the clean score and ends at that
            of the fill, insertion the other way.
        top: by fill, the score without the 1 % of pixels with the highest values; of equal ones, the first in reading.
    """

    curves: dict[str, tuple[float, ...]]
    top: dict[str, float]


def deciding(values: np.ndarray, is_match: bool, attention: bool = False) -> np.ndarray:
    """A map (S, S), positive = similar, read so that high values speak for the decision; attention is left alone."""
    return values if is_match or attention else -values


def shown(values: np.ndarray, share: float) -> np.ndarray:
    """bool (S, S): the pixels that deletion still shows at a share P, 0..1: those at or below the (100 - P)th
    percentile. At 100 % it shows none."""
    return np.asarray(values <= np.quantile(values, 1.0 - share)) & (share < 1.0)


def occluded_scores(
    embed: Embed, crop: np.ndarray, reference: np.ndarray, clean_score: float, values: np.ndarray
) -> Occlusion:
    """Embeds about 40 pictures, in one call.

    Args:
        embed: uint8 (N, S, S, 3) crops -> float32 (N, D) unit embeddings.
        crop: uint8 (S, S, 3), the clean probe.
        reference: float (D,), unit embedding of the other face.
        clean_score: of the two.
        values: float (S, S), high = speaks for the decision, see `deciding`.
    """
    inner = [shown(values, share) for share in SHARES[1:-1]]
    without_top = np.ones(values.shape, dtype=bool)
    without_top.flat[np.argsort(-values, axis=None, kind="stable")[: round(TOP * values.size)]] = False
    pictures: list[np.ndarray] = []
    for fill_in in FILLS.values():
        filled = fill_in(crop)
        masks = [*inner, *(~mask for mask in inner), without_top]
        pictures += [filled, *(np.where(mask[:, :, None], crop, filled) for mask in masks)]
    scores = cosines(embed(np.stack(pictures)), reference).reshape(len(FILLS), -1)
    curves, top, n = {}, {}, len(inner)
    for fill, (empty, *rest) in zip(FILLS, scores.tolist(), strict=True):
        curves[f"deletion-{fill}"] = (clean_score, *rest[:n], empty)
        curves[f"insertion-{fill}"] = (empty, *rest[n : 2 * n], clean_score)
        top[fill] = rest[-1]
    return Occlusion(curves, top)
