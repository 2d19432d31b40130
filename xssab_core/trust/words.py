"""Plain sentences on a checked map, each from one kind of number, or on why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xssab_core.metrics import counted
from xssab_core.trust.checks import Stability, Trust


@dataclass(frozen=True)
class Verdict:
    """A check in one word.

    Attributes:
        word: "stable", "unstable" or "not checked".
        reason: a sentence.
    """

    word: str
    reason: str


# From which rank correlation on a sentence says what. The bands are a convention of this program, not of a paper.
_AGREEMENT = ((0.8, "agree strongly"), (0.5, "agree moderately"), (0.2, "agree weakly"), (-0.2, "do not agree"))
_EFFECTS = ((0.8, "hardly changes the map"), (0.5, "changes the map noticeably"))
_INDEPENDENT = 0.8


def sentences(trust: Trust) -> tuple[str, ...]:
    """What the numbers of a check say."""
    return (*_on_agreement(trust), *_on_stability(trust), *_on_decision(trust), *_on_randomisation(trust))


def verdict(trust: Trust | None) -> Verdict:
    """A check in one word: unstable where a small change of the photographs flips the decision or changes the map
    strongly, and where the map stays without what the model learnt. None is no check."""
    if trust is None or not trust.stability:
        return Verdict("not checked", "What a small change of the photographs would do to the map is not known.")
    weakest = min(trust.stability, key=lambda found: found.correlation)
    stays = isinstance(trust.randomised, float) and _rounded(trust.randomised) >= _INDEPENDENT
    reasons = [*_on_decision(trust), *(_on_randomisation(trust) if stays else ())]
    if _rounded(weakest.correlation) < _EFFECTS[-1][0]:
        reasons.append(_effect(weakest))
    if reasons:
        return Verdict("unstable", reasons[0])
    changes = counted(len(trust.stability), "small change")
    return Verdict(
        "stable",
        f"None of {changes} changes the map strongly (rank correlation {_number(weakest.correlation)} or more).",
    )


def _on_agreement(trust: Trust) -> Iterator[str]:
    for other in trust.agreement:
        number = f"(rank correlation {_number(other.correlation)})"
        reached = _rounded(other.correlation)
        verb = next((verb for least, verb in _AGREEMENT if reached >= least), "contradict each other")
        yield f"{trust.title} and {other.title} {verb} {number}."


def _on_stability(trust: Trust) -> Iterator[str]:
    return map(_effect, trust.stability)


def _effect(found: Stability) -> str:
    pixels = "pixel" if found.amount == 1 else "pixels"
    what = (
        f"Moving the landmarks by about {found.amount:g} {pixels}"
        if found.change == "jitter"
        else f"Saving the crops as JPEG of quality {found.amount:g}"
    )
    reached = _rounded(found.correlation)
    effect = next((text for least, text in _EFFECTS if reached >= least), "changes the map strongly")
    return f"{what} {effect} (rank correlation {_number(found.correlation)})."


def _on_decision(trust: Trust) -> Iterator[str]:
    is_match = trust.threshold.is_match(trust.score)
    flips = sum(trust.threshold.is_match(found.score) != is_match for found in trust.stability)
    if flips:
        changes = counted(len(trust.stability), "small change")
        yield f"The decision itself flips under {flips} of these {changes}."


def _on_randomisation(trust: Trust) -> Iterator[str]:
    if trust.randomised is None:
        return
    if isinstance(trust.randomised, str):
        yield f"Whether the map depends on the model's weights was not measured. {trust.randomised}"
        return
    number = f"(rank correlation {_number(trust.randomised)})"
    reached = _rounded(trust.randomised)
    if reached >= _INDEPENDENT:
        yield (
            f"The map stays nearly the same when the model's weights are randomised {number}, "
            "so it is not about the model."
        )
    elif reached >= 0.5:
        yield f"Part of the map survives when the model's weights are randomised {number}."
    else:
        yield f"The map changes when the model's weights are randomised {number}, so it depends on the model."


def _rounded(correlation: float) -> float:
    """As it is shown, so that the words and the number say the same."""
    return round(correlation, 2)


def _number(correlation: float) -> str:
    return f"{_rounded(correlation):z.2f}"
