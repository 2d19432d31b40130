"""xFace 1, 2 and 3: what hiding a small square does to the distance (Knoche et al., 2023)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xssab_core.errors import ExplainError
from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo, Passes, gaussian_blur
from xssab_core.explain.confidence import CONFIDENCE, confidence_of
from xssab_core.metrics import cosine
from xssab_core.models.base import FaceModel, embed_batches
from xssab_core.progress import Progress, State
from xssab_core.work.beforehand import OCCLUSIONS, digest_of, read_numbers, shipped

OCCLUDERS = (7, 14, 28)
STRIDE = 5

_TITLES = {
    1: "xFace 1 (occluded against all occluded partners)",
    2: "xFace 2 (occluded against the clean partner)",
    3: "xFace 3 (both occluded at the same place)",
}


@dataclass(frozen=True)
class Occluder:
    """A black square, rows top..bottom and columns left..right, ends exclusive.

    Attributes:
        size: p, the nominal side that the map is divided by; the square itself may be one pixel larger.
    """

    size: int
    top: int
    left: int
    bottom: int
    right: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of its pixels in an (S, S, ...) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def occluders(side: int, sizes: tuple[int, ...], stride: int, exact_reference: bool) -> tuple[Occluder, ...]:
    """All squares for a crop of `side` pixels, size by size, row by row, at `arange(0, side - p, stride)`.

    A crop of 112 px and the published parameters give 441 + 400 + 289 = 1,130 squares. The reference code draws with
    `cv2.rectangle`, whose far edge belongs to the rectangle: with `exact_reference` the sides are p + 1.
    """
    return tuple(
        Occluder(p, y, x, y + p + exact_reference, x + p + exact_reference)
        for p in sizes
        for y in range(0, side - p, stride)
        for x in range(0, side - p, stride)
    )


def stages(squares: Sequence[Occluder], stride: int) -> list[list[int]]:
    """The numbers of the squares in the order of looking, so that few show at once what the others refine: the largest
    first, and of each size those on every fourth place, then every second, then all; not where that would leave gaps.

    With the published parameters 25, 56, 208, 100, 300 and 441 squares.
    """
    found = []
    for size in sorted({square.size for square in squares}, reverse=True):
        left = [number for number, square in enumerate(squares) if square.size == size]
        for step in (4 * stride, 2 * stride, stride):
            if stride < step and size < step:
                continue
            here = [n for n in left if squares[n].top % step == 0 and squares[n].left % step == 0]
            left = sorted(set(left) - set(here))
            found.append(here)
    return [stage for stage in found if stage]


@dataclass(frozen=True, eq=False)
class OccludedEmbeddings(Evidence):
    """What the model says of both faces under squares, all or those looked at so far; shared by the three variants.

    Attributes:
        occluded: float32 (2, K, D), unit rows, probe first, in the order of `squares`.
        squares: the K squares.
        side: S of the crops.
    """

    occluded: np.ndarray
    squares: tuple[Occluder, ...]
    side: int


class XFace(Explainer[FaceModel, OccludedEmbeddings]):
    """Occlusion maps on the cosine distance 1 - cos of the embeddings, which is the distance behind this program's
    score (the formulas allow any distance; on unit embeddings half the squared Euclidean distance is the same).

    A map is positive where hiding the place made the faces less alike, so what was there was similar, and negative
    where it made them more alike. `similarity` and `dissimilarity` are the positive part and the size of the negative
    part of the combined map, so their difference is the combined map.

    Only embeddings are used. Occluded crops exist one batch at a time; only their embeddings are kept.

    Args:
        variant: 1, 2 or 3.
        exact_reference: draw squares of p + 1 pixels as the reference code does, which is what the benchmark runs.
        sizes, stride: p and s of the method.
    """

    grows = True

    def __init__(
        self,
        variant: int,
        exact_reference: bool = True,
        sizes: tuple[int, ...] = OCCLUDERS,
        stride: int = STRIDE,
    ) -> None:
        if variant not in _TITLES:
            raise ExplainError(f"There is no xFace {variant!r}; choose 1, 2 or 3.")
        self.variant, self.exact_reference = variant, exact_reference
        self.sizes, self.stride = sizes, stride
        self.evidence_kind = f"occlusions-{sizes}-{stride}-{exact_reference}"
        self.info = MethodInfo(
            id=f"xface{variant}",
            title=_TITLES[variant],
            reference="Knoche et al., Explainable Model-Agnostic Similarity and Confidence in Face Verification, "
            "WACV Workshops 2023",
            white_box=False,
            needs_training=False,
            forward_passes=self._passes(112),
            backward_passes=0,
            # Hiding the same place on both faces gives one number for both.
            joint=variant == 3,
            parameters={"sizes": list(sizes), "stride": stride, "exact_reference": exact_reference},
        )

    def passes(self, model: FaceModel) -> Passes:
        """More on larger crops: the squares are as large and as close on each."""
        return Passes(self._passes(model.info.template.size), 0)

    def _passes(self, side: int) -> int:
        """Of crops of that side; the clean faces are passes too."""
        return 2 * (len(occluders(side, self.sizes, self.stride, self.exact_reference)) + 1)

    def gather(
        self, model: FaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress
    ) -> OccludedEmbeddings:
        """One pass for each face under each square, in `stages`; at the end of a stage the evidence of the squares done
        by then is told. The model takes its device anew for every few batches."""
        side = len(probe)
        squares = occluders(side, self.sizes, self.stride, self.exact_reference)
        if not squares:
            raise ExplainError(f"Occluders of {self.sizes} pixels do not fit into crops of {side} pixels.")
        clean = model.embed(np.stack([probe, reference]))
        occluded = np.empty((2, len(squares), clean.shape[1]), dtype=np.float32)
        known: list[int] = []
        done, total, started = 0, 2 * len(squares), time.perf_counter()
        for stage in stages(squares, self.stride):
            known = sorted([*known, *stage])
            for group, rows in self._embedded(model, (probe, reference), squares, stage):
                occluded[group] = rows
                done, partial = done + len(rows), None
                if done == 2 * len(known):
                    partial = OccludedEmbeddings(clean, occluded[:, known], tuple(squares[n] for n in known), side)
                left = (time.perf_counter() - started) / done * (total - done)
                progress(State(done, total, "forward passes", left, partial))
        return OccludedEmbeddings(clean, occluded, squares, side)

    def known(self, model: FaceModel, probe: np.ndarray, reference: np.ndarray) -> OccludedEmbeddings | None:
        """The occlusions of sample photographs."""
        digests = digest_of(probe), digest_of(reference)
        found = read_numbers(shipped(OCCLUSIONS, model.info.id), model.weights_sha256, self.evidence_kind, digests)
        if found is None:
            return None
        rows = np.stack(found)
        squares = occluders(len(probe), self.sizes, self.stride, self.exact_reference)
        return OccludedEmbeddings(rows[:, 0], rows[:, 1:], squares, len(probe))

    def _embedded(
        self, model: FaceModel, crops: tuple[np.ndarray, np.ndarray], squares: tuple[Occluder, ...], stage: list[int]
    ) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        """(faces and numbers of the squares of a batch, unit embeddings), for the squares of a stage on both faces."""
        faces, numbers = np.repeat((0, 1), len(stage)), np.tile(stage, 2)
        batches = [slice(start, start + model.batch_size) for start in range(0, len(faces), model.batch_size)]

        def hidden(batch: slice) -> np.ndarray:
            made = np.stack([crops[face] for face in faces[batch]])
            for crop, number in zip(made, numbers[batch], strict=True):
                crop[squares[number].window] = 0
            return made

        rows = embed_batches(model, map(hidden, batches))
        return zip(((faces[batch], numbers[batch]) for batch in batches), rows, strict=True)

    def numbers(self, model: FaceModel, evidence: OccludedEmbeddings, threshold: float) -> dict[str, float]:
        """The method's confidence in the decision; none for a model without a calibration."""
        known, score = confidence_of(model.info.id, model.weights_sha256), cosine(*evidence.embeddings)
        return {} if known is None else {CONFIDENCE: known.of_decision(score, threshold)}

    def attribute(
        self, model: FaceModel, evidence: OccludedEmbeddings, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of the threshold."""
        clean, occluded = evidence.embeddings.astype(np.float64), evidence.occluded.astype(np.float64)
        sizes, faces = sorted({square.size for square in evidence.squares}), []
        for face in (0, 1):
            each = [self._map_of_size(evidence, clean, occluded, face, size, blur) for size in sizes]
            faces.append(FaceMaps.signed(np.mean(each, axis=0)))
        return faces[0], faces[1]

    def _map_of_size(
        self,
        evidence: OccludedEmbeddings,
        clean: np.ndarray,
        occluded: np.ndarray,
        face: int,
        size: int,
        blur: bool,
    ) -> np.ndarray:
        """float32 (S, S): mean over the squares of one size of (1 - m) * (d_occ - d_0) / p^2, then the blur."""
        chosen = [index for index, square in enumerate(evidence.squares) if square.size == size]
        own, partner = occluded[face][chosen], occluded[1 - face][chosen]
        if self.variant == 1:
            # The mean cosine to all partners is the cosine-like product with their mean.
            cosines = own @ partner.mean(axis=0)
        elif self.variant == 2:
            cosines = own @ clean[1 - face]
        else:
            cosines = (own * partner).sum(axis=1)
        deviations = clean[0] @ clean[1] - cosines  # (1 - cos_occ) - (1 - cos_0)
        total = np.zeros((evidence.side, evidence.side))
        for index, deviation in zip(chosen, deviations, strict=True):
            total[evidence.squares[index].window] += deviation
        values = np.asarray(total / (len(chosen) * size**2), dtype=np.float32)
        return gaussian_blur(values) if blur else values
