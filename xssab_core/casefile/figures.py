"""The figures of a case as SVG. They read well in grey: what speaks for a match has a solid outline, what speaks
against it a dashed one and hatching.

Every text of others is escaped here; what comes out is fit to stand in HTML as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np

from xssab_core.drawing.svg import INK, Axes, Box, document, stroke, text, text_on_picture
from xssab_core.explain import Explanation
from xssab_core.faces import ARCFACE, AlignedFace
from xssab_core.faces.align import Template, similarity_transform
from xssab_core.gallery.thumbnails import outline
from xssab_core.metrics import compared
from xssab_core.models.calibration import Calibration
from xssab_core.render import colour_layer, enlarge, overlay, png, shared_scale

# Pixels whose |value| reaches this share of the full colour are outlined.
OUTLINED = 1 / 3
_FACTOR = 3
_HATCH = 5
_GENUINE, _IMPOSTOR, _PAIR = "#7fa8e0", "#8a8f98", "#b34700"
_WIDTH, _HEIGHT = 640, 260
_BOX = Box(46, 48, 630, 220)
_BIN = 0.02


def crop_figure(face: AlignedFace, template: Template, alt: str) -> str:
    """The crop with its five landmarks, numbered in their order."""
    points = np.c_[face.landmarks, np.ones(5)] @ similarity_transform(face.landmarks, np.array(template.points)).T
    unit = template.size / ARCFACE.size
    marks = "".join(
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{1.6 * unit:.2f}" fill="#ffffff" stroke="#000000" '
        f'stroke-width="{0.6 * unit:.2f}"/>' + text_on_picture(x + 2.6 * unit, y - 1.6 * unit, str(number), 6 * unit)
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
    for mask, dashes in ((values >= level, ""), (values <= -level, "2 1.4")):
        if mask.any():
            marks += [stroke(outline(mask), "#ffffff", 1.5), stroke(outline(mask), "#000000", 0.7, dashes)]
    hatched = hatching(values <= -level)
    return "".join(marks) + (stroke(hatched, "#000000", 0.45) if hatched else "")


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
    return document(size, size, image + marks, alt)


def score_histogram(calibration: Calibration, threshold: float, score: float) -> str:
    """Scores of the calibration's genuine and impostor pairs in bins of 0.02, with the threshold and this pair."""
    scores = {"impostor": calibration.impostor, "genuine": calibration.genuine}
    every = np.concatenate([*scores.values(), [score, threshold]])
    edges = np.arange(np.floor(every.min() / _BIN), np.ceil(every.max() / _BIN) + 1) * _BIN
    heights = {name: np.histogram(values, edges)[0] / len(values) * 100 for name, values in scores.items()}
    most = max(shares.max() for shares in heights.values())
    axes = Axes((float(edges[0]), float(edges[-1])), (0.0, float(most)), _BOX)
    bars = "".join(_bars(axes, edges, shares, name == "impostor") for name, shares in heights.items())
    ticks = {round(tick * 0.2, 1): f"{tick * 0.2:.1f}" for tick in range(-5, 6) if edges[0] <= tick * 0.2 <= edges[-1]}
    step = max(1, round(most / 4))
    frame = axes.frame("score (cosine)", "% of pairs", ticks, {n: str(n) for n in range(0, int(most) + 1, step)})
    shown = compared(score, threshold)
    marks = _mark(axes, threshold, f"threshold {shown.threshold}", 30, 1.4, "5 3")
    marks += _mark(axes, score, f"this pair {shown.score}", 43, 3.0, "")
    legend = _key(_WIDTH - 250, True, f"impostor ({len(scores['impostor']):,})")
    legend += _key(_WIDTH - 120, False, f"genuine ({len(scores['genuine']):,})")
    alt = f"Scores of known pairs: this pair scored {shown.score}, the threshold is {shown.threshold}"
    return document(_WIDTH, _HEIGHT, bars + frame + marks + legend, alt)


def _bars(axes: Axes, edges: np.ndarray, shares: np.ndarray, hatched: bool) -> str:
    found = ""
    for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
        if share:
            found += _bar(axes.x(left), axes.x(right), axes.y(share), axes.y(0.0), hatched)
    return found


def _bar(left: float, right: float, top: float, bottom: float, hatched: bool) -> str:
    width, height = right - left, bottom - top
    style = f'fill="none" stroke="{INK}"' if hatched else f'fill="{_GENUINE}" stroke="#456ba0"'
    bar = f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{height:.2f}" {style} stroke-width="0.6"/>'
    if not hatched:
        return bar
    lines = np.arange(np.ceil(top / 4) * 4, bottom, 4)
    return bar + (
        stroke("".join(f"M{left:.2f} {y:.1f}H{right:.2f}" for y in lines), _IMPOSTOR, 0.8) if len(lines) else ""
    )


def _key(x: float, hatched: bool, told: str) -> str:
    return _bar(x, x + 16, 2, 14, hatched) + text(x + 21, 12, told, anchor="start")


def _mark(axes: Axes, value: float, told: str, y: float, width: float, dashes: str) -> str:
    x = axes.x(value)
    anchor, beside = ("end", x - 5) if x > _WIDTH - 290 else ("start", x + 5)
    line = stroke(f"M{x} {_BOX.bottom}V{y - 8}", INK if dashes else _PAIR, width, dashes)
    return line + text(beside, y, told, anchor, "bold")
