"""The parts of the Triage page: what is triaged, what was found, row by row and outcome by outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from ui.address import aligned_text
from ui.browse_view import PLACES, show_cards, to_first_page
from ui.jobs import Offer, jobs, offer_work, session
from ui.kept import kept_file
from ui.page import address, errors_as_sentences
from ui.pictures import png_url, show_picture
from ui.sidebar import pick_model, pick_threshold, settings_in_url
from ui.state import Upload, browser, engine, uploads
from ui.triage_runs import (
    FOLDER,
    PHOTOS,
    ROW,
    RUN,
    TRIAGED,
    Run,
    shared_folders,
    shared_run,
    uploaded_run,
)
from ui.words import plain
from xssab_core.data.photo_zip import PhotoZip
from xssab_core.errors import DataError
from xssab_core.faces import SIDES
from xssab_core.metrics import counted
from xssab_core.models import FaceModel, Threshold
from xssab_core.progress import Progress
from xssab_core.render import DEFAULT_PALETTE, enlarge, png
from xssab_core.triage.cohort import versus
from xssab_core.triage.pairs import POLICIES, PairList, Policy, read_list
from xssab_core.triage.report import drove, facts, sentences, title_of, verdict
from xssab_core.triage.results import REFUSED_CSV, REPORT, TABLE, TABLE_CSV, Triage
from xssab_core.triage.runner import Settings, triage
from xssab_core.triage.store import MemoryStore
from xssab_core.triage.table import OUTCOMES

# What a page computes holds up other users; longer lists are for the command line.
MAX_PAIRS = 2_000
_LIST, _AGAINST = "list", "against"
_POLICY_TITLES: dict[Policy, str] = {
    "largest": "The largest",
    "middle": "The one nearest the middle",
    "refuse": "Refuse such rows",
}
_ABOUT = (
    "A CSV file with the columns probe and reference, and label (genuine or impostor), fold, probe_face and "
    "reference_face where you have them; and a ZIP file with the photographs it names. Both stay in memory for at most "
    "two hours, for this browser only."
)
_CROP_FACTOR = 3


def pick_run() -> Run | None:
    """The triage of the view, from a shared folder or from uploads; None while there is none."""
    folders = shared_folders()
    if not folders:
        return _uploaded()
    with st.sidebar:
        origin = st.segmented_control(
            "Triage of", ["Folder", "Upload"], default="Folder", required=True, key="origin", bind="query-params"
        )
        if origin == "Folder":
            name = st.selectbox("Folder", list(folders), key=FOLDER, bind="query-params", on_change=to_first_page)
    if origin == "Upload":
        return _uploaded()
    with errors_as_sentences():
        return shared_run(name)


def _uploaded() -> Run | None:
    """Asks for the files, runs the triage beside the page, and opens what it found."""
    with st.sidebar:
        made_of_both = RUN, _AGAINST
        kept = [kept_file("Pairs", _LIST, "csv", made_of_both), kept_file("Photographs", PHOTOS, "zip", made_of_both)]
    run = None
    with errors_as_sentences():
        run = uploaded_run(st.query_params[RUN], st.query_params.get(PHOTOS, "")) if RUN in st.query_params else None
    if RUN in st.query_params and run is None:
        st.warning("This triage is no longer kept here.", icon=":material/history:")
        st.query_params.pop(RUN)
    model = pick_model()
    threshold = pick_threshold(model)
    with st.sidebar:
        policy = st.selectbox(
            "Of several faces", POLICIES, format_func=_POLICY_TITLES.__getitem__, key="faces", bind="query-params"
        )
    if kept[0] is None or kept[1] is None:
        st.info(_ABOUT, icon=":material/upload:")
        return run
    with errors_as_sentences():
        _offer(kept[0], kept[1], Settings(model.info.id, threshold, faces=policy), model, run)
    return run


def _offer(listed: Upload, photos: Upload, settings: Settings, model: FaceModel, before: Run | None) -> None:
    """A button that triages the list, unless that was done with these settings; then its progress."""
    pairs = read_list(listed.data, listed.name, PhotoZip(photos.data, photos.name))
    if len(pairs.rows) > MAX_PAIRS:
        raise DataError(
            f"{counted(len(pairs.rows), 'row')}: more than the {MAX_PAIRS:,} that the page takes. "
            "Use the command line: xssab triage."
        )
    digests = tuple(hashlib.sha256(file.data).hexdigest() for file in (listed, photos))
    key: Hashable = ("triage", browser(), *digests, model.weights_sha256, settings)
    ended = jobs().take_ended(key, session())
    if ended is not None and ended.error:
        st.info(plain(ended.error), icon=":material/info:")
    elif ended is not None:
        _open(ended.result, pairs, before)
    if before is not None and _is_of(before.triage, pairs, settings, model):
        return

    def work(progress: Progress) -> bytes:
        store = MemoryStore()
        triage(pairs, settings, store, model, progress=progress)
        return store.packed()

    offer_work(Offer(key, "triage", "Triage", work), f"Triage {counted(len(pairs.rows), 'row')}")


def _open(packed: bytes, pairs: PairList, before: Run | None) -> None:
    """Keep a result for this browser and show it; the one before of the same list is what it is compared with."""
    old = st.query_params.get(RUN)
    if old is not None and before is not None and before.triage.summary.pairs_sha256 == pairs.digest:
        st.query_params[_AGAINST] = old
    st.query_params[RUN] = uploads().put(browser(), "triage", packed)
    to_first_page()
    st.rerun()


def _is_of(found: Triage, pairs: PairList, settings: Settings, model: FaceModel) -> bool:
    summary = found.summary
    assert isinstance(settings.threshold, Threshold)
    return (
        summary.pairs_sha256 == pairs.digest
        and summary.weights_sha256 == model.weights_sha256
        and summary.threshold == settings.threshold.value
        and summary.faces == settings.faces
    )


def show_facts(run: Run) -> None:
    """What was found and with what, and the files."""
    found, summary = run.triage, run.triage.summary
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in facts(found)))
    maps = f"maps: {plain(summary.method_title)}" if summary.method_title else "no maps"
    st.caption(
        f"{plain(summary.title)}; {plain(summary.model_title)}; threshold {summary.threshold:.4f}: "
        f"{plain(summary.threshold_origin)}; {maps}."
    )
    with st.container(horizontal=True, gap="small"):
        for name, label, kind in (
            (REPORT, "Report", "text/html"),
            (TABLE_CSV, "CSV", "text/csv"),
            (TABLE, "Parquet", "application/octet-stream"),
        ):
            data = found.store.read(name)
            if data is not None:
                st.download_button(label, data, name, kind, key=f"get_{name}", icon=":material/download:")


def show_refused(found: Triage) -> None:
    """The rows without a score, and why."""
    if found.refused.empty:
        return
    with st.expander(f"Rows without a score: {len(found.refused):,}", icon=":material/rule:"):
        kinds = found.refused["kind"].value_counts()
        st.caption("; ".join(f"{plain(kind)}: {count:,}" for kind, count in kinds.items()))
        st.dataframe(found.refused, hide_index=True)
        data = found.store.read(REFUSED_CSV)
        if data is not None:
            st.download_button("Problems as CSV", data, REFUSED_CSV, "text/csv", icon=":material/download:")


def pick_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are meant, in the order of the triage; the choice is in the URL."""
    there = [outcome for outcome in OUTCOMES if (table["outcome"] == outcome).any()]
    outcomes = st.pills(
        "Outcome",
        there,
        selection_mode="multi",
        format_func=title_of,
        key="outcome",
        bind="query-params",
        on_change=to_first_page,
    )
    first, second = st.columns(2, vertical_alignment="bottom")
    keep = table["outcome"].isin(outcomes) if outcomes else pd.Series(True, index=table.index)
    if "probe_region" in table:
        regions = sorted({*table["probe_region"], *table["reference_region"]})
        region = first.selectbox(
            "Driven by",
            regions,
            index=None,
            placeholder="Any region",
            key="region",
            bind="query-params",
            on_change=to_first_page,
        )
        if region is not None:
            keep &= (table["probe_region"] == region) | (table["reference_region"] == region)
    if second.toggle("With warnings only", key="warned", bind="query-params", on_change=to_first_page):
        keep &= (table["warnings"] != "") | table["inside_interval"].fillna(False).astype(bool)
    return table[keep]


def show_rows(run: Run, shown: pd.DataFrame) -> None:
    """The rows as cards that open in Inspect and Replay, and as a table."""
    summary = run.triage.summary
    with errors_as_sentences():
        model = engine().model(summary.model)
    threshold = Threshold(summary.threshold, summary.threshold_name, summary.threshold_origin)
    where = run.query | settings_in_url(model, threshold)
    show_cards(shown, lambda line: _card(run, line, where, model.info.template.size))
    with st.expander("The same as a table", icon=":material/table:"):
        st.dataframe(shown, hide_index=True)


def _card(run: Run, line: Any, where: dict[str, str], size: int) -> dict[str, Any]:
    said = verdict(line)
    query = where | {"source": TRIAGED, ROW: str(line.row)}
    for side in SIDES:
        query |= _face_meant(line, side)
    about = [f"{line.label.capitalize()} pair" if line.label else "No label"]
    about += [f"fold {line.fold}"] if not pd.isna(line.fold) else []
    driven = drove(line)
    doubts = ["Too close to the threshold for the calibration to tell."] if said["inside"] else []
    return {
        "id": line.row,
        "title": f"row {line.row}",
        "faces": [_face(run.triage, line, side, size) for side in SIDES],
        "outcome": said["outcome"],
        "tone": "error" if said["is_error"] else "right" if line.label else "none",
        "numbers": f"Score {said['score']}, margin {said['margin']}",
        "label": f"Row {line.row}. {', '.join(about)}." + (f" Drove it: {driven}." if driven else ""),
        "places": [{"title": title, "href": address(file, query)} for file, title in PLACES.items()],
        "beside": [],
        "chosen": None,
        "doubt": " ".join([*doubts, line.warnings]).strip(),
    }


def _face_meant(line: Any, side: str) -> dict[str, str]:
    """What in the address of Inspect names the face that was triaged."""
    number, faces = getattr(line, f"{side}_face"), getattr(line, f"{side}_faces")
    if number == 0:
        return {f"{side}_points": aligned_text(getattr(line, f"{side}_sha256"))}
    return {f"{side}_face": str(number)} if faces > 1 else {}


def _face(found: Triage, line: Any, side: str, size: int) -> dict[str, Any]:
    crop, name = found.crop_png(line, side), getattr(line, side)
    picture, short = "" if crop is None else png_url(crop), name.replace("\\", "/").rsplit("/", 1)[-1]
    alt = f"{side.capitalize()}, {name}" if crop else "The crop is gone."
    return {"name": short, "alt": alt, "picture": picture, "outline": "", "size": size}


def show_cohorts(found: Triage) -> None:
    """The mean maps of each outcome."""
    if not found.cohorts:
        return
    st.header("What the pairs of one outcome have in common")
    st.caption(
        "Mean maps over mean crops, probe and reference. Each pair's map is scaled so that the sizes of its values add "
        "up to 1: all pairs count alike. Green speaks for a match, pink against it."
    )
    _show_maps(found)


def _show_maps(found: Triage) -> None:
    order = [outcome for outcome in OUTCOMES if outcome in found.cohorts]
    for start in range(0, len(order), 2):
        for column, outcome in zip(st.columns(2), order[start : start + 2], strict=False):
            cohort = found.cohorts[outcome]
            title = title_of(outcome)
            with column:
                st.markdown(f"**{plain(title)}**: {counted(cohort.pairs, 'pair')}")
                pictures = cohort.pictures(DEFAULT_PALETTE)
                for place, side, picture in zip(st.columns(2), SIDES, pictures, strict=True):
                    with place:
                        show_picture(
                            png(enlarge(picture, _CROP_FACTOR), quick=True), f"Mean map of the {side}, {title}", side
                        )


def show_versus(run: Run) -> None:
    """This triage against another of the same list, where there is one."""
    other = _other(run)
    if other is None:
        return
    st.header("Against another model or setting")
    with errors_as_sentences():
        compared = versus(run.triage.table, other.table)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences(run.triage, other, compared)))
    st.dataframe(compared.rows, hide_index=True)
    for title, found in (("A", run.triage), ("B", other)):
        st.caption(f"{title}: {plain(found.summary.model_title)}, threshold {found.summary.threshold:.4f}.")
    if other.cohorts:
        st.markdown("**Mean maps of B**")
        _show_maps(other)


def _other(run: Run) -> Triage | None:
    if RUN in run.query:
        ticket = st.query_params.get(_AGAINST)
        found = None if ticket is None else uploaded_run(ticket, "")
        return None if found is None else found.triage
    same = [
        name
        for name in shared_folders()
        if name != run.query[FOLDER] and shared_run(name).triage.summary.pairs_sha256 == run.triage.summary.pairs_sha256
    ]
    if not same:
        return None
    chosen = st.selectbox("Compare with", same, index=None, placeholder="Nothing", key=_AGAINST, bind="query-params")
    return None if chosen is None else shared_run(chosen).triage
