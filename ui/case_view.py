"""Case files: made on Inspect, checked on a page of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

import pandas as pd
import streamlit as st

from ui.jobs import Offer, jobs, result_or_offer, session
from ui.page import errors_as_sentences
from ui.sidebar import Drawing
from ui.state import engine
from ui.words import code, plain
from xssab_core.casefile.archive import MAX_BYTES, Archive, read_archive, seal_of
from xssab_core.casefile.filing import case_file
from xssab_core.casefile.format import MOST_LETTERS, Blind
from xssab_core.casefile.reproduce import REASON, Reproduction, missing_originals, reproduce
from xssab_core.explain import Explanation
from xssab_core.faces import SIDES, Pair
from xssab_core.faces.photo import SUFFIXES
from xssab_core.findings.several import Further, sides_of
from xssab_core.metrics import counted
from xssab_core.models import FaceModel
from xssab_core.progress import Progress

_KEPT = "_case_kept"
_MARKS = {"equal": "✓ equal", "within tolerance": "≈ within tolerance", "different": "✗ different"}


def offer_case(
    explanations: Sequence[Explanation],
    model: FaceModel,
    pair: Pair,
    drawing: Drawing,
    blind: Blind | None,
    further: Further,
) -> None:
    """A button that makes a case file of what is shown, then one that saves it."""
    st.subheader("Case file")
    st.caption(
        "A report to be filed (HTML and PDF) with all numbers, maps, figures and digests. It can be checked later, "
        "here or elsewhere."
    )
    originals = st.checkbox("With the original photographs, byte for byte", key="case_originals")
    notes = st.text_area("Examiner's notes", key="case_notes", max_chars=MOST_LETTERS)
    shown, core = explanations[0], engine()
    methods = tuple(explanation.method.id for explanation in explanations)
    digest = hashlib.sha256(notes.encode()).hexdigest()
    key = (
        "case",
        shown.weights_sha256,
        shown.threshold,
        pair.key,
        tuple(face.key for side in sides_of(pair, further) for face in side),
        methods,
        originals,
        digest,
        blind and blind.sha256,
        drawing,
    )
    _keep_only(key)

    def work(progress: Progress) -> bytes:
        return case_file(
            core,
            model,
            pair,
            methods,
            shown.threshold,
            shown.blur,
            originals,
            notes,
            blind,
            palette=drawing.palette,
            opacity=drawing.opacity,
            further=further,
            progress=progress,
        )

    made = result_or_offer(Offer(key, "case", "Making the case file", work), "Case file (zip)")
    if made is not None:
        _save(made)


def _keep_only(key: tuple[Hashable, ...]) -> None:
    """Forget the case before, since it may hold photographs."""
    kept = st.session_state.setdefault(_KEPT, {})
    before = kept.get(key[0], key)
    if before != key:
        jobs().forget(before, session())
    kept[key[0]] = key


def _save(data: bytes) -> None:
    st.download_button(
        "Save the case file (zip)", data, "case.zip", "application/zip", on_click="ignore", icon=":material/download:"
    )
    st.caption(
        f"SHA-256 of its manifest: {code(seal_of(data))}. Note it elsewhere: with it, nobody can change the case file "
        "unseen."
    )


def check_case() -> None:
    """Take a case file, say whether its members are as they were filed, and compute it again."""
    file = st.file_uploader("Case file", type=["zip"], key="case_zip", max_upload_size=MAX_BYTES // 2**20)
    if file is None:
        st.info(
            "Give a case file that Inspect or `xssab report` made. It stays on this machine.", icon=":material/info:"
        )
        return
    with errors_as_sentences():
        archive = read_archive(file.getvalue())
        _show_archive(archive)
        given = _ask_for_originals(archive)
        if given is not None:
            _check(archive, given)


def _show_archive(archive: Archive) -> None:
    case = archive.case
    names = " and ".join(case.photographs[side].file for side in SIDES)
    more = f", with {counted(len(case.further), 'further photograph')}" if case.further else ""
    st.header("What it says")
    st.markdown(
        f"**{plain(names)}**{more}, compared by {plain(case.model.title)} at {plain(case.provenance.created)} (UTC): "
        f"score {case.measured.score:.4f}, threshold {case.threshold.value:.4f}, "
        f"{'match' if case.measured.is_match else 'non-match'}."
    )
    for problem in archive.problems:
        st.error(plain(f"{problem}."), icon=":material/error:")
    if not archive.problems:
        st.success("Every member is as the manifest says.", icon=":material/check:")
    st.caption(f"SHA-256 of the manifest: {code(archive.seal)}. Compare it with what was noted when the case was made.")


def _ask_for_originals(archive: Archive) -> list[bytes] | None:
    """Photographs that are not in the archive; None while some are still to be given."""
    if not missing_originals(archive):
        return []
    st.warning(
        plain(f"It does not hold the original of {'; '.join(missing_originals(archive))}."), icon=":material/image:"
    )
    files = st.file_uploader(
        "Original photographs", type=list(SUFFIXES), accept_multiple_files=True, key="case_photographs"
    )
    given = [file.getvalue() for file in files]
    missing = missing_originals(archive, given)
    if given and missing:
        st.error(plain(f"None of these files is {'; '.join(missing)}."), icon=":material/error:")
    return None if missing else given


def _check(archive: Archive, given: Sequence[bytes]) -> None:
    st.header("Computed again")
    core = engine()
    key = ("reproduce", archive.seal, archive.problems, *(hashlib.sha256(data).hexdigest() for data in given))
    _keep_only(key)

    def work(progress: Progress) -> Reproduction:
        return reproduce(core, archive, given, progress)

    found = result_or_offer(Offer(key, "reproduce", "Computing the case again", work), "Compute everything again")
    if found is not None:
        _show(found)


def _show(found: Reproduction) -> None:
    show = st.success if found.holds else st.error
    show(plain(found.summary), icon=":material/check:" if found.holds else ":material/error:")
    rows = [
        {
            "figure": check.figure,
            "verdict": _MARKS[check.verdict],
            "what differs": check.told,
            "tolerance": check.tolerance,
        }
        for check in found.checks
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption(f"Why there are tolerances: {REASON}")
    if found.circumstances:
        st.markdown("\n".join(f"- {plain(told)}" for told in found.circumstances))
    else:
        st.caption("The same versions, device and processor as when the case was made.")
