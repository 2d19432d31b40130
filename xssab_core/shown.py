"""Shown: numbers in the one form in which the app and the command line say them."""

from __future__ import annotations

from dataclasses import dataclass

# Of cosines. More are shown where two that differ would look the same, at most as many as a double tells apart.
_DIGITS, _MOST_DIGITS = 4, 17


def percent(share: float, digits: int = 2) -> str:
    """A share in percent, such as "0.67 %" with a no-break space.

    One that is neither 0 nor 1 is never shown as 0 % or 100 %: "under 0.01 %", "over 99.99 %".
    """
    least = 10.0**-digits
    value, bound = 100 * share, ""
    if 0 < value < least / 2:
        value, bound = least, "under "
    elif 100 - least / 2 < value < 100:
        value, bound = 100 - least, "over "
    return f"{bound}{value:z.{digits}f}\u00a0%"


def counted(number: int, thing: str, things: str = "") -> str:
    """ "1 pair", "2,100 pairs"; the plural is the thing with an s unless given."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


@dataclass(frozen=True)
class Comparison:
    """A score beside its threshold, as text.

    Attributes:
        score, threshold: with four digits, or with as many as it takes to tell two different numbers apart.
        margin: the difference of these two, digit by digit.
    """

    score: str
    threshold: str
    margin: str


def compared(score: float, threshold: float) -> Comparison:
    """A score, its threshold and the margin between them, so that the three agree with each other."""
    score, threshold, digits = float(score), float(threshold), _DIGITS
    while round(score, digits) == round(threshold, digits) and score != threshold and digits < _MOST_DIGITS:
        digits += 1
    margin = round(score, digits) - round(threshold, digits)
    return Comparison(f"{score:z.{digits}f}", f"{threshold:z.{digits}f}", f"{margin:+z.{digits}f}")
