"""A replay of one pair: what an explanation is worth, step by step (section 4.3 of the paper, for a single pair)."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from xssab_core.device import on_one_thread
from xssab_core.explain import CAUTION, Explanation
from xssab_core.explain.base import blurred
from xssab_core.faces import Pair, Template
from xssab_core.metrics import cosines, counted, percent
from xssab_core.models import FaceModel
from xssab_core.models.base import embed_batches
from xssab_core.patch_lfw.generator import PatchedFace
from xssab_core.progress import Progress, State, ignore
from xssab_core.replay import dpr
from xssab_core.replay.figure import replay_figure
from xssab_core.work.beforehand import RANDOM_ORDERS, digest_of, read_numbers, save_numbers, shipped

PERMUTATIONS = 20
Each = Callable[[Callable[[np.ndarray], np.ndarray], tuple[np.ndarray, np.ndarray]], Iterable[np.ndarray]]
_ORDERS = f"{PERMUTATIONS} orders, seed 0, {dpr.STEPS} steps"


@dataclass(frozen=True, eq=False)
class Case:
    """What a replay turns into what.

    Attributes:
        start: uint8 (S, S, 3) probe at 0 %, the picture that is explained.
        end: uint8 (S, S, 3) probe at 100 %: the original of a patched probe. Where there is none, the blurred probe
            (the deletion form).
        reference: uint8 (S, S, 3).
        mask: bool (S, S), True where a patch lies; None in the deletion form.
    """

    start: np.ndarray
    end: np.ndarray
    reference: np.ndarray
    mask: np.ndarray | None


def case_of(pair: Pair, template: Template) -> Case:
    """The case of a pair on a model's template: a patched probe goes back to its original, any other is blurred."""
    start, other = pair.crops_for(template)
    if isinstance(pair.probe, PatchedFace):
        return Case(start, pair.probe.original_for(template), other, pair.probe.mask_for(template))
    return Case(start, blurred(start), other, None)


@dataclass(frozen=True, eq=False)
class Line:
    """A case in the order of another explanation.

    Attributes:
        explanation: what orders the pixels.
        scores: float64 (steps,) at the shares of the replay beside which it stands.
    """

    explanation: Explanation
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class Replay:
    """A case under one explanation, in its order, in the inverse order, and in random orders.

    Attributes:
        case, explanation: what is replayed, and what orders the pixels.
        order: int64 (S * S,) flat pixel numbers, the first to be replaced first.
        counts: int64 (steps,) how many pixels are replaced at each step; random orders are pixel-wise and have the
            counts of `dpr.step_counts`.
        scores, inverse: float64 (steps,).
        random: float64 (permutations, steps), None while not computed.
        others: other methods on the same case.
    """

    case: Case
    explanation: Explanation
    order: np.ndarray
    counts: np.ndarray
    scores: np.ndarray
    inverse: np.ndarray
    random: np.ndarray | None = None
    others: tuple[Line, ...] = ()

    @property
    def cells(self) -> int | None:
        """Side of the grid whose cells move whole; None for pixel-wise methods."""
        return self.explanation.method.cells

    @property
    def shares(self) -> np.ndarray:
        """float64 (steps,) nominal share of replaced pixels, 0..1."""
        return np.linspace(0.0, 1.0, len(self.counts))

    def flip(self, scores: np.ndarray) -> int | None:
        """The first step with another decision than at the start; None when it stays."""
        decisions = scores >= self.explanation.threshold.value
        changed = np.flatnonzero(decisions != decisions[0])
        return int(changed[0]) if len(changed) else None

    def with_random(self, random: np.ndarray) -> Replay:
        """With the scores under random orders."""
        return replace(self, random=random)

    def with_others(self, others: Iterable[Line]) -> Replay:
        """With other methods on the same case."""
        return replace(self, others=tuple(others))

    def csv(self) -> bytes:
        """The curves, one line a step, after lines that begin with # and say what they are."""
        about, flip = self.explanation, self.flip(self.scores)
        kind = "the original" if self.case.mask is not None else "the blurred probe"
        text = io.StringIO()
        text.write(f"# {CAUTION}\n")
        text.write(f"# model {about.model.id}, weights {about.weights_sha256}\n")
        text.write(f"# method {about.method.id}, blur {about.blur}, threshold {about.threshold.value}\n")
        for line in self.others:
            other = line.explanation
            text.write(f"# column score_{other.method.id}: method {other.method.id}, blur {other.blur}\n")
        text.write(f"# pixels are replaced by {kind}\n")
        text.write(f"# the decision flips at step {flip}\n" if flip is not None else "# the decision stays the same\n")
        columns = {"step": np.arange(len(self.counts)), "share": self.shares, "pixels": self.counts}
        columns |= {"score": self.scores, "inverse": self.inverse}
        columns["match"] = (self.scores >= about.threshold.value).astype(int)
        if self.random is not None:
            columns |= {"random_mean": self.random.mean(0), "random_min": self.random.min(0)}
            columns["random_max"] = self.random.max(0)
        columns |= {f"score_{line.explanation.method.id}": line.scores for line in self.others}
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
        return text.getvalue().encode()

    def svg(self, title: str) -> bytes:
        """The curves as a figure, with a title of the pair and the caution below it."""
        about = self.explanation
        lines = {about.order_title: self.scores.tolist()}
        lines |= {line.explanation.order_title: line.scores.tolist() for line in self.others}
        random = [] if self.random is None else self.random.tolist()
        notes = (f"{title}; {about.model.title}", CAUTION)
        return replay_figure(lines, about.threshold.value, self.inverse.tolist(), random, notes).encode()


def play(embed: dpr.Embed, case: Case, explanation: Explanation, each: Each = map) -> Replay:
    """Replay a case in the order of an explanation of its start, and in the inverse order.

    Args:
        embed, case, explanation: whose passes, of what, in which order.
        each: applies a call to both orders, such as `side_by_side`.

    Raises:
        DataError: the explanation has no map of the probe that could order pixels.
    """
    order, counts = _order_of(case, explanation)

    def scores_in(order: np.ndarray) -> np.ndarray:
        return dpr.replayed_scores(embed, case.start, case.end, case.reference, order, counts)

    scores, inverse = each(scores_in, (order, order[::-1]))
    return Replay(case, explanation, order, counts, scores, inverse)


def play_another(embed: dpr.Embed, case: Case, explanation: Explanation) -> Line:
    """Replay a case in the order of another explanation of its start.

    Raises:
        DataError: as `play`.
    """
    order, counts = _order_of(case, explanation)
    return Line(explanation, dpr.replayed_scores(embed, case.start, case.end, case.reference, order, counts))


def _order_of(case: Case, explanation: Explanation) -> tuple[np.ndarray, np.ndarray]:
    """The order of the pixels, and how many are replaced at each step."""
    cells, attention = explanation.method.cells, explanation.method.attention
    order = dpr.pixel_order(dpr.ranking_map(explanation.probe), explanation.is_match, cells, attention)
    return order, dpr.step_counts(len(case.start), cells=cells)


def play_at_random(
    model: FaceModel, case: Case, seed: int = 0, progress: Progress = ignore, known: np.ndarray | None = None
) -> np.ndarray:
    """float64 (20, steps) scores of a case under independent random orders; those of the orders done so far are told
    after each. From `embed_batches`, so to about 1e-6 those of `dpr.replayed_scores`. `known` are those of the first
    orders, where a call before this one told them."""
    scores, started = np.empty((0, dpr.STEPS)) if known is None else known, time.perf_counter()
    beforehand = len(scores)
    if beforehand == PERMUTATIONS:
        return scores
    *ends, partner = on_one_thread(lambda: model.embed(np.stack([case.start, case.end, case.reference])))
    first, last = cosines(np.stack(ends), partner)  # in every order
    inside = dpr.step_counts(len(case.start))[1:-1]
    orders = (random_order(len(case.start), number, seed) for number in range(beforehand, PERMUTATIONS))
    for rows in embed_batches(model, (dpr.frames(case.start, case.end, order, inside) for order in orders)):
        scores = np.concatenate([scores, [[first, *cosines(rows, partner), last]]])
        left = (time.perf_counter() - started) / (len(scores) - beforehand) * (PERMUTATIONS - len(scores))
        progress(State(len(scores), PERMUTATIONS, "permutations", left, partial=scores))
    return scores


def random_order(size: int, number: int, seed: int = 0) -> np.ndarray:
    """int64 (size * size,): the random order of that number, the same for every pair."""
    return dpr.random_order(size, np.random.default_rng([seed, number]))


def known_at_random(model: FaceModel, case: Case) -> np.ndarray | None:
    """What `play_at_random` gives of a case, where it was computed beforehand and ships."""
    found = read_numbers(shipped(RANDOM_ORDERS, model.info.id), model.weights_sha256, _ORDERS, [_digest(case)])
    return None if found is None else found[0]


def save_at_random(model: FaceModel, cases: Iterable[Case]) -> None:
    """Compute and write what `known_at_random` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    found = {_digest(case): play_at_random(model, case) for case in cases}
    save_numbers(shipped(RANDOM_ORDERS, model.info.id), model.weights_sha256, _ORDERS, found)


def _digest(case: Case) -> str:
    return digest_of(case.start, case.end, case.reference)


def flip_sentences(replay: Replay) -> list[str]:
    """Where the decision flips, in words made of the numbers."""
    named = [(replay.explanation, replay.scores), *((line.explanation, line.scores) for line in replay.others)]

    def at(step: int) -> str:
        return percent(replay.shares[step], 0)

    def sentence(name: str, scores: np.ndarray) -> str:
        matches = scores >= replay.explanation.threshold.value
        flip, before, after = replay.flip(scores), *(("match", "non-match")[:: 1 if matches[0] else -1])
        if flip is None:
            return f"{name}: {before} at every step. Start and end are decided alike, so there is nothing to flip."
        told = f"{name}: the decision flips from {before} to {after} at {at(flip)}"
        if matches[-1] != matches[0]:
            return f"{told}."
        back = int(np.flatnonzero(matches != matches[0])[-1]) + 1
        return f"{told} and is back for good at {at(back)}: start and end are decided alike."

    sentences = [sentence(f"Order of {explanation.order_title}", scores) for explanation, scores in named]
    inverse = f"Inverse order of {named[0][0].order_title}" if replay.others else "Inverse order"
    sentences.append(sentence(inverse, replay.inverse))
    if replay.random is not None:
        flips = [flip for scores in replay.random if (flip := replay.flip(scores)) is not None]
        total = counted(len(replay.random), "permutation")
        if flips:
            first, last = at(min(flips)), at(max(flips))
            when = f"at {first}" if first == last else f"between {first} and {last}"
            sentences.append(f"Random order: flips in {len(flips)} of {total}, {when}.")
        else:
            sentences.append(f"Random order: flips in none of {total}.")
    return sentences
