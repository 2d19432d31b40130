"""CorrRISE: how the cosine goes along with what random patches hide (Lu et al., WACV 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.metrics import cosines
from xssab_core.models.base import FaceModel, embed_batches
from xssab_core.progress import Progress, State

PATCHES, PATCH, SEED = 3, 30, 0


def keep_masks(count: int, side: int) -> np.ndarray:
    """bool (count, side, side): False under three squares that lie inside the crop, the same on every call.

    The squares have 30 px in a crop of 112 px and are scaled with it.
    """
    patch = round(PATCH * side / 112)
    keep = np.ones((count, side, side), dtype=bool)
    corners = np.random.default_rng(SEED).integers(0, side - patch, (count, PATCHES, 2), endpoint=True)
    for mask, squares in zip(keep, corners, strict=True):
        for top, left in squares:
            mask[top : top + patch, left : left + patch] = False
    return keep


@dataclass(frozen=True, eq=False)
class MaskedCosines(Evidence):
    """float64 (2, K): cosine of each face under each mask with its partner as it is; and the side of the crops."""

    cosines: np.ndarray
    side: int


class CorrRise(Explainer[FaceModel, MaskedCosines]):
    """Spearman's correlation, pixel by pixel, of being visible and the cosine, over masks of black patches.

    Positive where the faces are the more alike when a pixel is visible. A pixel that no mask hides has 0. Both faces
    get the same masks. Independent of threshold and blur.

    Args:
        masks: their number.
    """

    def __init__(self, masks: int = 500) -> None:
        self.masks = masks
        self.evidence_kind = f"masked-cosines-{masks}"
        self.info = MethodInfo(
            id="corrrise",
            title="CorrRISE",
            reference="Lu et al., Towards Visual Saliency Explanations of Face Verification, WACV 2024",
            white_box=False,
            needs_training=False,
            forward_passes=2 * (masks + 1),
            backward_passes=0,
            parameters={"masks": masks, "patches": PATCHES, "patch": PATCH, "seed": SEED},
        )

    def gather(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> MaskedCosines:
        """One pass for each face under each mask."""
        embeddings = model.embed(np.stack([probe, reference]))
        keep = keep_masks(self.masks, len(probe))[..., None]
        found = np.empty((2, self.masks))
        for face, crop in enumerate((probe, reference)):
            starts = range(0, self.masks, model.batch_size)
            hidden = (crop * keep[start : start + model.batch_size] for start in starts)
            for start, masked in zip(starts, embed_batches(model, hidden), strict=True):
                found[face, start : start + len(masked)] = cosines(masked, embeddings[1 - face])
                progress(State(face * self.masks + start + len(masked), 2 * self.masks, "forward passes"))
        return MaskedCosines(embeddings=embeddings, cosines=found, side=len(probe))

    def attribute(
        self, model: FaceModel, evidence: MaskedCosines, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        keep = keep_masks(self.masks, evidence.side).reshape(self.masks, -1).astype(np.float32)
        probe, reference = (
            FaceMaps.signed(rank_correlations(keep, found).reshape(evidence.side, evidence.side))
            for found in evidence.cosines
        )
        return probe, reference


def rank_correlations(binary: np.ndarray, values: np.ndarray) -> np.ndarray:
    """float64 (M,): Spearman's correlation of each column of 0/1 float (K, M) with (K,) values; 0 for a constant one.

    Ranks of two values are an affine function of them, so that only `values` need ranking.
    """
    ranks = scipy.stats.rankdata(values)
    ranks -= ranks.mean()
    shares = binary.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(shares * (1 - shares)) * ranks.std() * len(ranks)
    products = np.asarray(ranks @ binary, dtype=np.float64)
    found: np.ndarray = np.divide(products, spread, out=np.zeros_like(products), where=spread > 0)
    return found
