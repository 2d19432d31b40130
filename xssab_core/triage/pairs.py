"""The pairs of a triage: rows of a CSV file, an InsightFace verification set, or a folder with pairs.txt."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from xssab_core.data.lfw import Lfw, LfwPair, open_lfw
from xssab_core.data.pair_list import is_file, is_genuine, number_of, read_rows
from xssab_core.data.verification_set import SUFFIX, read_verification_set, unpacked
from xssab_core.errors import DataError
from xssab_core.faces import SIDES

Policy = Literal["largest", "middle", "refuse"]
POLICIES: tuple[Policy, ...] = ("largest", "middle", "refuse")
_COLUMNS = ("probe", "reference", "label", "fold", "probe_face", "reference_face")

Source = Callable[[str], Path | bytes]
"""Where the photograph of that name is. DataError where there is none, PhotoError where it cannot be had."""


@dataclass(frozen=True)
class Row:
    """One pair as it is asked for.

    Attributes:
        number: the line of the CSV file it ends on; else its number in the set, from 1.
        probe, reference: the photographs as they are named there.
        genuine: whether they show one person; None without a label.
        fold: None without one.
        probe_face, reference_face: which face, 1 = largest; 0 leaves it to the policy.
        problem: what is wrong with the row itself, as a phrase; None where nothing is.
    """

    number: int
    probe: str
    reference: str
    genuine: bool | None = None
    fold: int | None = None
    probe_face: int = 0
    reference_face: int = 0
    problem: str | None = None

    @property
    def sides(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Photograph and face of probe and reference."""
        return (self.probe, self.probe_face), (self.reference, self.reference_face)


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs and where their photographs are.

    Attributes:
        title: name of the file or folder.
        rows: in order.
        source: finds a photograph.
        root: the folder that names are relative to; None where photographs are not files.
        aligned: the photographs are crops that are already aligned.
        policy: which face is meant unless a row or the user says so.
        note: what else is to be said of the list; empty where nothing is.
    """

    title: str
    rows: tuple[Row, ...]
    source: Source
    root: Path | None = None
    aligned: bool = False
    policy: Policy = "largest"
    note: str = ""

    @property
    def digest(self) -> str:
        """sha256 of the rows: equal for equal lists, wherever they lie."""
        return hashlib.sha256(json.dumps([asdict(row) for row in self.rows]).encode()).hexdigest()


@dataclass(frozen=True)
class Folder:
    """Photographs in a folder."""

    root: Path

    def __call__(self, name: str) -> Path:
        """See `Source`."""
        path = self.root / name
        if not name or not is_file(path):
            raise DataError(f"{name[:200]!r} is not a file.")
        return path


def open_pairs(path: Path, unpack_into: Path) -> PairList:
    """The pairs that a path names: a CSV file, a `.bin` of InsightFace, or a folder with pairs.txt.

    Args:
        path: the file or folder.
        unpack_into: where the crops of a `.bin` go, which holds pictures and no files.

    Raises:
        DataError: it is none of these, or cannot be read.
        OutputError: the crops cannot be written.
    """
    path = path.expanduser().resolve()
    if path.is_dir():
        return _of_lfw(open_lfw(path))
    if path.suffix.lower() == SUFFIX:
        crops = unpacked(read_verification_set(path), unpack_into)
        return PairList(path.name, _rows_of(crops, unpack_into), Folder(unpack_into), unpack_into, aligned=True)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}). Check the path.") from error
    return read_list(data, path.name, Folder(path.parent), path.parent)


def read_list(data: bytes, name: str, source: Source, root: Path | None = None) -> PairList:
    """The pairs of a CSV file with the columns probe and reference, and label, fold, probe_face and reference_face
    where there are such. A row that is wrong stays, with its problem.

    Args:
        data: the complete bytes, UTF-8.
        name: of the file.
        source: finds the photographs.
        root: the folder that their names are relative to.

    Raises:
        DataError: it is not CSV, lacks one of these two columns, or has no rows.
    """
    try:
        lines = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text. Save it as CSV in UTF-8.") from error
    rows = tuple(_row(number, texts) for number, texts in read_rows(lines, name, _COLUMNS[:2]))
    if not rows:
        raise DataError(f"{name} has no pairs below its first line.")
    return PairList(name, rows, source, root)


def _row(number: int, texts: dict[str, str]) -> Row:
    probe, reference, label, fold, *faces = (texts.get(column, "") for column in _COLUMNS)
    try:
        genuine = is_genuine(label) if label else None
        chosen = [number_of(face or "0", f"{side} face") for side, face in zip(SIDES, faces, strict=True)]
        return Row(number, probe, reference, genuine, number_of(fold, "fold") if fold else None, chosen[0], chosen[1])
    except DataError as error:
        return Row(number, probe, reference, problem=f"{error}"[:1].upper() + f"{error}."[1:])


def _of_lfw(lfw: Lfw) -> PairList:
    rows = _rows_of(lfw.pairs, lfw.images)
    return PairList(lfw.images.name, rows, Folder(lfw.images), lfw.images, policy="middle", note=lfw.coverage)


def _rows_of(pairs: tuple[LfwPair, ...], root: Path) -> tuple[Row, ...]:
    return tuple(
        Row(
            pair.index + 1,
            pair.probe.relative_to(root).as_posix(),
            pair.reference.relative_to(root).as_posix(),
            pair.genuine,
            pair.fold or None,
        )
        for pair in pairs
    )
