"""All that a case says of a pair, computed in one go: when it is filed, and again when it is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from xssab_core.casefile.format import ErrorRate, Likelihood, Measured, Rates, Replay, Role, Trust
from xssab_core.engine import Engine
from xssab_core.explain import Explanation, FaceMaps
from xssab_core.faces import SIDES, AlignedFace, Pair
from xssab_core.findings.flip import FlipSet, telling_fill
from xssab_core.findings.ledger import Ledger, ledger
from xssab_core.findings.several import Further, Several, compare_several, sides_of
from xssab_core.metrics import Rate
from xssab_core.models import FaceModel
from xssab_core.models.calibration import Calibration, calibration_of
from xssab_core.progress import Progress, State, ignore, part, parts_at_once
from xssab_core.quality.standing import figures
from xssab_core.replay.case import Case, flip_sentences
from xssab_core.scoring.likelihood import likelihood_record
from xssab_core.trust.checks import Stability, agreement
from xssab_core.trust.words import sentences

_PATCHED, _CLEAN = "the probe without its patches", "the blurred probe"

Explain = Callable[[str, Progress], Explanation]


@dataclass(frozen=True, eq=False)
class Contents:
    """What was computed of a pair.

    Attributes:
        pair, model: what it is about.
        faces: all that are compared, by their roles.
        explanations: of each method, the one shown first before all others.
        calibration: of exactly these weights; None without.
        ledger, flip: of the method shown first; None where it has no map.
        ordering: whose map orders the pixels of `flip` and of the replay; None where there are none.
        several: the means of all photographs of each side; None where each has one.
        measured: all numbers.
    """

    pair: Pair
    model: FaceModel
    faces: dict[Role, AlignedFace]
    explanations: tuple[Explanation, ...]
    calibration: Calibration | None
    ledger: Ledger | None
    flip: FlipSet | None
    ordering: Explanation | None
    several: Several | None
    measured: Measured

    @property
    def shown(self) -> Explanation:
        """The explanation shown first."""
        return self.explanations[0]


def compute(
    engine: Engine,
    model: FaceModel,
    pair: Pair,
    further: Further,
    methods: Sequence[str],
    explain: Explain,
    progress: Progress = ignore,
) -> Contents:
    """Compute a case.

    Args:
        engine: knows what was found out of the pair before.
        model: whose score it is.
        pair: the faces.
        further: those of further photographs of each side.
        methods: ids, the one shown first before all others.
        explain: id of a method and progress -> its explanation of the pair, all at one threshold.
        progress: told of the share done; may raise CancelledError.

    Raises:
        XssabError: as the method, the model, the replay or `compare_several` raises.
    """
    progress, width = _plain(progress), 0.4 / len(methods)
    explanations = tuple(
        explain(method, part(progress, number * width, width)) for number, method in enumerate(methods)
    )
    shown, calibration = explanations[0], calibration_of(model.info.id, model.weights_sha256)
    several = compare_several(model, *sides_of(pair, further), shown.threshold) if any(further.values()) else None
    faces = faces_of(pair, further)
    has_maps = all(_has_map(maps) for _, maps in shown.by_side())
    found = flip = ordering = replay = trust = None
    if has_maps:
        findings, of_trust = parts_at_once(progress, 0.4, 0.4, 0.2)
        with ThreadPoolExecutor(1) as beside:
            assessed = beside.submit(copy_context().run, _trust, engine, model, pair, explanations, of_trust)
            hidden = engine.hidden_regions(model, pair, part(findings, 0.0, 0.25))
            found = ledger(model, pair, shown, measured=hidden)
            ordering = engine.ordering(model, pair, shown)
            replay = _replay(engine, model, pair, ordering, part(findings, 0.25, 0.45))
            flip = engine.flip_set(model, pair, ordering, telling_fill(shown), part(findings, 0.7, 0.3))
            trust = assessed.result()
    measured = Measured(
        score=shown.score,
        margin=shown.margin,
        is_match=shown.is_match,
        rates=None if calibration is None else _rates(calibration, shown),
        likelihood=msgspec.convert(likelihood_record(calibration, shown.score), Likelihood),
        crops={role: crop_sha256(face.crop_for(model.info.template)) for role, face in faces.items()},
        quality={side: figures(face, model) for side, face in pair.by_side()},
        numbers={each.method.id: dict(each.numbers) for each in explanations if each.numbers},
        ledger=None if found is None else found.record(),
        flip=None if flip is None else flip.record(),
        replay=replay,
        trust=trust,
        several=None if several is None else several.record(),
    )
    return Contents(pair, model, faces, explanations, calibration, found, flip, ordering, several, measured)


def _plain(progress: Progress) -> Progress:
    """The share alone: what is left of a step, and what there is of it so far, are not those of the whole."""
    return lambda state: progress(State(state.share))


def faces_of(pair: Pair, further: Further) -> dict[Role, AlignedFace]:
    """The faces of a pair and of the further photographs by their roles."""
    more = {f"{side}-{number}": face for side in SIDES for number, face in enumerate(further.get(side, ()), start=2)}
    return dict(pair.by_side()) | more


def crops_of(model: FaceModel, pair: Pair) -> tuple[Any, Any]:
    """uint8 (S, S, 3) crops of probe and reference, as the model sees them."""
    return pair.crops_for(model.info.template)


def crop_sha256(crop: Any) -> str:
    """SHA-256 of the pixels of a uint8 (S, S, 3) crop."""
    return hashlib.sha256(crop.tobytes()).hexdigest()


def _has_map(maps: FaceMaps) -> bool:
    return bool(maps.named())


def _rates(calibration: Calibration, shown: Explanation) -> Rates:
    rates = calibration.rates(shown.threshold.value)
    standing = calibration.standing(shown.score, shown.is_match)
    return Rates(_rate(rates.false_match), _rate(rates.false_non_match), rates.origin, standing)


def _rate(rate: Rate) -> ErrorRate:
    return ErrorRate(rate.value, rate.interval, rate.errors, rate.trials)


def _replay(engine: Engine, model: FaceModel, pair: Pair, ordering: Explanation, progress: Progress) -> Replay:
    replay = engine.play(model, pair, ordering).with_random(engine.play_at_random(model, pair, progress))
    assert replay.random is not None
    return Replay(
        _fill(replay.case),
        tuple(replay.counts.tolist()),
        tuple(replay.scores.tolist()),
        tuple(replay.inverse.tolist()),
        tuple(tuple(scores) for scores in replay.random.tolist()),
        replay.flip(replay.scores),
        tuple(flip_sentences(replay)),
    )


def _fill(case: Case) -> str:
    return _CLEAN if case.mask is None else _PATCHED


def _trust(
    engine: Engine, model: FaceModel, pair: Pair, explanations: Sequence[Explanation], progress: Progress
) -> Trust | None:
    shown = explanations[0]
    alike = [each for each in explanations[1:] if all(maps.combined is not None for _, maps in each.by_side())]
    if not shown.method.is_quick or shown.probe.combined is None:
        return None
    trust = replace(engine.trust(model, pair, shown, progress), agreement=agreement(shown, alike))
    return Trust(
        {other.method: other.correlation for other in trust.agreement},
        {_change(change): change.correlation for change in trust.stability},
        {_change(change): change.score for change in trust.stability},
        trust.randomised,
        sentences(trust),
    )


def _change(change: Stability) -> str:
    return f"{change.change} {change.amount:g}"
