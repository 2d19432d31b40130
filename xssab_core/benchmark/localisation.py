"""Localisation: does a map find the pixels that were patched?"""

from __future__ import annotations

import numpy as np


def average_precision(truth: np.ndarray, values: np.ndarray) -> float:
    """Average precision of ranking pixels by value, highest first, against the true mask; 0..1.

    The sum over distinct values v, from high to low, of (recall gained at v) * (precision of all pixels >= v), so
    tied pixels count as one step and their order does not matter. A random order gives the share of true pixels.

    Args:
        truth: bool (S, S) with at least one true pixel.
        values: float (S, S).
    """
    order = np.argsort(-values, axis=None, kind="stable")
    hits = np.cumsum(truth.ravel()[order])
    ranked = values.ravel()[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    recall = hits[ends] / hits[-1]
    precision = hits[ends] / (ends + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))
