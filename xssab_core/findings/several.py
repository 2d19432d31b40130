"""Several photographs of one person a side: the score of their means, and which photograph carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xssab_core.errors import DataError, ModelError
from xssab_core.faces import SIDES, AlignedFace, Pair
from xssab_core.findings.passes import embed_each
from xssab_core.metrics import compared, cosine, counted
from xssab_core.models import FaceModel, Threshold

MOST_PHOTOGRAPHS = 8
# Photographs beside those of a pair, by the names of `SIDES`.
Further = Mapping[str, Sequence[AlignedFace]]
_OF_SINGLE_PAIRS = "The threshold and its error rates are those of pairs of single photographs, not of means."


@dataclass(frozen=True, eq=False)
class Photographs:
    """The photographs of one side.

    Attributes:
        names: of the files.
        embeddings: float (n, D), rows of unit length.
    """

    names: tuple[str, ...]
    embeddings: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """float64 (D,): the mean embedding, of unit length."""
        return _unit(self.embeddings.astype(np.float64).mean(0))

    def without(self, number: int) -> Photographs:
        """All but one of them."""
        return Photographs(self.names[:number] + self.names[number + 1 :], np.delete(self.embeddings, number, axis=0))


@dataclass(frozen=True, eq=False)
class Several:
    """Two sides of photographs, each of one person, compared by the means of their embeddings.

    Attributes:
        probe, reference: the photographs of each side.
        threshold: th_d; the decision is on the score of the means.
    """

    probe: Photographs
    reference: Photographs
    threshold: Threshold

    def by_side(self) -> Iterator[tuple[str, Photographs]]:
        """The sides by the names of `SIDES`."""
        return zip(SIDES, (self.probe, self.reference), strict=True)

    @property
    def score(self) -> float:
        """Cosine of the two means, -1..1."""
        return cosine(self.probe.mean, self.reference.mean)

    @property
    def is_match(self) -> bool:
        """The decision on it."""
        return self.threshold.is_match(self.score)

    @property
    def singles(self) -> np.ndarray:
        """float64 (n, m): cosine of each photograph of the probe with each of the reference."""
        rows, columns = (side.embeddings.astype(np.float64) for side in (self.probe, self.reference))
        return np.asarray(np.clip(rows @ columns.T, -1.0, 1.0))

    def own(self, side: str) -> np.ndarray:
        """float64 (n,): the score of each photograph of a side with the mean of the other side."""
        photographs, other = self._sides(side)
        return np.array([cosine(row, other.mean) for row in photographs.embeddings])

    def without(self, side: str) -> np.ndarray:
        """float64 (n,): the score of the means without each photograph of a side; NaN where it is the only one."""
        photographs, other = self._sides(side)
        count = len(photographs.names)
        if count == 1:
            return np.array([np.nan])
        return np.array([cosine(photographs.without(number).mean, other.mean) for number in range(count)])

    def carrier(self, side: str) -> int | None:
        """The photograph of a side that speaks most for the decision: without it the score moves farthest towards the
        other one. None where there is one photograph, or none that does."""
        moved = (self.score - self.without(side)) * (1 if self.is_match else -1)
        return int(np.argmax(moved)) if len(moved) > 1 and moved.max() > 0 else None

    def _sides(self, side: str) -> tuple[Photographs, Photographs]:
        return (self.probe, self.reference) if side == SIDES[0] else (self.reference, self.probe)

    def sentences(self) -> tuple[str, ...]:
        """What the numbers say."""
        return (self._on_means(), *self._on_singles(), *self._on_carriers(), _OF_SINGLE_PAIRS)

    def _on_means(self) -> str:
        shown = compared(self.score, self.threshold.value)
        counts = " and ".join(
            f"{counted(len(found.names), 'photograph')} of the {side}" for side, found in self.by_side()
        )
        decision = "a match" if self.is_match else "a non-match"
        return f"The means of {counts} score {shown.score}, {decision} at the threshold of {shown.threshold}."

    def _on_singles(self) -> Iterator[str]:
        singles = self.singles
        if singles.size > 1:
            matches = int((singles >= self.threshold.value).sum())
            yield (
                f"The {counted(singles.size, 'pair')} of single photographs score {singles.min():z.4f} to "
                f"{singles.max():z.4f}; {matches} of them match."
            )

    def _on_carriers(self) -> Iterator[str]:
        for side, photographs in self.by_side():
            number = self.carrier(side)
            if number is not None:
                score = float(self.without(side)[number])
                turns = "" if self.threshold.is_match(score) == self.is_match else ", which turns the decision"
                yield (
                    f"{photographs.names[number]} carries the decision most on the side of the {side}: without it the "
                    f"means score {score:z.4f} ({score - self.score:+z.4f}){turns}."
                )

    def record(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "score": self.score,
            "threshold": self.threshold.value,
            "decision": "match" if self.is_match else "non-match",
            "singles": self.singles.tolist(),
            **{side: self._record(side, photographs) for side, photographs in self.by_side()},
            "sentences": list(self.sentences()),
        }

    def _record(self, side: str, photographs: Photographs) -> list[dict[str, Any]]:
        numbers = zip(photographs.names, self.own(side).tolist(), self.without(side).tolist(), strict=True)
        carrier = self.carrier(side)
        return [
            {
                "file": name,
                "score": own,
                "score_without": None if np.isnan(without) else without,
                "carries": number == carrier,
            }
            for number, (name, own, without) in enumerate(numbers)
        ]


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        raise ModelError("The embeddings of one side cancel each other out. Its photographs have no mean; use fewer.")
    return np.asarray(vector / length)


def sides_of(pair: Pair, further: Further) -> tuple[list[AlignedFace], list[AlignedFace]]:
    """All faces of the probe and of the reference, those of the pair first."""
    probe, reference = ([face, *further.get(side, ())] for side, face in pair.by_side())
    return probe, reference


def compare_several(
    model: FaceModel,
    probe: Sequence[AlignedFace],
    reference: Sequence[AlignedFace],
    threshold: Threshold,
    embed: Callable[[Sequence[np.ndarray]], np.ndarray] | None = None,
) -> Several:
    """Compare two sides of up to eight photographs each, by the normalised means of their unit embeddings.

    Args:
        model: whose score it is.
        probe, reference: the face of each photograph; those of a side are taken to show one person.
        threshold: decides on the score of the means.
        embed: uint8 (S, S, 3) crops -> float (n, D) unit embeddings; the model itself unless given.

    Raises:
        DataError: a side has no photograph, more than eight, or one of them twice.
        ModelError: as the model raises, and where embeddings cancel each other out.
    """
    embed = embed or (lambda crops: np.stack(list(embed_each(model, crops))))
    sides = [_embedded(model, side, faces, embed) for side, faces in zip(SIDES, (probe, reference), strict=True)]
    return Several(sides[0], sides[1], threshold)


def _embedded(
    model: FaceModel, side: str, faces: Sequence[AlignedFace], embed: Callable[[Sequence[np.ndarray]], np.ndarray]
) -> Photographs:
    _check(side, faces)
    rows = embed([face.crop_for(model.info.template) for face in faces])
    return Photographs(tuple(face.photo.name for face in faces), rows)


def _check(side: str, faces: Sequence[AlignedFace]) -> None:
    if not 1 <= len(faces) <= MOST_PHOTOGRAPHS:
        raise DataError(f"{counted(len(faces), 'photograph')} on the side of the {side}. Give 1 to {MOST_PHOTOGRAPHS}.")
    known: set[object] = set()
    for face in faces:
        if face.photo.sha256 in known:
            raise DataError(f"{face.photo.name} is there twice on the side of the {side}. Give each photograph once.")
        known.add(face.photo.sha256)
