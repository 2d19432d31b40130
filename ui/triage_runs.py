"""The triages that can be looked at: those in the folders of `XSSAB_TRIAGE`, and those of this browser's uploads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ui.state import browser, engine, uploads
from xssab_core.data.photo_zip import PhotoZip
from xssab_core.errors import DataError, FaceError, PhotoError
from xssab_core.faces import SIDES, Photo
from xssab_core.triage.pairs import Folder, Source
from xssab_core.triage.results import SUMMARY, Triage, read_triage
from xssab_core.triage.store import FolderStore, MemoryStore

# In the address: the ticket of an upload's triage and of its photographs, the name of a folder's, the row meant.
RUN, PHOTOS, FOLDER, ROW = "run", "photos", "folder", "row"
# What the pair picker calls a pair of a triage.
TRIAGED = "Triage"
_OPENED = "_triages"


@dataclass(frozen=True, eq=False)
class Run:
    """A triage, where its photographs are, and what names it in an address."""

    triage: Triage
    source: Source
    query: dict[str, str]


def shared_folders() -> dict[str, Path]:
    """Finished triages in the folders that whoever started the app named in `XSSAB_TRIAGE`, and in folders right below
    them. A browser chooses among these names and never names a path."""
    named = (Path(text) for text in os.environ.get("XSSAB_TRIAGE", "").split(os.pathsep) if text)
    found: dict[str, Path] = {}
    for folder in (each for root in named for each in _with_children(root)):
        if (folder / SUMMARY).is_file():
            found.setdefault(folder.name, folder)
    return found


def _with_children(root: Path) -> Iterator[Path]:
    yield root
    try:
        yield from sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return


def shared_run(name: str) -> Run:
    """The triage of that name.

    Raises:
        DataError: there is none, or it is damaged.
    """
    folder = shared_folders().get(name)
    if folder is None:
        raise DataError(f"There is no triage {name!r} in the folders of XSSAB_TRIAGE.")
    triage = _read(str(folder), (folder / SUMMARY).stat().st_mtime_ns)
    root = triage.summary.root
    return Run(triage, _nowhere if root is None else Folder(Path(root)), {FOLDER: name})


@st.cache_resource(max_entries=4, show_spinner="Reading the triage")
def _read(folder: str, changed: int) -> Triage:
    return read_triage(FolderStore(Path(folder)))


def uploaded_run(ticket: str, photos: str) -> Run | None:
    """The triage of this browser's upload; None where it is no longer kept.

    Args:
        ticket: of its result.
        photos: of its ZIP file of photographs; without it the table stays, and pairs cannot be opened.
    """
    kept, archive = uploads().get(browser(), ticket), uploads().get(browser(), photos)
    # In the session, not in a cache of the process, and no longer than what it was read from.
    opened: dict[str, Triage] = st.session_state.setdefault(_OPENED, {})
    for gone in [known for known in opened if uploads().get(browser(), known) is None]:
        del opened[gone]
    if kept is None:
        return None
    if ticket not in opened:
        opened[ticket] = read_triage(MemoryStore.unpacked(kept.data))
    source = _nowhere if archive is None else PhotoZip(archive.data, archive.name)
    return Run(opened[ticket], source, {RUN: ticket, PHOTOS: photos})


def _nowhere(name: str) -> bytes:
    raise DataError(f"{name[:200]!r} is no longer kept here. Upload the photographs again.")


def named_run() -> Run | None:
    """The triage that the address names; None where it names none, or one that is no longer kept.

    Raises:
        DataError: it is damaged.
    """
    query = st.query_params
    if FOLDER in query:
        return shared_run(query[FOLDER])
    return uploaded_run(query[RUN], query.get(PHOTOS, "")) if RUN in query else None


def row_photos() -> tuple[Photo, Photo]:
    """The photographs of the row that the address names.

    Raises:
        DataError: the triage is no longer kept or has no such row, or a photograph is gone.
        PhotoError: a photograph cannot be read.
        FaceError: it is not the photograph that was triaged.
    """
    run = named_run()
    if run is None:
        raise DataError("This triage is no longer kept here. Triage the list again.")
    row = st.query_params.get(ROW, "")
    lines = run.triage.table[run.triage.table["row"].astype(str) == row]
    if lines.empty:
        raise DataError(f"The triage has no scored row {row[:20]!r}.")
    line = next(lines.itertuples(index=False))
    first, second = (_photo(run, line, side) for side in SIDES)
    return first, second


def _photo(run: Run, line: Any, side: str) -> Photo:
    name = getattr(line, side)
    found = run.source(name)
    try:
        data = found.read_bytes() if isinstance(found, Path) else found
    except OSError as error:
        raise PhotoError(f"{name}: cannot be read ({error.strerror or error}).") from error
    photo = engine().photo(data, name)
    if photo.sha256 != getattr(line, f"{side}_sha256"):
        raise FaceError(f"{name}: has changed since it was triaged. Triage the list again.")
    return photo
