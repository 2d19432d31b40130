"""Patch-LFW: LFW pairs whose probe carries patches of the wrong person (section 4.2 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from xssab_core.benchmark.crops import CropCache
from xssab_core.benchmark.lfw import Lfw, LfwPair
from xssab_core.errors import DataError
from xssab_core.faces.align import Template

Layout = Literal["uniform", "authors"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
PATCHES = 27
# Positions are drawn on this grid and scaled to the crop of the model, so that every model sees the same places.
GRID = 112
PATCH_SIDE = 16
_AUTHORS_SEED = 3


@dataclass(frozen=True, eq=False)
class PatchedPair:
    """A pair of Patch-LFW with everything that made it.

    Attributes:
        pair: the LFW pair.
        layout, seed: how the positions were drawn.
        positions: int64 (27, 2), x and y of the top-left corners in pixels of the crop, in the order of pasting.
        patch_side: side of a patch in pixels of the crop.
        donor: id of the image (file stem) the patches come from: the reference of an impostor pair, a stranger to a
            genuine one.
        original: uint8 (S, S, 3) clean probe.
        patched: uint8 (S, S, 3) probe with patches.
        reference: uint8 (S, S, 3), never patched.
        mask: bool (S, S), True where a patch lies: the ground truth of localisation.
    """

    pair: LfwPair
    layout: Layout
    seed: int
    positions: np.ndarray
    patch_side: int
    donor: str
    original: np.ndarray
    patched: np.ndarray
    reference: np.ndarray
    mask: np.ndarray

    @property
    def coverage(self) -> float:
        """Share of the crop that is patched, 0..1."""
        return float(self.mask.mean())


@dataclass(frozen=True)
class PatchLfw:
    """The generator. A pair depends on `layout`, `seed` and itself alone, never on which other pairs are made.

    Attributes:
        lfw: the copy of LFW.
        cache: where its aligned crops come from.
        template: of the model the pairs are for.
        layout: "uniform" draws top-left corners uniformly over all places that fit. "authors" repeats the positions of
            the authors' code, whose last row and column are never patched, and which is seeded by 3.
        seed: of the positions ("uniform") and of the donors (both layouts).
    """

    lfw: Lfw
    cache: CropCache
    template: Template
    layout: Layout = "uniform"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise DataError(f"There is no layout {self.layout!r}. Known layouts: {', '.join(LAYOUTS)}.")

    def build(self, pair: LfwPair) -> PatchedPair | None:
        """Patch a pair; None where no face is found in one of its images.

        Raises:
            DataError: no stranger to take the patches of a genuine pair from.
        """
        original = self.cache.crop(pair.probe, self.template)
        reference = self.cache.crop(pair.reference, self.template)
        if original is None or reference is None:
            return None
        donor, source = (pair.reference.stem, reference) if not pair.genuine else self._donor(pair)
        positions, side = scaled_positions(grid_positions(pair, self.layout, self.seed), self.template.size)
        patched, mask = patch_pair(original, source, positions, side)
        return PatchedPair(pair, self.layout, self.seed, positions, side, donor, original, patched, reference, mask)

    def _donor(self, pair: LfwPair) -> tuple[str, np.ndarray]:
        """The first stranger, in an order of the pair's own, whose face is found. Always clean: read from LFW."""
        for path in _strangers(self.lfw, pair, self.seed):
            crop = self.cache.crop(path, self.template)
            if crop is not None:
                return path.stem, crop
        raise DataError(
            f"{pair.id}: this copy of LFW has no image of another person to take patches from (one that is in "
            "pairs.txt as second image only). Use a larger copy."
        )


def grid_positions(pair: LfwPair, layout: Layout, seed: int) -> np.ndarray:
    """int64 (27, 2) x, y of the top-left corners on the 112-pixel grid."""
    if layout == "authors":
        return np.asarray(authors_positions(max(3000, pair.ordinal + 1))[pair.ordinal])
    return uniform_positions(_generator(pair, seed))


def uniform_positions(generator: np.random.Generator) -> np.ndarray:
    """int64 (27, 2) x, y of top-left corners, uniform over all places on the 112-pixel grid that fit."""
    return generator.integers(0, GRID - PATCH_SIDE + 1, size=(PATCHES, 2))


@lru_cache(maxsize=2)
def authors_positions(pairs: int) -> np.ndarray:
    """int64 (pairs, 27, 2) top-left corners as the authors' code draws them for either half of the pairs.

    27 columns, then 27 rows of lower-left corners, pair after pair, from numpy's legacy generator with seed 3,
    which restarts for each half (DESIGN.md section 3).
    """
    legacy = np.random.RandomState(_AUTHORS_SEED)
    drawn = np.empty((pairs, PATCHES, 2), dtype=np.int64)
    for positions in drawn:
        positions[:, 0] = legacy.randint(0, GRID - PATCH_SIDE, size=PATCHES, dtype=np.int64)
        positions[:, 1] = legacy.randint(PATCH_SIDE, GRID, size=PATCHES, dtype=np.int64) - PATCH_SIDE
    drawn.setflags(write=False)
    return drawn


def scaled_positions(positions: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Positions on the 112-pixel grid -> int64 (n, 2) in a crop of `size` pixels, and the side of a patch there.

    Both are scaled by size / 112 and rounded half up; a patch that rounding pushed over the edge moves back by a
    pixel. At 112 nothing changes.
    """
    side = (2 * PATCH_SIDE * size + GRID) // (2 * GRID)
    scaled = (2 * positions * size + GRID) // (2 * GRID)
    return np.minimum(scaled, size - side), side


def patch_pair(
    probe: np.ndarray, source: np.ndarray, positions: np.ndarray, side: int = PATCH_SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """Paste squares of one crop onto the same places of another.

    Args:
        probe, source: uint8 (S, S, 3) crops on the same template.
        positions: int (n, 2) x, y of top-left corners; squares may overlap.
        side: side of a square in pixels.

    Returns:
        The patched crop, uint8 (S, S, 3), and the mask of patched pixels, bool (S, S).

    Raises:
        DataError: the crops differ in shape, or a square does not fit.
    """
    if probe.shape != source.shape:
        raise DataError(f"Patches need crops of one shape, not {probe.shape} and {source.shape}.")
    if len(positions) and (positions.min() < 0 or positions.max() + side > probe.shape[0]):
        raise DataError(f"A patch of {side} pixels does not fit at one of its positions on {probe.shape[0]} pixels.")
    mask = np.zeros(probe.shape[:2], dtype=bool)
    for x, y in positions:
        mask[y : y + side, x : x + side] = True
    return np.where(mask[:, :, None], source, probe), mask


def _generator(pair: LfwPair, seed: int, purpose: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, pair.index, purpose])


def _strangers(lfw: Lfw, pair: LfwPair, seed: int) -> Iterator[Path]:
    order = _generator(pair, seed, purpose=1).permutation(len(lfw.donors))
    people = {pair.probe.parent.name, pair.reference.parent.name}
    return (lfw.donors[i] for i in order if lfw.donors[i].parent.name not in people)
