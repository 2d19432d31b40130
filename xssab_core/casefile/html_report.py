"""A report as one HTML file that needs nothing else, prints well, and runs nothing."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from xssab_core.casefile.document import Document, visible

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.filters["visible"] = visible
# Ours alone: every text within was escaped when it was drawn, see `figures`.
_TEMPLATES.filters["svg"] = Markup


def html_report(document: Document) -> bytes:
    """The bytes of report.html."""
    return _TEMPLATES.get_template("report.html").render(document=document).encode()
