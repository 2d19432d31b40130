"""A finished triage: its table, its rows without a score, its cohorts, and what it was made with."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa

from xssab_core.errors import DataError
from xssab_core.files import decoded
from xssab_core.gallery.selection import FALSE_MATCH, FALSE_NON_MATCH
from xssab_core.metrics import Rate
from xssab_core.triage.cohort import Cohort, read_cohorts
from xssab_core.triage.pairs import Policy
from xssab_core.triage.store import Store, crop_name
from xssab_core.triage.table import COLUMNS

TABLE, TABLE_CSV, REFUSED, COHORTS, SUMMARY, REPORT = (
    "triage.parquet",
    "triage.csv",
    "problems.parquet",
    "cohorts.npz",
    "summary.json",
    "report.html",
)
REFUSED_CSV = "problems.csv"


class Summary(msgspec.Struct, frozen=True):
    """What a triage was made with.

    Attributes:
        caution: see `CAUTION`.
        created: UTC.
        title, note: of the list of pairs.
        pairs_sha256: of its rows: equal for the same list.
        root: the folder that names of photographs are relative to; None where they were no files.
        rows: of the list.
        model, model_title, weights_sha256: of the model.
        threshold, threshold_name, threshold_origin: that decided.
        method, method_title: whose maps were divided into regions; None where nothing was explained.
        faces: the policy.
        aligned: the photographs were crops already.
        detector, aligner_version, device, versions: what computed it.
    """

    caution: str
    created: str
    title: str
    note: str
    pairs_sha256: str
    root: str | None
    rows: int
    model: str
    model_title: str
    weights_sha256: str
    threshold: float
    threshold_name: str
    threshold_origin: str
    method: str | None
    method_title: str | None
    faces: Policy
    aligned: bool
    detector: str
    aligner_version: str
    device: str
    versions: dict[str, str]


@dataclass(frozen=True, eq=False)
class Triage:
    """A finished triage.

    Attributes:
        summary: what it was made with.
        table: one line for each scored row, see docs/triage.md.
        refused: one line for each row without a score.
        cohorts: by outcome; empty where nothing was explained.
        store: where its files are.
    """

    summary: Summary
    table: pd.DataFrame
    refused: pd.DataFrame
    cohorts: dict[str, Cohort]
    store: Store

    def crop_png(self, line: Any, side: str) -> bytes | None:
        """The crop of the "probe" or "reference" of a line of the table, as PNG; None where its file is gone."""
        return self.store.read(crop_name(getattr(line, f"{side}_sha256"), getattr(line, f"{side}_face")))

    @property
    def rates(self) -> dict[str, Rate]:
        """FMR and FNMR of the labelled rows by name, those there are."""
        kinds = {"FMR": ("impostor", FALSE_MATCH), "FNMR": ("genuine", FALSE_NON_MATCH)}
        found = {}
        for name, (label, error) in kinds.items():
            of_kind = self.table[self.table["label"] == label]
            if len(of_kind):
                found[name] = Rate(int((of_kind["outcome"] == error).sum()), len(of_kind))
        return found


def read_triage(store: Store) -> Triage:
    """What a run wrote.

    Raises:
        DataError: it is not finished, or a file is damaged.
    """
    files = {name: store.read(name) for name in (SUMMARY, TABLE, REFUSED, COHORTS)}
    data = {name: content for name, content in files.items() if content is not None}
    if len(data) < len(files):
        raise DataError("This folder holds no finished triage. Run xssab triage with it as --output.")
    try:
        summary = decoded(data[SUMMARY], Summary)
        tables = [pd.read_parquet(io.BytesIO(data[name])) for name in (TABLE, REFUSED)]
    except (ValueError, OSError, pa.ArrowException) as error:
        raise DataError(f"The files of this triage are damaged ({error}). Run it again.") from error
    missing = [name for name in COLUMNS if name not in tables[0]]
    if missing:
        raise DataError(f"{TABLE} of this triage has no column {missing[0]}. Run it again.")
    return Triage(summary, tables[0], tables[1], read_cohorts(data[COHORTS]), store)
