"""What the query of an address says. Anyone can write one: whatever is no answer reads as none."""

from __future__ import annotations

import re

import numpy as np


def page_number(text: str) -> int:
    """The number of a page, from 1."""
    return max(1, int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def per_mille(text: str) -> int:
    """A position given in percent, as 0..1000."""
    percent = _number(text)
    return 0 if percent is None else round(10 * min(100.0, max(0.0, percent)))


def points_on(sha256: str, text: str) -> np.ndarray | None:
    """float64 (5, 2) landmarks that a user placed on the photograph with that digest; None where the text, which
    `points_text` wrote, is about another one or says no five points."""
    owner, _, numbers = text.partition(":")
    found = [[_number(number) for number in pair.split(",")] for pair in numbers.split(";")]
    if owner != sha256[:8] or [len(pair) for pair in found] != [2] * 5 or any(None in pair for pair in found):
        return None
    return np.array(found, dtype=np.float64)


def points_text(sha256: str, points: np.ndarray) -> str:
    """Landmarks (5, 2) placed on the photograph with that digest, as the address carries them."""
    return f"{sha256[:8]}:" + ";".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _number(text: str) -> float | None:
    """A finite decimal number."""
    if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{0,9})?", text):
        return None
    return float(text)
