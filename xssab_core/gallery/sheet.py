"""A sheet of pairs as one figure: their faces, their maps, and what was decided on each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from xssab_core.drawing.pdf import pdf_of
from xssab_core.drawing.svg import document, stroke, text

# Widths and heights in units of the figure: a face, what lies between two of a pair and between pairs, a line of text.
_FACE, _WITHIN, _BETWEEN, _LINE = 98, 4, 18, 11
_MARGIN, _COLUMNS, _NOTE = 8, 3, 11
_PAIR = 2 * _FACE + _WITHIN
# The width of a letter of the notes, and how many letters of the other lines are as wide as a face.
_LETTER, _LETTERS = 4.3, 24
_BESIDE, _OVER = ("#000000", 2.2), ("#ffd43b", 1.0)


@dataclass(frozen=True)
class Face:
    """A picture on a sheet.

    Attributes:
        name: above it; empty for none.
        png: of a crop, or of a map over it; None leaves its place empty.
        size: side of the crop, in pixels.
        outline: SVG path around its patches, in pixels of the crop.
    """

    name: str
    png: bytes | None
    size: int
    outline: str = ""


@dataclass(frozen=True)
class Entry:
    """A pair on a sheet.

    Attributes:
        rows: probe and reference, and below them what else there is of both.
        lines: of text below.
    """

    rows: Sequence[tuple[Face, Face]]
    lines: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """A figure and its size."""

    svg: str
    width: float
    height: float

    def pdf(self) -> bytes:
        """As a PDF of its size."""
        return pdf_of(self.svg, self.width, self.height)


def sheet_of(entries: Sequence[Entry], notes: Sequence[str], alt: str) -> Sheet:
    """Draw pairs side by side, in rows.

    Args:
        entries: the pairs, at least one.
        notes: lines of text below all.
        alt: what a reader who cannot see it should know.
    """
    columns = min(_COLUMNS, len(entries))
    width = max(2 * _MARGIN + columns * _PAIR + (columns - 1) * _BETWEEN, 420)
    content, top = "", float(_MARGIN)
    for start in range(0, len(entries), columns):
        row = entries[start : start + columns]
        content += "".join(
            _entry(entry, _MARGIN + number * (_PAIR + _BETWEEN), top) for number, entry in enumerate(row)
        )
        top += max(map(_height, row)) + _BETWEEN
    lines = [line for note in notes for line in wrap(note, round((width - 2 * _MARGIN) / _LETTER)) or [""]]
    for number, line in enumerate(lines):
        content += text(_MARGIN, top + _NOTE * number, line, "start", size=7.5)
    height = top + _NOTE * len(lines)
    return Sheet(document(width, height, content, alt), width, height)


def _height(entry: Entry) -> float:
    return _LINE + len(entry.rows) * (_FACE + _WITHIN) + _LINE * len(entry.lines)


def _entry(entry: Entry, x: float, y: float) -> str:
    content, top = "", y + _LINE
    for number, face in enumerate(entry.rows[0]):
        content += text(x + number * (_FACE + _WITHIN), y + 8, _fitting(face.name), "start", size=7)
    for row in entry.rows:
        content += "".join(_face(face, x + number * (_FACE + _WITHIN), top) for number, face in enumerate(row))
        top += _FACE + _WITHIN
    for number, line in enumerate(entry.lines, start=1):
        content += text(x, top + _LINE * number - 3, _fitting(line, 2), "start", size=8)
    return content


def _fitting(told: str, faces: int = 1) -> str:
    """As much of a line as is as wide as so many faces."""
    letters = _LETTERS * faces
    return told if len(told) <= letters else f"{told[: letters - 1]}…"


def _face(face: Face, x: float, y: float) -> str:
    if face.png is None:
        return text(x + _FACE / 2, y + _FACE / 2, "no picture", size=8)
    shown, unit = base64.b64encode(face.png).decode(), _FACE / face.size
    picture = (
        f'<image xlink:href="data:image/png;base64,{shown}" x="0" y="0" width="{face.size}" height="{face.size}" '
        'style="image-rendering: pixelated"/>'
    )
    lines = (
        "".join(stroke(face.outline, colour, round(width / unit, 2)) for colour, width in (_BESIDE, _OVER))
        if face.outline
        else ""
    )
    return f'<g transform="translate({x} {y}) scale({unit:.5f})">{picture}{lines}</g>'
