"""The region ledger: what a map holds each region responsible for, beside what hiding the region does."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from xssab_core.explain import CAUTION, Explanation
from xssab_core.explain.base import blurred
from xssab_core.explain.peers.affine import AffineHead, CellShares, pixel_margins
from xssab_core.faces import SIDES, Pair
from xssab_core.findings.passes import embed_each
from xssab_core.findings.regions import Regions, regions_of
from xssab_core.metrics import compared, cosine, cosines, signed_percent
from xssab_core.models.base import FaceModel
from xssab_core.progress import Progress, State, ignore
from xssab_core.replay.dpr import ranking_map

HIDDEN_ON = (*SIDES, "both")
FILL = "the same crop, blurred by a Gaussian of a tenth of its side"
_AFFINE = AffineHead()


@dataclass(frozen=True, eq=False)
class Measured:
    """What is found out about the regions of a pair; neither map nor threshold plays a part.

    Attributes:
        regions: of the model's template, the same on both faces.
        score: of the two crops as they are, in passes like those of `hidden`.
        hidden: float64 (R, 3), score with a region hidden on the probe, on the reference, and on both.
        cells: exact shares of the cells of the last grid; None for a model without an affine head.
    """

    regions: Regions
    score: float
    hidden: np.ndarray
    cells: CellShares | None


@dataclass(frozen=True, eq=False)
class Ledger:
    """A map and measurements, region by region. R regions; faces in the order of `SIDES`.

    Attributes:
        explanation: whose map it is, and whose threshold.
        measured: what hiding does.
        sums: float64 (2, R), sum of the map of each face over each region.
        weights: float64 (2,), sum of |map| over each face.
        exact: float64 (2, R), what each region adds to score minus threshold, which each row sums to; None for a model
            without an affine head.
    """

    explanation: Explanation
    measured: Measured
    sums: np.ndarray
    weights: np.ndarray
    exact: np.ndarray | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the regions."""
        return self.measured.regions.names

    @property
    def shares(self) -> np.ndarray:
        """float64 (2, R), -1..1: `sums` as parts of `weights`; 0 for a map of zeros."""
        return np.asarray(self.sums / np.where(self.weights > 0, self.weights, 1.0)[:, None])

    @property
    def changes(self) -> np.ndarray:
        """float64 (R, 3): by how much hiding a region moves the score, on each of `HIDDEN_ON`."""
        return np.asarray(self.measured.hidden - self.measured.score)

    @property
    def flips(self) -> np.ndarray:
        """bool (R, 3): whether hiding a region turns the decision."""
        is_match = self.explanation.threshold.is_match
        return np.asarray(
            [[is_match(score) != is_match(self.measured.score) for score in row] for row in self.measured.hidden]
        )

    def record(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        return {
            "method": self.explanation.method.id,
            "threshold": self.explanation.threshold.value,
            "score": self.measured.score,
            "fill": FILL,
            "map_share_sum": dict(zip(SIDES, self.shares.sum(axis=1).tolist(), strict=True)),
            "exact_sum": None if self.exact is None else dict(zip(SIDES, self.exact.sum(axis=1).tolist(), strict=True)),
            "regions": [self._row(number) for number in range(len(self.names))],
        }

    def _row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {"region": self.names[number], "pixels": int(self.measured.regions.pixels[number])}
        for face, side in enumerate(SIDES):
            row[f"{side}_map_sum"] = float(self.sums[face, number])
            row[f"{side}_map_share"] = float(self.shares[face, number])
            row[f"{side}_exact"] = None if self.exact is None else float(self.exact[face, number])
        for place, where in enumerate(HIDDEN_ON):
            row[f"hidden_{where}_score"] = float(self.measured.hidden[number, place])
            row[f"hidden_{where}_change"] = float(self.changes[number, place])
            row[f"hidden_{where}_flips"] = bool(self.flips[number, place])
        return row

    def csv(self) -> bytes:
        """One line a region, after lines that begin with # and say what they are; what is unknown is left empty."""
        about, text = self.explanation, io.StringIO()
        text.write(f"# {CAUTION}\n")
        text.write(f"# model {about.model.id}, weights {about.weights_sha256}\n")
        text.write(f"# method {about.method.id}, blur {about.blur}, threshold {about.threshold.value}\n")
        text.write(f"# hidden regions are replaced by {FILL}\n")
        rows = self.record()["regions"]
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()

    def sentences(self) -> list[str]:
        """What the numbers say."""
        return [*self._on_shares(), *self._on_changes(), *self._on_exact()]

    def _on_shares(self) -> Iterator[str]:
        title = self.explanation.method.short_title
        for side, shares in zip(SIDES, self.shares, strict=True):
            high, low = int(shares.argmax()), int(shares.argmin())
            yield (
                f"{title} on the {side} gives its highest share to {_the(self.names[high])} "
                f"({signed_percent(shares[high])}), its lowest to {_the(self.names[low])} "
                f"({signed_percent(shares[low])}); all regions add up to {signed_percent(shares.sum())}."
            )

    def _on_changes(self) -> Iterator[str]:
        said = []
        for where, changes in zip(HIDDEN_ON, self.changes.T, strict=True):
            most = int(np.abs(changes).argmax())
            faces = "both faces" if where == "both" else f"the {where}"
            said.append(f"at {_the(self.names[most])} on {faces} ({changes[most]:+z.4f})")
        yield f"Hiding one region at a time moves the score of {self.measured.score:.4f} most {_listed(said)}."
        flips = [f"{self.names[n]} ({HIDDEN_ON[place]})" for n, place in np.argwhere(self.flips)]
        if flips:
            yield f"Hiding one region turns the decision in {len(flips)} of {self.flips.size} cases: {_listed(flips)}."
        else:
            yield f"Hiding one region turns the decision in none of {self.flips.size} cases."

    def _on_exact(self) -> Iterator[str]:
        if self.exact is None:
            return
        margin = compared(self.explanation.score, self.explanation.threshold.value).margin
        for side, exact in zip(SIDES, self.exact, strict=True):
            high, low = int(exact.argmax()), int(exact.argmin())
            yield (
                f"By the last grid of the network, the largest part of score minus threshold ({margin}) on the {side} "
                f"is that of {_the(self.names[high])} ({exact[high]:+z.4f}), the smallest that of "
                f"{_the(self.names[low])} ({exact[low]:+z.4f})."
            )


def measure(model: FaceModel, pair: Pair, progress: Progress = ignore) -> Measured:
    """Hide each region of a pair: a pass for each region of each face and for each face as it is; where the head is
    affine, a forward pass and a gradient of the head a face on top.

    Args:
        model: any; a black box has no exact shares.
        pair: the faces.
        progress: told of each pass; may raise CancelledError.

    Raises:
        ModelError: an embedding that cannot be used.
    """
    regions, crops = regions_of(model.info.template), pair.crops_for(model.info.template)
    masks = [regions.mask(number) for number in range(len(regions.names))]
    pictures = [picture for crop in crops for picture in (crop, *(hidden(crop, mask) for mask in masks))]
    rows: list[np.ndarray] = []
    for row in embed_each(model, pictures):
        rows.append(row)
        progress(State(len(rows), len(pictures), "pictures"))
    (probe, *probes), (reference, *references) = np.split(np.stack(rows), 2)
    scores = [
        cosines(np.stack(probes), reference),
        cosines(np.stack(references), probe),
        cosines(np.stack(probes), np.stack(references)),
    ]
    cells = None if _AFFINE.unavailable(model) else _AFFINE.examine(model, *crops)
    return Measured(regions, cosine(probe, reference), np.stack(scores, axis=1), cells)


def ledger(
    model: FaceModel,
    pair: Pair,
    explanation: Explanation,
    progress: Progress = ignore,
    measured: Measured | None = None,
) -> Ledger:
    """The region ledger of an explained pair.

    Args:
        model: the model that `explanation` is of.
        pair: the faces that `explanation` is of.
        explanation: whose maps are divided, and whose threshold decides.
        progress: told of each pass; may raise CancelledError.
        measured: what `measure` returned for this pair before, to divide another map or decide at another threshold
            without a pass.

    Raises:
        DataError: the explanation has no map of a face.
        ModelError: an embedding that cannot be used.
    """
    measured = measured or measure(model, pair, progress)
    maps = [ranking_map(maps) for _, maps in explanation.by_side()]
    exact = None
    if measured.cells is not None:
        margins = pixel_margins(measured.cells, explanation.threshold.value, len(maps[0]))
        exact = np.stack([measured.regions.sums(values) for values in margins])
    return Ledger(
        explanation,
        measured,
        np.stack([measured.regions.sums(values) for values in maps]),
        np.array([np.abs(values).sum(dtype=np.float64) for values in maps]),
        exact,
    )


def hidden(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) crop whose pixels under a bool (S, S) mask are those of its blurred copy."""
    return np.where(mask[:, :, None], blurred(crop), crop)


def _the(name: str) -> str:
    return f"what lies {name}" if name.startswith("outside") else f"the {name}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
