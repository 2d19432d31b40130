"""Charts as SVG, drawn without a browser: axes, lines and texts. Every text is escaped here, so that what comes out is
fit to stand in HTML as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

FONT = "DejaVu Sans"
INK = "#1b211a"
# Okabe and Ito (2008): told apart by colour-blind readers; dashes serve readers without colour. Without their black,
# which a dark page swallows.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A900")
# Plotly's names of dashes, and the lengths of line and gap they stand for here.
DASHES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3", "longdash": "12 4"}
_TEXT = 11


class Box(NamedTuple):
    """Where the axes of a chart are, in its units from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Axes:
    """A chart's frame: positions of values, and what is drawn around them.

    Args:
        x, y: lowest and highest value.
        box: where they lie.
        gap: from the title of y down to the top of the box.
    """

    def __init__(self, x: tuple[float, float], y: tuple[float, float], box: Box, gap: float = 35) -> None:
        self._x, self._y, self._box, self._gap = x, y, box, gap

    def x(self, value: float) -> float:
        """Where a value lies across."""
        low, high = self._x
        return round(self._box.left + (value - low) / (high - low) * (self._box.right - self._box.left), 2)

    def y(self, value: float) -> float:
        """Where a value lies down."""
        low, high = self._y
        return round(self._box.bottom - (value - low) / (high - low) * (self._box.bottom - self._box.top), 2)

    def frame(self, x_title: str, y_title: str, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> str:
        """Lines at the left and the bottom, ticks with their texts, and titles."""
        left, top, right, bottom = self._box
        found = [stroke(f"M{left} {top}V{bottom}H{right}", INK, 1)]
        for value, told in x_ticks.items():
            found.append(stroke(f"M{self.x(value)} {bottom}v4", INK, 1) + text(self.x(value), bottom + 15, told))
        for value, told in y_ticks.items():
            found.append(stroke(f"M{left} {self.y(value)}h-4", INK, 1))
            found.append(text(left - 7, self.y(value) + 4, told, anchor="end"))
        found.append(text((left + right) / 2, bottom + 34, x_title))
        found.append(text(left - 42, top - self._gap, y_title, anchor="start"))
        return "".join(found)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float, dashes: str = "") -> str:
        """A line through points."""
        path = "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)
        return stroke(f"M{path}", colour, width, dashes)


def stroke(path: str, colour: str, width: float, dashes: str = "") -> str:
    """A path without a filling; `dashes` are lengths of line and gap."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def text(x: float, y: float, told: str, anchor: str = "middle", weight: str = "normal", size: float = _TEXT) -> str:
    """A line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{INK}">{_written(told)}</text>'
    )


def text_on_picture(x: float, y: float, told: str, size: float, anchor: str = "start") -> str:
    """A word that stands out from any picture: white in a black rim."""
    # What sets it in a PDF does not know the order of painting.
    place = (
        f'x="{x:.1f}" y="{y:.1f}" font-family="{FONT}, sans-serif" font-size="{size:.1f}" font-weight="bold" '
        f'text-anchor="{anchor}"'
    )
    rim = f'<text {place} fill="none" stroke="#000000" stroke-width="{size / 6:.2f}">{_written(told)}</text>'
    return f'{rim}<text {place} fill="#ffffff">{_written(told)}</text>'


def key(x: float, y: float, told: str, colour: str, width: float, dashes: str = "") -> str:
    """An entry of a legend: a piece of the line, and what it is."""
    return stroke(f"M{x} {y}H{x + 26}", colour, width, dashes) + text(x + 31, y + 4, told, "start")


def document(width: float, height: float, content: str, alt: str) -> str:
    """A whole SVG, with what a reader who cannot see it should know."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{_written(alt)}" viewBox="0 0 {width} {height}" font-family="{FONT}, sans-serif">{content}</svg>'
    )


def _written(told: str) -> str:
    """Text as XML may hold it."""
    return escape("".join(c if c.isprintable() else " " for c in told))
