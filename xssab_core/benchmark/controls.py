"""Controls: rows of every table that need no model, which say what a gain is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xssab_core.patch_lfw.generator import PatchedPair
from xssab_core.replay import dpr

RANDOM, ORACLE = "random", "mask-oracle"
# Of the generators of a pair, those that patch_lfw.generator does not use.
_RANDOM_PURPOSE, _ORACLE_PURPOSE = 2, 3


@dataclass(frozen=True)
class Control:
    """An order of the pixels that no model has a part in.

    Attributes:
        title, reference: what the tables call it, and what it is.
        values: a pair and a seed -> float64 (S, S), which orders the pixels as a map would.
        oracle: it knows where the patches lie, which no method does.
        attention: the values have no sign: high ones go first, whatever was decided.
    """

    title: str
    reference: str
    values: Callable[[PatchedPair, int], np.ndarray]
    oracle: bool = False
    attention: bool = False


def random_values(pair: PatchedPair, seed: int) -> np.ndarray:
    """float64 (S, S): ranks of an independent permutation for every pair (the authors' code used one for all)."""
    return _ranks(pair, seed, _RANDOM_PURPOSE)


def pixel_equality(pair: PatchedPair, seed: int) -> np.ndarray:
    """float64 (S, S) <= 0: minus the absolute difference of patched probe and reference, mean of the channels."""
    difference = pair.patched.astype(np.float64) - pair.reference.astype(np.float64)
    return np.asarray(-np.abs(difference).mean(axis=2))


def mask_oracle(pair: PatchedPair, seed: int) -> np.ndarray:
    """float64 (S, S): a random order of the pixels under patches above one of all others."""
    return _ranks(pair, seed, _ORACLE_PURPOSE) + pair.mask * float(pair.mask.size)


def _ranks(pair: PatchedPair, seed: int, purpose: int) -> np.ndarray:
    ranks = dpr.random_order(len(pair.mask), np.random.default_rng([seed, pair.pair.index, purpose]))
    return ranks.reshape(pair.mask.shape).astype(np.float64)


CONTROLS = {
    RANDOM: Control("Random", "an independent permutation of the pixels for every pair", random_values),
    "pixel-equality": Control(
        "Pixel equality", "minus the absolute difference of the two crops' pixels", pixel_equality
    ),
    ORACLE: Control(
        "Mask oracle",
        "knows where the patches lie: their pixels first, in random order",
        mask_oracle,
        oracle=True,
        attention=True,
    ),
}
