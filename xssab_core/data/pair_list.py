"""Pair lists: a user's own pairs with known labels, from a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from xssab_core.data.lfw import LfwPair
from xssab_core.errors import DataError

_NUMBER = re.compile(r"[0-9]{1,4}")
_LABELS = {"genuine": True, "1": True, "impostor": False, "0": False}


def read_pairs(path: Path, images: Path | None = None) -> tuple[LfwPair, ...]:
    """A user's own pairs from a CSV file with the columns `probe,reference,label`, and `fold` if there is one.

    Args:
        path: the file. Its paths are relative to its folder, or to `images`; labels are genuine/impostor or 1/0.
        images: another folder to look for the images in.

    Raises:
        DataError: the file cannot be read, or rows are wrong; the message names the first of them.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = read_rows(file, path.name, ("probe", "reference", "label"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}.") from error
    roots = [path.parent, *([images] if images else [])]
    pairs, wrong = [], []
    for index, (line, row) in enumerate(rows):
        try:
            pairs.append(_pair(index, row, roots))
        except DataError as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        more = f" {len(wrong) - 3} more rows are wrong." if len(wrong) > 3 else ""
        raise DataError(f"{path.name}, {'; '.join(wrong[:3])}.{more} Correct the file and try again.")
    if not pairs:
        raise DataError(f"{path.name} has no pairs below its first line.")
    return tuple(pairs)


def read_rows(file: Iterable[str], name: str, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file: the line each ends on, and its texts by column, whose names are in small letters.

    A row that is too short has empty texts at its end.

    Args:
        file: its lines, with their line breaks.
        name: what the file is called in errors.
        needed: columns that must be there.

    Raises:
        DataError: it is not CSV, or a column is missing.
    """
    try:
        reader = csv.DictReader(file, strict=True, restval="")
        columns = [column.strip().lower() for column in reader.fieldnames or []]
        reader.fieldnames = columns
        missing = [column for column in needed if column not in columns]
        if missing:
            raise DataError(f"{name} has no column {missing[0]!r}. Its first line must be: {','.join(needed)}")
        return [(reader.line_num, {column: row[column].strip() for column in columns}) for row in reader]
    except csv.Error as error:
        raise DataError(f"{name} cannot be read as CSV: {error}.") from error


def is_genuine(label: str) -> bool:
    """Whether a label says that a pair is of one person; DataError, as a phrase, where it is no label."""
    if label.lower() not in _LABELS:
        raise DataError(f"the label {label[:20]!r} is not genuine, impostor, 1 or 0")
    return _LABELS[label.lower()]


def number_of(text: str, what: str) -> int:
    """A number from 0 to 9999, such as that of a fold; DataError, as a phrase, where it is none."""
    if not _NUMBER.fullmatch(text):
        raise DataError(f"the {what} {text[:20]!r} is not a number from 0 to 9999")
    return int(text)


def _pair(index: int, row: dict[str, str], roots: Sequence[Path]) -> LfwPair:
    label, fold = is_genuine(row["label"]), number_of(row.get("fold") or "0", "fold")

    def image(column: str) -> Path:
        name = row[column]
        found = next((root / name for root in roots if name and is_file(root / name)), None)
        if found is None:
            raise DataError(f"the {column} {name[:200]!r} is not a file")
        return found

    return LfwPair(index, fold, label, image("probe"), image("reference"))


def is_file(path: Path) -> bool:
    """Whether there is a file; also for a text that cannot be a path."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False
