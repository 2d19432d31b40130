"""MinPlus: what removing soft spots from a face, and adding them to a black picture, does to the score (Mery, 2022)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xssab_core.explain.base import MethodInfo
from xssab_core.explain.peers.common import SignedMaps, WithoutThreshold
from xssab_core.metrics import cosines
from xssab_core.models.base import FaceModel
from xssab_core.progress import Progress, State

STEP, STOP = 16, 0.01

Score = Callable[[np.ndarray], np.ndarray]
"""Masks (n, S, S), 1 where the face is visible -> cosines (n,) of the face under each with its partner."""


def spots(side: int) -> np.ndarray:
    """float64 (K, side, side): Gaussians of height 1 around the middles of squares of 16 px of a 112 px crop, as wide
    (sigma) as these squares; 49 of them."""
    count = 112 // STEP
    width = side / count
    axis = np.arange(side) + 0.5
    bells = np.exp(-(((axis - (np.arange(count)[:, None] + 0.5) * width) / width) ** 2) / 2)
    return np.asarray(np.einsum("iy,jx->ijyx", bells, bells).reshape(-1, side, side))


class MinPlus(WithoutThreshold[FaceModel]):
    """Mean of four signed maps, each divided by its largest absolute value. Two take the spots one by one: the fall of
    the score when a spot is removed from the face, and its rise when it is added to a black picture, as means over
    the spots weighted by them. Two take them in series: the spot that changes the score most is removed (added) for
    good, until the change is below 0.01 or there are `most` of them, and counts with its change.

    Independent of threshold and blur.

    Args:
        most: spots in a series.
    """

    def __init__(self, most: int = 20) -> None:
        self.most = most
        self.evidence_kind = f"spots-{most}"
        self.info = MethodInfo(
            id="minplus",
            title="MinPlus",
            reference="Mery, True Black-Box Explanation in Facial Analysis, CVPR Workshops 2022; "
            "Mery and Morris, On Black-Box Explanation for Face Verification, WACV 2022",
            white_box=False,
            needs_training=False,
            forward_passes=2 * (1 + _passes(most)),  # at most: a series may end before
            backward_passes=0,
            parameters={"step": STEP, "sigma": STEP, "stop": STOP, "most": most},
        )

    def gather(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> SignedMaps:
        """Series after series, each batch a call of the model."""
        crops = np.stack([probe, reference])
        embeddings, done, total = model.embed(crops), 0, 2 * _passes(self.most)

        def tell(passes: int) -> None:
            nonlocal done
            done += passes
            progress(State(done, total, "forward passes"))

        maps = []
        for face in (0, 1):
            score = _scorer(model, crops[face], embeddings[1 - face], tell)
            maps.append(min_plus(score, spots(len(probe)), self.most))
            done = (face + 1) * total // 2
        tell(0)
        return SignedMaps(embeddings=embeddings, maps=np.stack(maps))


def _passes(most: int) -> int:
    """Forward passes of one face at most, its clean and its black one among them."""
    count = (112 // STEP) ** 2
    return 2 + 2 * sum(count - taken for taken in range(min(most, count)))


def _scorer(model: FaceModel, crop: np.ndarray, partner: np.ndarray, tell: Callable[[int], None]) -> Score:
    def score(masks: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(masks), model.batch_size):
            masked = np.rint(crop * masks[start : start + model.batch_size, ..., None]).astype(np.uint8)
            found.append(cosines(model.embed(masked), partner))
            tell(len(masked))
        return np.concatenate(found)

    return score


def min_plus(score: Score, bells: np.ndarray, most: int) -> np.ndarray:
    """float32 (S, S): the map of one face, from its score under masks and the spots (K, S, S)."""
    whole = np.ones(bells.shape[1:])
    clean, black = score(np.stack([whole, 0 * whole]))
    # `hidden` shrinks from 1 by (1 - spot): it is what stays visible, or what is still black.
    removals = _series(lambda hidden: -score(hidden), -clean, bells, most)
    additions = _series(lambda hidden: score(1 - hidden), black, bells, most)
    maps = [
        each
        for alone, changes in (removals, additions)
        for each in (np.tensordot(alone, bells, 1) / bells.sum(axis=0), np.tensordot(changes, bells, 1))
    ]
    return np.asarray(np.mean([each / (np.abs(each).max() or 1) for each in maps], axis=0), dtype=np.float32)


def _series(score: Score, start: float, bells: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(K,) rise of a score by each spot alone, and (K,) rise by each at its turn in the greedy series, else 0."""
    hidden, changes, left = np.ones(bells.shape[1:]), np.zeros(len(bells)), list(range(len(bells)))
    alone = None
    for _ in range(min(most, len(bells))):
        rises = score(hidden * (1 - bells[left])) - start
        alone = rises if alone is None else alone
        best = int(rises.argmax())
        if rises[best] < STOP:
            break
        start, chosen = start + rises[best], left.pop(best)
        changes[chosen], hidden = rises[best], hidden * (1 - bells[chosen])
    assert alone is not None
    return alone, changes
