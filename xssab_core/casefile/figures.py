"""The figures of a case as SVG. They read well in grey: what speaks for a match has a solid outline, what speaks
against it a dashed one and hatching.

Every text of others is escaped here; what comes out is fit to stand in HTML as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from xssab_core.casefile.format import Replay
from xssab_core.explain import Explanation
from xssab_core.faces import AlignedFace
from xssab_core.faces.align import Template, similarity_transform
from xssab_core.gallery.thumbnails import outline
from xssab_core.metrics import compared
from xssab_core.models.calibration import Calibration
from xssab_core.render import colour_layer, enlarge, overlay, png, shared_scale

# Pixels whose |value| reaches this share of the full colour are outlined.
OUTLINED = 1 / 3
FONT = "DejaVu Sans"
_FACTOR = 3
_HATCH = 5
_INK, _GENUINE, _IMPOSTOR, _PAIR = "#1b211a", "#7fa8e0", "#8a8f98", "#b34700"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 260, 46, 40, 48
_BIN = 0.02


def crop_figure(face: AlignedFace, template: Template, alt: str) -> str:
    """The crop with its five landmarks, numbered in their order."""
    points = np.c_[face.landmarks, np.ones(5)] @ similarity_transform(face.landmarks, np.array(template.points)).T
    marks = "".join(
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="1.6" fill="#ffffff" stroke="#000000" stroke-width="0.6"/>'
        f'<text x="{x + 2.6:.2f}" y="{y - 1.6:.2f}" font-size="6" fill="#ffffff">{number}</text>'
        for number, (x, y) in enumerate(points, start=1)
    )
    return _picture(face.crop_for(template), marks, alt)


def map_figures(
    explanation: Explanation, crops: Mapping[str, np.ndarray], palette: str, opacity: float
) -> dict[str, str]:
    """The signed map of each face over its crop, on one scale; none for a face without one."""
    found = {side: maps.combined for side, maps in explanation.by_side() if maps.combined is not None}
    scale, figures = shared_scale(found.values()), {}
    for side, values in found.items():
        shown = overlay(crops[side], colour_layer(values, scale, palette), opacity)
        alt = f"{explanation.method.title}: map of the {side}, from {values.min():.2e} to {values.max():.2e}"
        figures[side] = _picture(shown, _areas(values, OUTLINED * scale), alt)
    return figures


def _areas(values: np.ndarray, level: float) -> str:
    """Outlines of what reaches the level: solid where positive, dashed and hatched where negative."""
    marks = []
    for mask, dashes in ((values >= level, ""), (values <= -level, ' stroke-dasharray="2 1.4"')):
        if mask.any():
            marks += [stroke(outline(mask), "#ffffff", 1.5), stroke(outline(mask), "#000000", 0.7, dashes)]
    hatched = hatching(values <= -level)
    return "".join(marks) + (stroke(hatched, "#000000", 0.45) if hatched else "")


def stroke(path: str, colour: str, width: float, more: str = "") -> str:
    """A path without a filling."""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{more}/>'


def hatching(mask: np.ndarray) -> str:
    """Diagonals over the True pixels of a bool (S, S) mask, as an SVG path."""
    size, lines = len(mask), []
    flipped = mask[:, ::-1]
    for offset in range(-size + _HATCH, size, _HATCH):
        on = np.diagonal(flipped, offset)
        steps = np.diff(np.pad(on.astype(np.int8), 1))
        y0, x0 = max(0, -offset), size - max(0, offset)
        for start, stop in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
            lines.append(f"M{x0 - start} {y0 + start}L{x0 - stop} {y0 + stop}")
    return "".join(lines)


def _picture(pixels: np.ndarray, marks: str, alt: str) -> str:
    size = len(pixels)
    shown = base64.b64encode(png(enlarge(pixels, _FACTOR))).decode()
    image = f'<image xlink:href="data:image/png;base64,{shown}" x="0" y="0" width="{size}" height="{size}"/>'
    return _svg(size, size, image + marks, alt)


def _svg(width: int, height: int, content: str, alt: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{escape(alt)}" viewBox="0 0 {width} {height}" font-family="{FONT}, sans-serif">{content}</svg>'
    )


class _Axes:
    """A chart's frame: positions of values, and what is drawn around them."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y

    def x(self, value: float) -> float:
        low, high = self._x
        return round(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - 10), 2)

    def y(self, value: float) -> float:
        low, high = self._y
        return round(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP), 2)

    def frame(self, x_title: str, y_title: str, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> str:
        """Lines at the left and the bottom, ticks with their texts, and titles."""
        left, right, bottom, top = _LEFT, _WIDTH - 10, _HEIGHT - _BOTTOM, _TOP
        found = [stroke(f"M{left} {top}V{bottom}H{right}", _INK, 1)]
        for value, text in x_ticks.items():
            found.append(stroke(f"M{self.x(value)} {bottom}v4", _INK, 1) + _text(self.x(value), bottom + 15, text))
        for value, text in y_ticks.items():
            found.append(stroke(f"M{left} {self.y(value)}h-4", _INK, 1))
            found.append(_text(left - 7, self.y(value) + 4, text, anchor="end"))
        found.append(_text((left + right) / 2, _HEIGHT - 6, x_title) + _text(4, 13, y_title, anchor="start"))
        return "".join(found)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float, more: str = "") -> str:
        """A line through points."""
        path = "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)
        return stroke(f"M{path}", colour, width, more)


def _text(x: float, y: float, text: str, anchor: str = "middle", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{_INK}">{escape(text)}</text>'
    )


def score_histogram(calibration: Calibration, threshold: float, score: float) -> str:
    """Scores of the calibration's genuine and impostor pairs in bins of 0.02, with the threshold and this pair."""
    scores = {"impostor": calibration.impostor, "genuine": calibration.genuine}
    every = np.concatenate([*scores.values(), [score, threshold]])
    edges = np.arange(np.floor(every.min() / _BIN), np.ceil(every.max() / _BIN) + 1) * _BIN
    heights = {name: np.histogram(values, edges)[0] / len(values) * 100 for name, values in scores.items()}
    most = max(shares.max() for shares in heights.values())
    axes = _Axes((float(edges[0]), float(edges[-1])), (0.0, float(most)))
    bars = "".join(_bars(axes, edges, shares, name == "impostor") for name, shares in heights.items())
    ticks = {round(tick * 0.2, 1): f"{tick * 0.2:.1f}" for tick in range(-5, 6) if edges[0] <= tick * 0.2 <= edges[-1]}
    step = max(1, round(most / 4))
    frame = axes.frame("score (cosine)", "% of pairs", ticks, {n: str(n) for n in range(0, int(most) + 1, step)})
    shown = compared(score, threshold)
    marks = _mark(axes, threshold, f"threshold {shown.threshold}", 30, 1.4, ' stroke-dasharray="5 3"')
    marks += _mark(axes, score, f"this pair {shown.score}", 43, 3.0, "")
    legend = _key(_WIDTH - 250, True, f"impostor ({len(scores['impostor']):,})")
    legend += _key(_WIDTH - 120, False, f"genuine ({len(scores['genuine']):,})")
    alt = f"Scores of known pairs: this pair scored {shown.score}, the threshold is {shown.threshold}"
    return _svg(_WIDTH, _HEIGHT, bars + frame + marks + legend, alt)


def _bars(axes: _Axes, edges: np.ndarray, shares: np.ndarray, hatched: bool) -> str:
    found = ""
    for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
        if share:
            found += _bar(axes.x(left), axes.x(right), axes.y(share), axes.y(0.0), hatched)
    return found


def _bar(left: float, right: float, top: float, bottom: float, hatched: bool) -> str:
    width, height = right - left, bottom - top
    style = f'fill="none" stroke="{_INK}"' if hatched else f'fill="{_GENUINE}" stroke="#456ba0"'
    bar = f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{height:.2f}" {style} stroke-width="0.6"/>'
    if not hatched:
        return bar
    lines = np.arange(np.ceil(top / 4) * 4, bottom, 4)
    return bar + (
        stroke("".join(f"M{left:.2f} {y:.1f}H{right:.2f}" for y in lines), _IMPOSTOR, 0.8) if len(lines) else ""
    )


def _key(x: float, hatched: bool, text: str) -> str:
    return _bar(x, x + 16, 2, 14, hatched) + _text(x + 21, 12, text, anchor="start")


def _mark(axes: _Axes, value: float, text: str, y: float, width: float, more: str) -> str:
    x = axes.x(value)
    anchor, beside = ("end", x - 5) if x > _WIDTH - 290 else ("start", x + 5)
    line = stroke(f"M{x} {_HEIGHT - _BOTTOM}V{y - 8}", _PAIR if not more else _INK, width, more)
    return line + _text(beside, y, text, anchor, "bold")


def replay_figure(replay: Replay, threshold: float, title: str) -> str:
    """Scores while pixels are replaced: in the map's order, in the inverse one, and the range of random ones."""
    steps = np.linspace(0, 100, len(replay.counts)).tolist()
    every = [*replay.scores, *replay.inverse, *(score for scores in replay.random for score in scores), threshold]
    low, high = min(every) - 0.02, max(every) + 0.02
    axes = _Axes((0.0, 100.0), (low, high))
    random, content = np.array(replay.random), ""
    if random.size:
        above = list(zip(steps, random.max(0).tolist(), strict=True))
        below = list(zip(steps, random.min(0).tolist(), strict=True))[::-1]
        path = "L".join(f"{axes.x(x)} {axes.y(y)}" for x, y in above + below)
        content += f'<path d="M{path}Z" fill="#d4d7da" stroke="none"/>'
        content += axes.line(list(zip(steps, random.mean(0).tolist(), strict=True)), "#6d737a", 1.2, _DOTS)
    content += axes.line([(0, threshold), (100, threshold)], _INK, 1.0)
    content += axes.line(list(zip(steps, replay.inverse, strict=True)), _PAIR, 1.8, _DASHES)
    content += axes.line(list(zip(steps, replay.scores, strict=True)), "#1d5fb8", 2.6)
    ticks = {float(share): f"{share} %" for share in range(0, 101, 20)}
    values = np.linspace(low + 0.02, high - 0.02, 4).tolist()
    content += axes.frame("pixels of the probe replaced", "score", ticks, {v: f"{v:.2f}" for v in values})
    content += _text(_LEFT + 6, axes.y(threshold) - 4, f"threshold {threshold:.4f}", "start")
    names = (
        (title, "#1d5fb8", 2.6, ""),
        ("inverse order", _PAIR, 1.8, _DASHES),
        ("random order", "#6d737a", 1.2, _DOTS),
    )
    for number, (name, colour, width, dashes) in enumerate(names[: 3 if random.size else 2]):
        x = 120 + 170 * number
        content += stroke(f"M{x} 9H{x + 26}", colour, width, dashes) + _text(x + 31, 13, name, "start")
    return _svg(_WIDTH, _HEIGHT, content, f"Scores while the probe's pixels are replaced in the order of {title}")


_DASHES, _DOTS = ' stroke-dasharray="7 4"', ' stroke-dasharray="2 3"'
