"""Random: the baseline any explanation has to beat."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.models.base import FaceModel
from xssab_core.progress import Progress


@dataclass(frozen=True, eq=False)
class PairDigests(Evidence):
    """sha256 of the pixels of probe and reference, and the side of the crops."""

    digests: tuple[bytes, bytes]
    side: int


class Random(Explainer[FaceModel, PairDigests]):
    """Every pixel gets its place in an independent random order per face: only the ranks mean anything.

    The order follows from the pixels of the face and of its partner and from `seed`, so it is the same on every run,
    for every model and at every threshold, and swapping the images swaps the maps. The combined map spreads the ranks
    evenly over -1..1 without ties; similarity and dissimilarity are its positive part and the size of its negative
    part. The blur is never applied: it would turn the random order into random blobs.

    Args:
        seed: another seed gives other orders.
    """

    evidence_kind = "pair-digests"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.info = MethodInfo(
            id="random",
            title="Random",
            reference="RND of Huber et al., WACV 2024, section 4.4: the minimum baseline",
            white_box=False,
            needs_training=False,
            forward_passes=2,
            backward_passes=0,
            parameters={"seed": seed},
        )

    def gather(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress) -> PairDigests:
        """The embeddings serve the score only, not the maps."""
        embeddings = model.embed(np.stack([probe, reference]))
        digests = (_digest(probe), _digest(reference))
        return PairDigests(embeddings=embeddings, digests=digests, side=len(probe))

    def attribute(
        self, model: FaceModel, evidence: PairDigests, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        probe, reference = evidence.digests
        return self._order(probe + reference, evidence.side), self._order(reference + probe, evidence.side)

    def _order(self, key: bytes, side: int) -> FaceMaps:
        generator = np.random.default_rng([self.seed, *np.frombuffer(key, dtype=np.uint32)])
        ranks = generator.permutation(side * side).reshape(side, side)
        return FaceMaps.signed(2.0 * ranks / (side * side - 1) - 1.0)


def _digest(crop: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(crop).tobytes()).digest()
