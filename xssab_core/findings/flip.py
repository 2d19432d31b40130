"""What would flip it: the fewest pixels, in the order of a map, whose replacement turns the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median
from threading import Lock
from typing import Any, Literal

import numpy as np

from xssab_core.device import side_by_side
from xssab_core.explain import Explanation
from xssab_core.explain.base import blurred
from xssab_core.faces import Pair
from xssab_core.findings.passes import at_once, embed_each
from xssab_core.metrics import compared, cosine, counted, percent
from xssab_core.models.base import FaceModel, Threshold, TorchFaceModel
from xssab_core.progress import Progress, State, ignore
from xssab_core.replay import dpr
from xssab_core.replay.case import random_order

Fill = Literal["blur", "partner"]
FILLS: dict[Fill, str] = {"blur": "its blurred copy", "partner": "the reference at the same place"}
ORDERS = 5


@dataclass(frozen=True)
class Crossing:
    """Where the decision turns: `pixels` replaced pixels turn it, one fewer does not.

    Attributes:
        pixels: how many, at least 1.
        before, after: the scores with one pixel fewer and with all of them.
    """

    pixels: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class FlipSet:
    """The pixels of the probe whose replacement turns the decision.

    Attributes:
        explanation: whose map orders the pixels, and whose threshold decides.
        fill: what replaces them.
        order: int64 (S * S,) flat pixel numbers, the first to be replaced first.
        scores: float64 (21,), the score at each step of 5 %.
        crossing: the first one among these steps; None where the decision is the same at all of them.
        changed: uint8 (S, S, 3), the probe with the pixels of the crossing replaced; None where there is none.
        random: pixels that each of the first `ORDERS` random orders of a replay takes, None where it turns nothing.
    """

    explanation: Explanation
    fill: Fill
    order: np.ndarray
    scores: np.ndarray
    crossing: Crossing | None
    changed: np.ndarray | None
    random: tuple[int | None, ...]

    @property
    def share(self) -> float | None:
        """Of the pixels of the crop, 0..1."""
        return None if self.crossing is None else self.crossing.pixels / len(self.order)

    @property
    def mask(self) -> np.ndarray | None:
        """bool (S, S): the pixels that are replaced; None where nothing turns the decision."""
        if self.crossing is None:
            return None
        size = self.explanation.model.template.size
        mask = np.zeros(size * size, dtype=bool)
        mask[self.order[: self.crossing.pixels]] = True
        return mask.reshape(size, size)

    @property
    def stays(self) -> bool:
        """Whether the decision changes at most once over the steps. Where it does more often, `crossing` is the first
        of several."""
        decisions = self._decisions
        return int((decisions[1:] != decisions[:-1]).sum()) <= 1

    @property
    def _decisions(self) -> np.ndarray:
        return np.asarray(self.scores >= self.explanation.threshold.value)

    def record(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        found = self.crossing
        return {
            "method": self.explanation.method.id,
            "threshold": self.explanation.threshold.value,
            "replaced_by": FILLS[self.fill],
            "pixels": None if found is None else found.pixels,
            "share": self.share,
            "score_before": None if found is None else found.before,
            "score_after": None if found is None else found.after,
            "scores_at_steps_of_5_percent": self.scores.tolist(),
            "changes_once": self.stays,
            "random_pixels": list(self.random),
        }

    def sentences(self) -> list[str]:
        """What the numbers say."""
        return [self._on_crossing(), self._on_random()]

    def _on_crossing(self) -> str:
        title, threshold = self.explanation.order_title, self.explanation.threshold.value
        before, after = ("match", "non-match")[:: 1 if self._decisions[0] else -1]
        by = f"by {FILLS[self.fill]}, in the order of {title},"
        if self.crossing is None:
            first, last = (compared(score, threshold) for score in self.scores[[0, -1]])
            return (
                f"Nothing flips: replacing pixels of the probe {by} leaves a {before} at every step of 5\u00a0%, "
                f"up to all of them (score {first.score}, in the end {last.score}; threshold {last.threshold})."
            )
        with_fewer, with_all = (compared(score, threshold) for score in (self.crossing.before, self.crossing.after))
        told = (
            f"Replacing {counted(self.crossing.pixels, 'pixel')} of the probe ({percent(self.share or 0, 1)}) {by} "
            f"turns the {before} into a {after} (score {with_all.score}, threshold {with_all.threshold}); one pixel "
            f"fewer does not ({with_fewer.score})."
        )
        return (
            told
            if self.stays
            else f"{told} This is the first of several crossings: with more pixels the decision turns back."
        )

    def _on_random(self) -> str:
        total = counted(len(self.random), "random order")
        found = sorted(pixels for pixels in self.random if pixels is not None)
        if not found:
            return f"None of {total} turns it."
        middle = counted(round(median(found)), "pixel")
        return (
            f"{len(found)} of {total} {'turns' if len(found) == 1 else 'turn'} it, with {middle} in the median "
            f"({found[0]:,} to {found[-1]:,})."
        )


def telling_fill(explanation: Explanation) -> Fill:
    """What is likely to turn a decision: blurring seldom makes a match, the partner's pixels never a non-match."""
    return "blur" if explanation.is_match else "partner"


def flip_set(
    model: FaceModel,
    pair: Pair,
    explanation: Explanation,
    fill: Fill = "blur",
    progress: Progress = ignore,
    known: Sequence[np.ndarray] = (),
) -> FlipSet:
    """Find the first crossing among steps of 5 % and, by bisection, the pixel at which it lies.

    A score need not move one way only while pixels are replaced, so this is a crossing with a checked property, not
    the least number there can be: these pixels turn the decision and all but the last of them do not. Both were
    embedded, each in a pass of its own (see `embed_each`).

    Args:
        model: the model that `explanation` is of.
        pair: the faces that `explanation` is of.
        explanation: whose map of the probe orders the pixels as in a replay, and whose threshold decides.
        fill: "blur" replaces pixels of the probe by its blurred copy, "partner" by those of the reference.
        progress: told before each pass how many orders are done; may raise CancelledError.
        known: float64 (21,) scores of the first random orders at these steps, where a replay with the same fill found
            them already.

    Raises:
        DataError: the explanation has no map of the probe.
        ModelError: an embedding that cannot be used.
    """
    probe, reference = pair.crops_for(model.info.template)
    end, partner = blurred(probe) if fill == "blur" else reference, next(embed_each(model, [reference]))
    method, steps = explanation.method, dpr.step_counts(len(probe))
    order = dpr.pixel_order(dpr.ranking_map(explanation.probe), explanation.is_match, method.cells, method.attention)
    orders = [order, *(random_order(len(probe), number) for number in range(ORDERS))]
    done, telling = list[Crossing | None](), Lock()

    def tell() -> None:
        with telling:
            progress(State(len(done), len(orders), "orders"))

    way, *others = (_Way(model, probe, end, each, partner, explanation.threshold, tell) for each in orders)
    scores = np.array(list(way.scores(steps)))

    def crossing_of(task: tuple[_Way, np.ndarray | None]) -> Crossing | None:
        each, seen = task
        found = each.first_crossing(steps, each.scores(steps) if seen is None else seen)
        done.append(found)
        tell()
        return found

    # Each pass of a bisection waits for the one before it, so it is the orders that are taken at once.
    tasks = [(way, scores), *zip_longest(others, known[:ORDERS])]
    is_network = isinstance(model, TorchFaceModel)
    crossing, *at_random = side_by_side(crossing_of, tasks) if is_network else map(crossing_of, tasks)
    changed = None if crossing is None else way.picture(crossing.pixels)
    random = tuple(None if each is None else each.pixels for each in at_random)
    return FlipSet(explanation, fill, order, scores, crossing, changed, random)


_Counted = tuple[int, float]
"""How many pixels are replaced, and the score."""


@dataclass(frozen=True, eq=False)
class _Way:
    """The replacement of one picture by another in one order, seen by a partner's embedding; `before_each` is called
    before each pass."""

    model: FaceModel
    start: np.ndarray
    end: np.ndarray
    order: np.ndarray
    partner: np.ndarray
    threshold: Threshold
    before_each: Callable[[], None]

    def picture(self, count: int) -> np.ndarray:
        """uint8 (S, S, 3) with so many pixels replaced."""
        return np.asarray(dpr.frames(self.start, self.end, self.order, np.array([count]))[0])

    def scores(self, counts: Iterable[int]) -> Iterator[float]:
        """Of these pictures, each embedded when it is asked for."""
        for row in embed_each(self.model, map(self._asked_for, counts)):
            yield cosine(row, self.partner)

    def _asked_for(self, count: int) -> np.ndarray:
        self.before_each()
        return self.picture(count)

    def first_crossing(self, steps: np.ndarray, scores: Iterable[float]) -> Crossing | None:
        """Divide the first step that is decided otherwise than the one before it, until it is one pixel; no score of a
        later step is asked for."""
        found = self._first_turn(zip(steps.tolist(), scores, strict=True))
        while found is not None and found[1][0] - found[0][0] > 1:
            (few, _), (many, _) = found
            parts = min(at_once(self.model) + 1, many - few)
            inside = np.linspace(few, many, parts + 1)[1:-1].round().astype(int).tolist()
            found = self._first_turn([found[0], *zip(inside, self.scores(inside), strict=True), found[1]])
        return None if found is None else Crossing(found[1][0], float(found[0][1]), float(found[1][1]))

    def _first_turn(self, counted: Iterable[_Counted]) -> tuple[_Counted, _Counted] | None:
        """The first two neighbours that are decided otherwise."""
        is_match = self.threshold.is_match
        return next((both for both in pairwise(counted) if is_match(both[0][1]) != is_match(both[1][1])), None)
