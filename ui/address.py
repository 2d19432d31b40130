"""What the query of an address says. Anyone can write one: whatever is no answer reads as none."""

from __future__ import annotations

import re

import numpy as np

from xssab_core.faces import TURNS

# Enough to tell the photographs of a user apart.
_DIGEST = 8
_ALIGNED = "aligned"


def page_number(text: str) -> int:
    """The number of a page, from 1."""
    return max(1, int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def indexes(text: str, most: int) -> tuple[int, ...]:
    """Numbers with points between them, at most so many, each once."""
    found = [int(number) for number in text.split(".") if re.fullmatch(r"[0-9]{1,9}", number)]
    return tuple(dict.fromkeys(found))[:most]


def per_mille(text: str) -> int:
    """A position given in percent, as 0..1000."""
    percent = _number(text)
    return 0 if percent is None else round(10 * min(100.0, max(0.0, percent)))


def points_on(sha256: str, text: str) -> np.ndarray | None:
    """float64 (5, 2) landmarks that a user placed on the photograph with that digest; None where the text, which
    `points_text` wrote, is about another one or says no five points."""
    found = [[_number(number) for number in pair.split(",")] for pair in _said_of(sha256, text).split(";")]
    if [len(pair) for pair in found] != [2] * 5 or any(None in pair for pair in found):
        return None
    return np.array(found, dtype=np.float64)


def points_text(sha256: str, points: np.ndarray) -> str:
    """Landmarks (5, 2) placed on the photograph with that digest, exactly, as the address carries them."""
    return _about(sha256, ";".join(",".join(np.format_float_positional(n, trim="-") for n in p) for p in points))


def is_aligned(sha256: str, text: str) -> bool:
    """Whether a user said, instead of points, that the photograph with that digest is already aligned."""
    return _said_of(sha256, text) == _ALIGNED


def aligned_text(sha256: str) -> str:
    """What stands in the place of points where the photograph with that digest is already aligned."""
    return _about(sha256, _ALIGNED)


def turn_on(sha256: str, text: str) -> int:
    """Degrees clockwise, 0, 90, 180 or 270, by which a user turned the photograph with that digest."""
    said = _said_of(sha256, text)
    return int(said) if said in map(str, TURNS) else 0


def turn_text(sha256: str, degrees: int) -> str:
    """The turn of the photograph with that digest as the address carries it; empty where it stands as it is."""
    return _about(sha256, str(degrees)) if degrees else ""


def _about(sha256: str, said: str) -> str:
    return f"{sha256[:_DIGEST]}:{said}"


def _said_of(sha256: str, text: str) -> str:
    owner, _, said = text.partition(":")
    return said if owner == sha256[:_DIGEST] else ""


def _number(text: str) -> float | None:
    """A finite decimal number."""
    if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{0,20})?", text):
        return None
    return float(text)
