"""Rows of a table of scored pairs as files."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pandas as pd

from xssab_core.explain import CAUTION

# Those of a table from `decided` that mean something outside the app; what stands beside them begins with this.
_COLUMNS = (
    *("id", "index", "fold", "genuine", "mislabelled", "probe_identity", "reference_identity", "donor"),
    *("clean_score", "score", "margin", "outcome"),
)
_BESIDE = "other_"


def exported(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table from `decided` or `with_others` that are written, in order."""
    own = [name for name in _COLUMNS if name in table]
    return table[[*own, *(name for name in table if name.startswith(_BESIDE))]].reset_index(drop=True)


def rows_csv(table: pd.DataFrame, about: Sequence[str]) -> bytes:
    """The rows as CSV, after lines that begin with # and say what they are."""
    lines = "".join(f"# {' '.join(line.split())}\n" for line in (CAUTION, *about))
    return f"{lines}{exported(table).to_csv(index=False)}".encode()


def rows_parquet(table: pd.DataFrame, about: Sequence[str]) -> bytes:
    """The rows as Parquet; what they are stands in the attributes of the table."""
    found, buffer = exported(table), io.BytesIO()
    found.attrs |= {"caution": CAUTION, "about": list(about)}
    found.to_parquet(buffer, index=False)
    return buffer.getvalue()
