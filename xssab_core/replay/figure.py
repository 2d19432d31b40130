"""The curves of a replay as SVG, for a report or a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from xssab_core.drawing.svg import COLOURS, DASHES, INK, Axes, Box, document, key, text

_WIDTH, _HEIGHT, _ROW, _NOTE = 640, 260, 16, 12
_BOX = Box(46, 48, 620, 220)
_BLUE, _INVERSE, _RANDOM, _BAND = "#1d5fb8", "#b34700", "#6d737a", "#d4d7da"
_DASHED, _DOTTED = DASHES["dash"], DASHES["dot"]
_ABREAST = 3
# Of further methods: told apart by colour-blind readers, and from the first method's blue and the inverse's orange.
_FURTHER = [(colour, dash) for dash in ("solid", "longdash", "dashdot", "dot") for colour in COLOURS if colour not in
            ("#0072B2", "#D55E00", "#E69F00")]  # fmt: skip

Scores = Sequence[float]
Entry = tuple[str, str, float, str]


def further_style(number: int) -> tuple[str, str]:
    """Colour and dashes of the line of the n-th method beside the first; no two of sixteen are alike."""
    colour, dash = _FURTHER[number % len(_FURTHER)]
    return colour, DASHES[dash]


def replay_figure(
    lines: Mapping[str, Scores],
    threshold: float,
    inverse: Scores | None,
    random: Sequence[Scores],
    notes: Sequence[str] = (),
) -> str:
    """Scores while pixels are replaced: in the orders of some methods, in the inverse of the first one's, and the range
    of random ones.

    Args:
        lines: scores at evenly spaced shares of the pixels, 0..1, by the title of the method.
        threshold: match iff score >= threshold.
        inverse: in the inverse order of the first method; None leaves it out.
        random: in each of the random orders, which may be none.
        notes: lines of text below.
    """
    entries, first = _entries(list(lines), inverse is not None, len(random) > 0), next(iter(lines))
    rows = -(-len(entries) // _ABREAST) - 1
    box = _BOX._replace(top=_BOX.top + _ROW * rows, bottom=_BOX.bottom + _ROW * rows)
    every = [*chain(*lines.values(), inverse or (), *random), threshold]
    low, high = min(every) - 0.02, max(every) + 0.02
    axes = Axes((0.0, 100.0), (low, high), box, gap=35 + _ROW * rows)
    content = _band(axes, random) if len(random) else ""
    content += axes.line([(0, threshold), (100, threshold)], INK, 1.0)
    if inverse is not None:
        content += axes.line(_points(inverse), _INVERSE, 1.8, _DASHED)
    for (_, colour, width, dashes), scores in reversed(list(zip(entries, lines.values(), strict=False))):
        content += axes.line(_points(scores), colour, width, dashes)
    ticks = {float(share): f"{share} %" for share in range(0, 101, 20)}
    values = np.linspace(low + 0.02, high - 0.02, 4).tolist()
    content += axes.frame("pixels of the probe replaced", "score", ticks, {v: f"{v:.2f}" for v in values})
    content += text(box.left + 6, axes.y(threshold) - 4, f"threshold {threshold:.4f}", "start")
    for number, (name, colour, width, dashes) in enumerate(entries):
        content += key(120 + 170 * (number % _ABREAST), 9 + _ROW * (number // _ABREAST), name, colour, width, dashes)
    height = _HEIGHT + _ROW * rows
    for number, note in enumerate(notes):
        content += text(4, height + 8 + _NOTE * number, note, "start", size=7.5)
    alt = f"Scores while the probe's pixels are replaced in the order of {first}"
    return document(_WIDTH, height + _NOTE * len(notes), content, alt)


def _entries(titles: Sequence[str], has_inverse: bool, has_random: bool) -> list[Entry]:
    """Title, colour, width and dashes of each line, methods first."""
    first, *others = titles
    found: list[Entry] = [(first, _BLUE, 2.6, "")]
    for number, title in enumerate(others):
        colour, dashes = further_style(number)
        found.append((title, colour, 1.8, dashes))
    if has_inverse:
        found.append(("inverse order" if not others else f"inverse of {first}", _INVERSE, 1.8, _DASHED))
    if has_random:
        found.append(("random order", _RANDOM, 1.2, _DOTTED))
    return found


def _band(axes: Axes, random: Sequence[Scores]) -> str:
    """From the lowest to the highest of the random orders, with their mean."""
    scores = np.array(random)
    edge = [*_points(scores.max(0)), *_points(scores.min(0))[::-1]]
    path = "L".join(f"{axes.x(x)} {axes.y(y)}" for x, y in edge)
    mean = axes.line(_points(scores.mean(0)), _RANDOM, 1.2, _DOTTED)
    return f'<path d="M{path}Z" fill="{_BAND}" stroke="none"/>{mean}'


def _points(scores: Scores | np.ndarray) -> list[tuple[float, float]]:
    values = np.asarray(scores, dtype=np.float64)
    return list(zip(np.linspace(0, 100, len(values)).tolist(), values.tolist(), strict=True))
