"""A report as PDF, set from the same content as the HTML.

fpdf2 sets it: it needs nothing from the system (WeasyPrint needs Pango), embeds the letters of a font that are used,
and draws the SVG of the figures as vectors.
"""

from __future__ import annotations

import io
from typing import Any

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace, TTFFont

from xssab_core.casefile.document import Block, Bullets, Document, Figure, Figures, Paragraph, Table, visible
from xssab_core.drawing.svg import FONT
from xssab_core.paths import ASSETS

_FONTS = ASSETS / "fonts"
_MARGIN, _GAP, _INDENT = 15.0, 5.0, 3.5
_TEXT, _SMALL, _WIDE = 9.0, 7.6, 6.9
_FIRST_COLUMN = 0.26
_PICTURE = 18.0
_SQUARE = 66.0
_CHART = 260 / 640


class _Paper(FPDF):
    """A4 with the caution and the page number below."""

    def __init__(self, caution: str) -> None:
        super().__init__(format="A4")
        self._caution = caution
        self.set_margins(_MARGIN, _MARGIN)
        self.c_margin = 0.0  # text begins where lines and figures do
        self.set_auto_page_break(True, 20)
        for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
            self.add_font(FONT, style, _FONTS / f"{name}.ttf")
        self.set_font(FONT, size=_TEXT)
        fonts = [font for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._known = frozenset.intersection(*(frozenset(font.cmap) for font in fonts))

    def letters(self, text: str) -> str:
        """Text whose letters the font has; others stand as their code points."""
        return "".join(c if ord(c) in self._known or c == "\n" else f"\\u{ord(c):04x}" for c in visible(text))

    def footer(self) -> None:
        """Called for each page."""
        self.set_y(-14)
        self.set_font(FONT, size=6.2)
        self.set_text_color(70)
        self.cell(self.epw - 20, 5, self._caution)
        self.cell(20, 5, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(0)
        self.set_font(FONT, size=_TEXT)


def pdf_report(document: Document) -> bytes:
    """The bytes of report.pdf."""
    paper = _Paper(document.caution)
    paper.set_title(document.title)
    paper.set_lang("en")
    paper.add_page()
    _head(paper, document)
    for number, section in enumerate(document.sections, start=1):
        _heading(paper, f"{number}. {section.title}", isinstance(section.blocks[0], Figures))
        for block in section.blocks:
            _block(paper, block)
    return bytes(paper.output())


def _head(paper: _Paper, document: Document) -> None:
    _write(paper, document.title, 16, "B", 2)
    paper.set_text_color(60)
    _write(paper, document.subject, _TEXT, gap=0.5)
    _write(paper, f"{document.created} (UTC)", _TEXT, gap=3)
    paper.set_text_color(0)
    paper.set_font(FONT, "B", 10.5)
    paper.set_line_width(0.5)
    paper.multi_cell(
        0, 6, paper.letters(document.finding), border=1, padding=3, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )
    paper.set_line_width(0.2)
    paper.ln(2)
    _write(paper, document.caution, _TEXT, gap=2)


def _heading(paper: _Paper, text: str, before_figure: bool) -> None:
    """A heading stands on the page of what follows it."""
    if paper.will_page_break(95 if before_figure else 45):
        paper.add_page()
    paper.ln(3)
    _write(paper, text, 12, "B", 0.5)
    paper.set_line_width(0.4)
    paper.line(paper.l_margin, paper.y, paper.w - paper.r_margin, paper.y)
    paper.set_line_width(0.2)
    paper.ln(2)


def _write(paper: _Paper, text: str, size: float, style: str = "", gap: float = 1.5) -> None:
    paper.set_font(FONT, style, size)
    paper.multi_cell(0, size * 0.5, paper.letters(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.set_font(FONT, "", _TEXT)
    paper.ln(gap)


def _block(paper: _Paper, block: Block) -> None:
    if isinstance(block, Paragraph):
        _write(paper, block.text, _TEXT)
    elif isinstance(block, Bullets):
        for item in block.items:
            paper.cell(_INDENT, _TEXT * 0.5, "•")
            _write(paper, item, _TEXT, gap=0.8)
        paper.ln(1)
    elif isinstance(block, Table):
        _table(paper, block)
    elif isinstance(block, Figures):
        _figures(paper, block)
    else:
        paper.multi_cell(
            0, 4.6, paper.letters(block.text), border=1, padding=2, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        paper.ln(2)


def _table(paper: _Paper, table: Table) -> None:
    columns = len(table.rows[0])
    size = _WIDE if columns > 3 else _SMALL
    widths = _widths(columns, bool(table.pictures), paper.epw)
    paper.set_font(FONT, size=size)
    paper.set_draw_color(150)
    bold = FontFace(emphasis="BOLD")
    with paper.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=widths,
        first_row_as_headings=bool(table.head),
        headings_style=bold,
        line_height=size * 0.55,
        padding=(0.7, 2.0, 0.7, 0.0),
        text_align="LEFT",
    ) as drawn:
        if table.head:
            drawn.row([paper.letters(cell) for cell in table.head])
        for number, cells in enumerate(table.rows):
            row = drawn.row()
            if table.pictures:
                row.cell(img=io.BytesIO(table.pictures[number].encode()), img_fill_width=True)
            for place, cell in enumerate(cells):
                row.cell(paper.letters(cell), style=bold if place == 0 else None)
    paper.set_draw_color(0)
    paper.set_font(FONT, size=_TEXT)
    paper.ln(2.5)


def _widths(columns: int, has_pictures: bool, whole: float) -> tuple[float, ...]:
    """Of columns of text, in mm; with one of pictures before them the first is that of names."""
    picture = _PICTURE if has_pictures else 0.0
    first = 0.4 if has_pictures else _FIRST_COLUMN if columns < 4 else 0.2
    each = (1 - first) / (columns - 1)
    widths = tuple(share * (whole - picture) for share in (first, *(each for _ in range(columns - 1))))
    return (picture, *widths) if has_pictures else widths


def _figures(paper: _Paper, figures: Figures) -> None:
    """Side by side, each above its caption, on one page."""
    count = len(figures.items)
    square = all(figure.is_square for figure in figures.items)
    width = min((paper.epw - _GAP * (count - 1)) / count, _SQUARE if square else paper.epw)
    height = width if square else width * _CHART
    paper.set_font(FONT, size=_SMALL)
    below = max(_caption(paper, figure, width, dry=True) for figure in figures.items)
    if paper.will_page_break(height + below + 2):
        paper.add_page()
    top = paper.y
    for number, figure in enumerate(figures.items):
        x = paper.l_margin + number * (width + _GAP)
        paper.image(io.BytesIO(figure.svg.encode()), x, top, width, height)
        paper.set_xy(x, top + height + 1)
        paper.set_font(FONT, size=_SMALL)
        _caption(paper, figure, width)
    paper.set_font(FONT, size=_TEXT)
    paper.set_xy(paper.l_margin, top + height + below + 4)


def _caption(paper: _Paper, figure: Figure, width: float, dry: bool = False) -> float:
    found: Any = paper.multi_cell(
        width,
        3.9,
        paper.letters(figure.caption),
        align="L",
        dry_run=dry,
        output="HEIGHT",
        new_x=XPos.LEFT,
        new_y=YPos.NEXT,
    )
    return float(found)
