"""`report` and `reproduce`: file the comparison of two photographs, and check what was filed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.casefile.archive import read_archive, seal_of
from xssab_core.casefile.filing import case_file
from xssab_core.casefile.reproduce import REASON, Reproduction, reproduce
from xssab_core.commands.arguments import add_pair_options, further_from, pair_from, threshold_of
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.explain import METHODS
from xssab_core.faces.photo import read_bytes
from xssab_core.files import write_whole
from xssab_core.progress import Line

_CASE = "case.zip"


def add(subparsers: Any) -> None:
    """Add both commands to the command line."""
    _add_report(subparsers)
    _add_reproduce(subparsers)


def _add_report(subparsers: Any) -> None:
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
    parser.set_defaults(run=_report)


def _report(given: argparse.Namespace) -> None:
    """Compute the case, write it, and say where it is and what fixes it."""
    engine, notes, pair, further = Engine(), _notes(given.notes), pair_from(given), further_from(given)
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
        further=further,
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


def _add_reproduce(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "reproduce",
        help="check a case file: its digests, and every number again",
        description="Exit code 0 when every member is as it was filed and every figure is equal or within its "
        "tolerance.",
    )
    parser.add_argument("case", type=Path, metavar="CASE.zip")
    parser.add_argument(
        "--originals",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="the photographs, if it does not hold them",
    )
    parser.set_defaults(run=_reproduce)


def _reproduce(given: argparse.Namespace) -> None:
    """Check and compute again; print what became of each figure."""
    archive = read_archive(given.case)
    found = reproduce(Engine(), archive, [read_bytes(path) for path in given.originals], Line())
    print("\n".join(_lines(found)))
    print(f"SHA-256 of the manifest: {archive.seal}")
    if not found.holds:
        raise DataError(f"{given.case} does not hold. What differs is listed above.")


def _lines(found: Reproduction) -> list[str]:
    """What was found out, as lines of text."""
    said = [f"manifest: {problem}" for problem in found.problems]
    for check in found.checks:
        allowed = f" (tolerance {check.tolerance})" if check.verdict != "equal" else ""
        told = f": {check.told}" if check.told else ""
        said.append(f"{check.verdict:18}{check.figure}{told}{allowed}")
    said += [f"differs today: {circumstance}" for circumstance in found.circumstances]
    if any(check.verdict == "within tolerance" for check in found.checks):
        said.append(f"Why there is a tolerance: {REASON}")
    return [*said, found.summary]
