"""The table of a triage: what each row came to, the most wrong and the closest first; and the rows without a score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xssab_core.explain import CAUTION
from xssab_core.faces import SIDES
from xssab_core.gallery.selection import FALSE_MATCH, FALSE_NON_MATCH, MATCH, NON_MATCH
from xssab_core.metrics import Rate, cosine
from xssab_core.models.base import Threshold
from xssab_core.models.calibration import Calibration, ErrorRates
from xssab_core.triage.pairs import Row
from xssab_core.triage.photographs import FoundFace, Photograph, Problem

# Outcomes of rows without a label.
UNLABELLED = ("match, no label", "non-match, no label")
ERRORS = (FALSE_MATCH, FALSE_NON_MATCH)
OUTCOMES = (FALSE_MATCH, FALSE_NON_MATCH, MATCH, NON_MATCH, *UNLABELLED)
# What every table has, also one without a line.
COLUMNS = (
    *("row", "probe", "reference", "label", "fold", "score", "threshold", "margin", "decision", "outcome", "warnings"),
    "inside_interval",
)
_TYPES = {"fold": "Int64", "inside_interval": "boolean"}
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Faces = Mapping[tuple[str, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Scored:
    """A row whose two faces can be used."""

    row: Row
    photographs: tuple[Photograph, Photograph]
    faces: tuple[FoundFace, FoundFace]
    score: float

    @property
    def key(self) -> frozenset[tuple[str, int]]:
        """Equal for rows that ask the same: the same two faces, whichever is the probe. One where both are one."""
        return frozenset((photo.sha256, face.number) for photo, face in zip(self.photographs, self.faces, strict=True))

    def outcome(self, threshold: Threshold) -> str:
        """One of `OUTCOMES`."""
        is_match = threshold.is_match(self.score)
        if self.row.genuine is None:
            return UNLABELLED[0 if is_match else 1]
        if self.row.genuine:
            return MATCH if is_match else FALSE_NON_MATCH
        return FALSE_MATCH if is_match else NON_MATCH


@dataclass(frozen=True)
class Refused:
    """A row without a score, and why."""

    row: Row
    problem: Problem


def judge(
    rows: Iterable[Row], photographs: Mapping[str, Photograph], embeddings: Faces
) -> tuple[list[Scored], list[Refused]]:
    """Score each row, or say why it has no score.

    Args:
        rows: in order; of those that ask the same, the first is scored.
        photographs: by name.
        embeddings: float32 (D,) unit embeddings by the name of the photograph and the number of the face.
    """
    scored: list[Scored] = []
    refused: list[Refused] = []
    seen: dict[frozenset[tuple[str, int]], Row] = {}
    for row in rows:
        problem = _problem(row, photographs)
        if problem is None:
            first, second = row.sides
            photos = photographs[first[0]], photographs[second[0]]
            faces = photos[0].found[first[1]], photos[1].found[second[1]]
            found = Scored(row, photos, faces, cosine(embeddings[first], embeddings[second]))
            problem = _repeated(found, seen)
            if problem is None:
                seen[found.key] = row
                scored.append(found)
                continue
        refused.append(Refused(row, problem))
    return scored, refused


def _problem(row: Row, photographs: Mapping[str, Photograph]) -> Problem | None:
    """Why the row or one of its photographs cannot be used; None where all can."""
    if row.problem:
        return Problem("row", row.problem)
    found = []
    for side, (name, face) in zip(SIDES, row.sides, strict=True):
        photograph = photographs[name]
        problem = photograph.problem or photograph.refused.get(face)
        if problem is not None:
            found.append(Problem(problem.kind, f"{side.capitalize()}: {problem.reason}"))
    return Problem(found[0].kind, " ".join(problem.reason for problem in found)) if found else None


def _repeated(found: Scored, seen: Mapping[frozenset[tuple[str, int]], Row]) -> Problem | None:
    if len(found.key) == 1:
        return Problem("repeated", "Probe and reference are the same face of the same file: the score only shows that.")
    before = seen.get(found.key)
    if before is None:
        return None
    other = "" if before.genuine == found.row.genuine else ", with another label"
    return Problem("repeated", f"Asks the same as row {before.number}, by the bytes of its files{other}.")


def table_of(
    scored: Sequence[Scored],
    threshold: Threshold,
    shares: np.ndarray | None,
    regions: Sequence[str],
    attention: bool,
    calibration: Calibration | None,
) -> pd.DataFrame:
    """One line for each scored row, in the order of a triage; docs/triage.md says what the columns are.

    Args:
        scored: the rows.
        threshold: that decides.
        shares: float64 (n, 2, R), see `Mapped.shares`; None where nothing was explained.
        regions: the R names.
        attention: the maps have no sign.
        calibration: of the model; None without one.
    """
    known = None if calibration is None else calibration.rates(threshold.value)
    lines = []
    for index, found in enumerate(scored):
        line = _line(found, threshold) | {"inside_interval": _is_inside(found.score, calibration, known)}
        if shares is not None:
            line |= _regions(shares[index], regions, attention or threshold.is_match(found.score))
        lines.append(line)
    return ordered(pd.DataFrame(lines, columns=None if lines else list(COLUMNS)).astype(_TYPES))


def _line(found: Scored, threshold: Threshold) -> dict[str, Any]:
    row = found.row
    label = None if row.genuine is None else "genuine" if row.genuine else "impostor"
    line: dict[str, Any] = {
        "row": row.number,
        "probe": row.probe,
        "reference": row.reference,
        "label": label,
        "fold": row.fold,
        "score": found.score,
        "threshold": threshold.value,
        "margin": found.score - threshold.value,
        "decision": "match" if threshold.is_match(found.score) else "non-match",
        "outcome": found.outcome(threshold),
        "warnings": " ".join(
            f"{side.capitalize()}: {warning}"
            for side, face in zip(SIDES, found.faces, strict=True)
            for warning in face.warnings
        ),
    }
    for side, photo, face in zip(SIDES, found.photographs, found.faces, strict=True):
        line |= {
            f"{side}_sha256": photo.sha256,
            f"{side}_width": photo.width,
            f"{side}_height": photo.height,
            f"{side}_face": face.number,
            f"{side}_faces": photo.faces if photo.faces is not None else 0,
            f"{side}_eye_distance": face.eye_distance,
        }
    return line


def _is_inside(score: float, calibration: Calibration | None, known: ErrorRates | None) -> bool | None:
    """Whether both error rates at the score lie in the 95 % intervals of those at the threshold."""
    if calibration is None or known is None:
        return None
    there = calibration.rates(score)
    return _covers(known.false_match, there.false_match) and _covers(known.false_non_match, there.false_non_match)


def _covers(rate: Rate, other: Rate) -> bool:
    low, high = rate.interval
    return low <= other.value <= high


def _regions(shares: np.ndarray, names: Sequence[str], upwards: bool) -> dict[str, Any]:
    """The region of each face whose part of the map speaks most for the decision, and all parts; shares (2, R)."""
    line: dict[str, Any] = {}
    for side, parts in zip(SIDES, shares, strict=True):
        best = int(parts.argmax() if upwards else parts.argmin())
        line |= {f"{side}_region": names[best], f"{side}_share": float(parts[best])}
    for side, parts in zip(SIDES, shares, strict=True):
        line |= {f"{side}_{name.replace(' ', '_')}": float(part) for name, part in zip(names, parts, strict=True)}
    return line


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of a triage: wrong decisions first, those farthest from the threshold first of all; then
    the others, closest to the threshold first. Ties as in the list."""
    wrong = table["outcome"].isin(ERRORS).to_numpy()
    distance = table["margin"].abs().to_numpy(dtype=np.float64)
    order = np.lexsort((table["row"].to_numpy(), np.where(wrong, -distance, distance), ~wrong))
    return table.iloc[order].reset_index(drop=True)


def refused_table(refused: Sequence[Refused]) -> pd.DataFrame:
    """One line for each row without a score, in the order of the list: row, probe, reference, kind, reason."""
    lines = [(each.row.number, each.row.probe, each.row.reference, *_told(each.problem)) for each in refused]
    return pd.DataFrame(lines, columns=["row", "probe", "reference", "kind", "reason"])


def _told(problem: Problem) -> tuple[str, str]:
    return problem.kind, problem.reason


def parquet_of(table: pd.DataFrame) -> bytes:
    """The table as a Parquet file, which pandas reads back as it was; the caution is in its metadata."""
    found = pa.Table.from_pandas(table, preserve_index=False)
    found = found.replace_schema_metadata({**(found.schema.metadata or {}), b"caution": CAUTION.encode()})
    buffer = io.BytesIO()
    pq.write_table(found, buffer, compression="zstd")
    return buffer.getvalue()


def csv_of(table: pd.DataFrame) -> bytes:
    """The table as a CSV file, below a line that begins with # and bears the caution.

    Texts that a spreadsheet would run as a formula begin with an apostrophe.
    """
    text = io.StringIO()
    text.write(f"# {CAUTION}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for line in table.itertuples(index=False):
        writer.writerow([_cell(value) for value in line])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
