"""`reproduce`: check a case file: its digests, and every number again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.casefile.archive import read_archive
from xssab_core.casefile.reproduce import REASON, Reproduction, reproduce
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.faces.photo import read_bytes
from xssab_core.progress import Line


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
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
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Check and compute again; print what became of each figure."""
    archive = read_archive(given.case)
    found = reproduce(Engine(), archive, [read_bytes(path) for path in given.originals], Line())
    print("\n".join(lines(found)))
    print(f"SHA-256 of the manifest: {archive.seal}")
    if not found.holds:
        raise DataError(f"{given.case} does not hold. What differs is listed above.")


def lines(found: Reproduction) -> list[str]:
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
