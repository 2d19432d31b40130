"""Where a figure falls among the faces of LFW, and what that says to a reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from xssab_core.faces import AlignedFace
from xssab_core.files import decoded
from xssab_core.models.base import FaceModel
from xssab_core.paths import ASSETS
from xssab_core.quality.departure import departure
from xssab_core.quality.figures import KINDS, Kind, measure

# Beyond this share of LFW's faces, at an end where a figure is worse, it is pointed out.
NOTABLE = 0.95
# No difference between the colours of a pixel, but for what compression makes of one.
_GREYSCALE = 1.0
# All of LFW has one JPEG quality; by this one compression shows.
_STRONGLY = 50
DEPARTURE = "departure"
_KINDS = KINDS | {
    DEPARTURE: Kind(
        "Departure from the model's statistics",
        "",
        2,
        "high",
        "How far the face's activations lie from the means and variances that the network's batch normalisations keep.",
    )
}
_Quantiles = Annotated[tuple[float, ...], Meta(min_length=2, max_length=1001)]


class Among(Struct, frozen=True):
    """The faces that figures are held against.

    Attributes:
        data_set: what they are, as a phrase.
        faces: how many.
        quantiles: of each figure, at equal steps from its least to its largest value.
        departure: the same of the departure, by the SHA-256 of the model's weights.
    """

    data_set: str
    faces: int
    quantiles: dict[str, _Quantiles]
    departure: dict[str, _Quantiles]


@cache
def among_lfw() -> Among:
    """The table that ships, made by measurements/quality.py."""
    return decoded((ASSETS / "quality" / "lfw.json").read_bytes(), Among)


def spread_of(name: str) -> float:
    """How far apart the 5th and the 95th of 100 of LFW's faces are in a figure; 1 where they are not, or not known."""
    table = among_lfw()
    steps = {**table.quantiles, DEPARTURE: next(iter(table.departure.values()))}.get(name, (0.0, 1.0))
    low, high = np.quantile(steps, [0.05, 0.95])
    return float(high - low) or 1.0


@dataclass(frozen=True)
class Reading:
    """A figure of a face.

    Attributes:
        kind: what it is.
        value: the number.
        below, at_most: share of LFW's faces with a lower value, and with one that is no higher; None where not known.
    """

    kind: Kind
    value: float
    below: float | None
    at_most: float | None

    @property
    def shown(self) -> str:
        """The value with its unit."""
        number = f"{self.value:z.{self.kind.digits}f}"
        return f"{number}\u00a0{self.kind.unit}" if self.kind.unit else number

    @property
    def share(self) -> float | None:
        """Share of LFW's faces below it, of those with the same value half."""
        return None if self.below is None or self.at_most is None else (self.below + self.at_most) / 2

    @property
    def standing(self) -> str:
        """Where it falls, as a phrase."""
        if self.below is None or self.at_most is None or self.share is None:
            return "not known"
        if self.at_most - self.below > 0.5:
            return "as most"
        if self.share in (0, 1):
            return "higher than all" if self.share else "lower than all"
        most = min(99, round(100 * max(self.share, 1 - self.share)))
        return f"{'higher' if self.share >= 0.5 else 'lower'} than {most}\u00a0%"

    @property
    def is_notable(self) -> bool:
        """Whether it lies where few of LFW's faces do, at an end that makes a face hard to compare."""
        if self.share is None:
            return False
        low, high = self.share < 1 - NOTABLE, self.share > NOTABLE
        return (low and self.kind.worse in ("low", "both")) or (high and self.kind.worse in ("high", "both"))


def figures(face: AlignedFace, model: FaceModel) -> dict[str, float]:
    """The figures of a face by name, with the model's departure where it has one."""
    found, apart = measure(face), departure(model, face.crop_for(model.info.template))
    return found if apart is None else found | {DEPARTURE: apart}


def readings(found: Mapping[str, float], weights_sha256: str) -> tuple[Reading, ...]:
    """Figures as they are said, each beside the faces of LFW; names that are not known are left out.

    Args:
        found: from `figures`.
        weights_sha256: of the model whose departure is among them.
    """
    table = among_lfw()
    quantiles = {**table.quantiles, DEPARTURE: table.departure.get(weights_sha256, ())}
    return tuple(
        Reading(kind, found[name], *_shares(found[name], quantiles.get(name, ())))
        for name, kind in _KINDS.items()
        if name in found
    )


def _shares(value: float, quantiles: tuple[float, ...]) -> tuple[float | None, float | None]:
    """Shares below and at most a value, by quantiles at equal steps; None without any."""
    if not quantiles:
        return None, None
    steps, last = np.array(quantiles), len(quantiles) - 1
    first, behind = (int(np.searchsorted(steps, value, side)) for side in ("left", "right"))
    if first == behind:  # between two of them, or beyond all
        share = float(np.interp(value, steps, np.arange(last + 1) / last))
        return share, share
    return first / last, (behind - 1) / last


def sentences(found: Iterable[Reading]) -> tuple[str, ...]:
    """What of the figures asks for care."""
    told = []
    for reading in found:
        if reading.kind is _KINDS["colour"] and reading.value < _GREYSCALE:
            told.append("The face is grey: it shows no colour.")
        elif reading.kind is _KINDS["jpeg_quality"] and reading.value < _STRONGLY:
            told.append(f"JPEG quality {reading.shown}: the file is strongly compressed.")
        elif reading.is_notable:
            told.append(f"{reading.kind.title} {reading.shown}: {reading.standing} of LFW's faces.")
    return tuple(told)
