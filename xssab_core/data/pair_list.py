"""Pair lists: a user's own pairs with known labels, from a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from xssab_core.data.lfw import LfwPair
from xssab_core.errors import DataError

_FOLD = re.compile(r"[0-9]{1,4}")
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
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip().lower() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            missing = [name for name in ("probe", "reference", "label") if name not in columns]
            if missing:
                raise DataError(
                    f"{path.name} has no column {missing[0]!r}. Its first line must be: probe,reference,label"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
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


def _pair(index: int, row: dict[str, str | None], roots: Sequence[Path]) -> LfwPair:
    label = (row["label"] or "").strip().lower()
    if label not in _LABELS:
        raise DataError(f"the label {label[:20]!r} is not genuine, impostor, 1 or 0")
    fold = (row.get("fold") or "0").strip()
    if not _FOLD.fullmatch(fold):
        raise DataError(f"the fold {fold[:20]!r} is not a number from 0 to 9999")

    def image(column: str) -> Path:
        name = (row[column] or "").strip()
        found = next((root / name for root in roots if name and _is_file(root / name)), None)
        if found is None:
            raise DataError(f"the {column} {name[:200]!r} is not a file")
        return found

    return LfwPair(index, int(fold), _LABELS[label], image("probe"), image("reference"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text that cannot be a path: too long, or with a NUL
        return False
