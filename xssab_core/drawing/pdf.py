"""A vector picture as a PDF of its own size, as LaTeX takes it."""

from __future__ import annotations

import io

from xssab_core.drawing.svg import FONT
from xssab_core.paths import ASSETS

# Units of a picture that make a point: pictures of 640 units are as wide as a page of text.
_UNITS = 4 / 3


def pdf_of(svg: str, width: float, height: float) -> bytes:
    """One page that holds a picture from `svg.document`; letters are embedded.

    Args:
        svg: the picture.
        width, height: of its view box.
    """
    from fpdf import FPDF  # takes its time, which an app that starts need not wait for

    size = width / _UNITS, height / _UNITS
    paper = FPDF(unit="pt", format=size)
    paper.set_auto_page_break(False)
    for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        paper.add_font(FONT, style, ASSETS / "fonts" / f"{name}.ttf")
    paper.set_font(FONT, size=8)
    paper.add_page()
    paper.image(io.BytesIO(svg.encode()), 0, 0, *size)
    return bytes(paper.output())
