"""Patch-LFW: LFW pairs whose probe carries patches of the wrong person (section 4.2 of the paper)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import Lfw, LfwPair, image_files
from xssab_core.errors import DataError
from xssab_core.faces import AlignedFace, Template
from xssab_core.patch_lfw.change import Change, feathered

Layout = Literal["uniform", "authors", "hard"]
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
        donor: id of the image (file stem) the patches come from: the reference of an impostor pair (layout "hard":
            another photograph of that person where there is one), a stranger to a genuine one.
        original: uint8 (S, S, 3) clean probe.
        patched: uint8 (S, S, 3) probe with patches.
        reference: uint8 (S, S, 3), never patched.
        mask: bool (S, S), True where a patch lies (layout "hard": where it shows by at least half): the ground truth of
            localisation.
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


@dataclass(frozen=True, eq=False)
class PatchedFace(AlignedFace):
    """A face with squares of another one pasted over it, for any model.

    Attributes:
        donor: the face the squares show.
        positions: int64 (n, 2), x and y of top-left corners on the 112-pixel grid, in the order of pasting.
        patch_side: side of a square on that grid.
        change: what the layout "hard" does to the squares; None for plain ones.
    """

    donor: AlignedFace
    positions: np.ndarray
    patch_side: int
    change: Change | None = None

    @classmethod
    def of(
        cls,
        face: AlignedFace,
        donor: AlignedFace,
        positions: np.ndarray,
        patch_side: int = PATCH_SIDE,
        change: Change | None = None,
    ) -> PatchedFace:
        """Patch a face."""
        known = {field.name: getattr(face, field.name) for field in fields(AlignedFace)}
        squares = f"{len(positions)} square{'s' if len(positions) != 1 else ''} of {patch_side} x {patch_side} pixels"
        known["warnings"] += (f"Patched: {squares} of {donor.photo.name} lie over the aligned face.",)
        return cls(**known, donor=donor, positions=positions, patch_side=patch_side, change=change)

    def crop_for(self, template: Template) -> np.ndarray:
        """uint8 (S, S, 3) RGB crop with the patches, read-only."""
        crop = self._patched(template)[0]
        crop.setflags(write=False)
        return crop

    def original_for(self, template: Template) -> np.ndarray:
        """uint8 (S, S, 3) RGB crop without the patches, read-only."""
        return super().crop_for(template)

    def mask_for(self, template: Template) -> np.ndarray:
        """bool (S, S), True where a patch lies."""
        return self._patched(template)[1]

    @property
    def key(self) -> Hashable:
        """Also of the patches."""
        return super().key, self.donor.key, self.positions.tobytes(), self.patch_side, self.change

    def record(self) -> dict[str, Any]:
        """Also of the patches."""
        patches = {"donor": self.donor.record(), "side": self.patch_side, "positions": self.positions.tolist()}
        changed = {"change": asdict(self.change)} if self.change else {}
        return super().record() | {"patches": patches | changed}

    def _patched(self, template: Template) -> tuple[np.ndarray, np.ndarray]:
        positions, side = scaled_positions(self.positions, template.size, self.patch_side)
        return patch_pair(self.original_for(template), self.donor.crop_for(template), positions, side, self.change)


@dataclass(frozen=True)
class PatchLfw:
    """The generator. A pair depends on `layout`, `seed` and itself alone, never on which other pairs are made.

    Attributes:
        lfw: the copy of LFW.
        cache: where its aligned crops come from.
        template: of the model the pairs are for.
        layout: "uniform" draws top-left corners uniformly over all places that fit. "authors" repeats the positions of
            the authors' code, whose last row and column are never patched, and which is seeded by 3. "hard" has the
            positions of "uniform" and patches that equal pixels do not give away: those of an impostor pair come from
            another photograph of the reference's person where the copy has one; those of all pairs are mirrored, moved
            a little, of another exposure, less sharp (see `Change`), and feathered at the edges.
        seed: of the positions ("uniform", "hard"), of the donors (all layouts) and of the changes.
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
        donor, source = self._donor(pair)
        positions, side = scaled_positions(grid_positions(pair, self.layout, self.seed), self.template.size)
        patched, mask = patch_pair(original, source, positions, side, self.change(pair))
        return PatchedPair(
            pair, self.layout, self.seed, positions, side, donor.stem, original, patched, reference, mask
        )

    def faces(self, pair: LfwPair) -> tuple[PatchedFace, AlignedFace] | None:
        """The patched probe and the reference of a pair, with the photographs they come from, for any model; None
        where no face is found in one of its images.

        Raises:
            DataError: no stranger to take the patches of a genuine pair from.
        """
        probe, reference = self.cache.face(pair.probe), self.cache.face(pair.reference)
        if probe is None or reference is None:
            return None
        donor = self.cache.face(self._donor(pair)[0])
        assert donor is not None
        positions = grid_positions(pair, self.layout, self.seed)
        return PatchedFace.of(probe, donor, positions, change=self.change(pair)), reference

    def strangers(self, pair: LfwPair) -> Iterator[Path]:
        """Images that may donate the patches of a genuine pair, in an order of the pair's own: the first whose face
        is found does."""
        order = _generator(pair, self.seed, purpose=1).permutation(len(self.lfw.donors))
        people = {pair.probe.parent.name, pair.reference.parent.name}
        return (self.lfw.donors[i] for i in order if self.lfw.donors[i].parent.name not in people)

    def mask(self, pair: LfwPair) -> np.ndarray:
        """bool (S, S), True where a patch of the pair lies; needs no image."""
        positions, side = scaled_positions(grid_positions(pair, self.layout, self.seed), self.template.size)
        mask = patch_mask(positions, side, self.template.size)
        return feathered(mask) >= 0.5 if self.layout == "hard" else mask

    def change(self, pair: LfwPair) -> Change | None:
        """What is done to the patches of a pair before they are pasted; None where they are plain squares."""
        return Change.drawn(_generator(pair, self.seed, purpose=4)) if self.layout == "hard" else None

    def photographs(self, pair: LfwPair) -> Iterator[Path]:
        """Images that may donate the patches of an impostor pair: the first whose face is found does. Of layout "hard"
        the other photographs of the reference's person, in an order of the pair's own, before the reference."""
        if self.layout == "hard":
            files = image_files(pair.reference.parent)
            others = [files[stem] for stem in sorted(files) if stem != pair.reference.stem]
            yield from (others[i] for i in _generator(pair, self.seed, purpose=5).permutation(len(others)))
        yield pair.reference

    def _donor(self, pair: LfwPair) -> tuple[Path, np.ndarray]:
        """The image the patches come from, and its crop, see `photographs` and `strangers`. Always clean: read from
        LFW."""
        for path in self.strangers(pair) if pair.genuine else self.photographs(pair):
            crop = self.cache.crop(path, self.template)
            if crop is not None:
                return path, crop
        raise DataError(
            f"{pair.id}: this copy of LFW has no image of another person to take patches from (one that is in "
            "pairs.txt as second image only). Use a larger copy."
        )


def grid_positions(pair: LfwPair, layout: Layout, seed: int) -> np.ndarray:
    """int64 (27, 2) x, y of the top-left corners on the 112-pixel grid."""
    if layout == "authors":
        return np.asarray(authors_positions(max(3000, pair.ordinal + 1))[pair.ordinal])
    return uniform_positions(_generator(pair, seed))


def uniform_positions(
    generator: np.random.Generator, patches: int = PATCHES, patch_side: int = PATCH_SIDE
) -> np.ndarray:
    """int64 (patches, 2) x, y of top-left corners, uniform over all places on the 112-pixel grid that fit."""
    return generator.integers(0, GRID - patch_side + 1, size=(patches, 2))


@lru_cache(maxsize=2)
def authors_positions(pairs: int) -> np.ndarray:
    """int64 (pairs, 27, 2) top-left corners as the authors' code draws them for either half of the pairs.

    27 columns, then 27 rows of lower-left corners, pair after pair, from numpy's legacy generator with seed 3,
    which restarts for each half.
    """
    legacy = np.random.RandomState(_AUTHORS_SEED)
    drawn = np.empty((pairs, PATCHES, 2), dtype=np.int64)
    for positions in drawn:
        positions[:, 0] = legacy.randint(0, GRID - PATCH_SIDE, size=PATCHES, dtype=np.int64)
        positions[:, 1] = legacy.randint(PATCH_SIDE, GRID, size=PATCHES, dtype=np.int64) - PATCH_SIDE
    drawn.setflags(write=False)
    return drawn


def scaled_positions(positions: np.ndarray, size: int, patch_side: int = PATCH_SIDE) -> tuple[np.ndarray, int]:
    """Positions on the 112-pixel grid -> int64 (n, 2) in a crop of `size` pixels, and the side of a patch there.

    Both are scaled by size / 112 and rounded half up; a patch that rounding pushed over the edge moves back by a
    pixel. At 112 nothing changes.
    """
    side = (2 * patch_side * size + GRID) // (2 * GRID)
    scaled = (2 * positions * size + GRID) // (2 * GRID)
    return np.minimum(scaled, size - side), side


def patch_pair(
    probe: np.ndarray,
    source: np.ndarray,
    positions: np.ndarray,
    side: int = PATCH_SIDE,
    change: Change | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste squares of one crop onto the same places of another.

    Args:
        probe, source: uint8 (S, S, 3) crops on the same template.
        positions: int (n, 2) x, y of top-left corners; squares may overlap.
        side: side of a square in pixels.
        change: what is done to the source first, and then its feathering; None pastes it as it is.

    Returns:
        The patched crop, uint8 (S, S, 3), and the mask of patched pixels, bool (S, S).

    Raises:
        DataError: the crops differ in shape, or a square does not fit.
    """
    if probe.shape != source.shape:
        raise DataError(f"Patches need crops of one shape, not {probe.shape} and {source.shape}.")
    if len(positions) and (positions.min() < 0 or positions.max() + side > probe.shape[0]):
        raise DataError(f"A patch of {side} pixels does not fit at one of its positions on {probe.shape[0]} pixels.")
    mask = patch_mask(positions, side, probe.shape[0])
    return change.paste(probe, source, mask) if change else (np.where(mask[:, :, None], source, probe), mask)


def patch_mask(positions: np.ndarray, side: int, size: int) -> np.ndarray:
    """bool (size, size), True inside any of the squares of that side with int (n, 2) x, y of top-left corners."""
    mask = np.zeros((size, size), dtype=bool)
    for x, y in positions:
        mask[y : y + side, x : x + side] = True
    return mask


def _generator(pair: LfwPair, seed: int, purpose: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, pair.index, purpose])
