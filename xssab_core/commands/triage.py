"""`triage`: which of many pairs are decided wrongly or closely, and what drove them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.commands.arguments import threshold_from
from xssab_core.models import DEFAULT_MODEL
from xssab_core.progress import Line
from xssab_core.triage.pairs import POLICIES, open_pairs
from xssab_core.triage.report import facts, title_of
from xssab_core.triage.results import REPORT, read_triage
from xssab_core.triage.runner import NO_METHOD, Settings, triage
from xssab_core.triage.store import FolderStore

_SHOWN = 10


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "triage",
        help="sort many pairs by how wrong and how close their decisions are",
        description="Writes triage.csv, triage.parquet, problems.csv, cohorts.npz and report.html. Stop it at any "
        "moment: the same command goes on where it was. docs/triage.md says what the columns mean.",
    )
    parser.add_argument(
        "pairs",
        type=Path,
        metavar="PAIRS",
        help="a CSV file with probe,reference and, if you like, label,fold,probe_face,reference_face, paths relative "
        "to it; a verification set of InsightFace (.bin); or a folder with pairs.txt",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threshold", help='a cosine, or the name of a known threshold such as "eer"')
    parser.add_argument(
        "--method",
        help=f"whose maps are divided into regions; {NO_METHOD} for no maps; layered unless given, where the model "
        "permits it",
    )
    parser.add_argument(
        "--faces",
        choices=POLICIES,
        help="which of several faces: the largest (default), the one nearest the middle (default with pairs.txt), or "
        "refuse such rows",
    )
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="the output of a triage of the same list under another model"
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS|local:N", help="work on a Dask cluster, or on N processes of this machine"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Triage the pairs, tell how far it is, print what was found and the first rows."""
    against = None if given.against is None else read_triage(FolderStore(given.against))
    pairs = open_pairs(given.pairs, given.output / "photographs")
    threshold = None if given.threshold is None else threshold_from(given.threshold)
    settings = Settings(given.model, threshold, given.method, given.faces, given.cluster)
    found = triage(pairs, settings, FolderStore(given.output), against=against, progress=Line())
    for sentence in facts(found):
        print(sentence)
    for line in found.table.head(_SHOWN).itertuples(index=False):
        print(
            f"row {line.row}: {title_of(line.outcome)}, margin {line.margin:+z.4f}, {line.probe} and {line.reference}"
        )
    print(f"Report: {given.output / REPORT}")
