"""`report`: a case file of the comparison of two photographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.casefile.archive import seal_of
from xssab_core.casefile.filing import case_file
from xssab_core.commands.arguments import add_pair_options, pair_from, threshold_of
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.explain import METHODS
from xssab_core.files import write_whole
from xssab_core.progress import Line

_CASE = "case.zip"


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="file the comparison of two photographs: report, data and digests",
        description="Writes case.zip: a report as HTML and PDF, all maps, figures and numbers, and a manifest of "
        "digests. `xssab reproduce` checks it.",
    )
    add_pair_options(parser)
    parser.add_argument(
        "--method",
        action="append",
        metavar="METHOD",
        help=f"may be repeated, the one shown first comes first (xssab): {', '.join(METHODS)}",
    )
    parser.add_argument("--originals", action="store_true", help="put the photographs into it, byte for byte")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="the examiner's notes, text in UTF-8")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Compute the case, write it, and say where it is and what fixes it."""
    engine, notes, pair = Engine(), _notes(given.notes), pair_from(given)
    model = engine.model(given.model, Line("MiB"))
    methods = tuple(dict.fromkeys(given.method or ["xssab"]))
    case = case_file(
        engine,
        model,
        pair,
        methods,
        threshold_of(given),
        originals=given.originals,
        notes=notes,
        progress=Line(),
    )
    write_whole(given.output / _CASE, case)
    print(given.output / _CASE)
    print(f"SHA-256 of its manifest, to be noted elsewhere: {seal_of(case)}")


def _notes(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_bytes().decode()  # line by line as it was written
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text in UTF-8 ({error}). Check the file.") from error
