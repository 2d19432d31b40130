"""Several photographs a side on Inspect: what their means score, and which photograph carries that."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from ui.intake import photographs_of
from ui.state import engine
from ui.words import plain
from xssab_core.data.landmarks import settled
from xssab_core.explain import Explanation
from xssab_core.faces import SIDES, AlignedFace, Pair, Photo, align_face
from xssab_core.findings.several import Further, Several, compare_several, sides_of
from xssab_core.metrics import compared
from xssab_core.models import FaceModel


def show_several(model: FaceModel, pair: Pair, explanation: Explanation) -> Further:
    """The comparison of all uploaded photographs; nothing where each side has one. Returns what was compared beside
    the pair."""
    if st.session_state.get("source") != "Upload":
        return {}
    photos = {side: photographs_of(side)[1:] for side in SIDES}
    if not any(photos.values()):
        return {}
    st.header("All photographs of each side")
    further = {side: list(_faces(side, others)) for side, others in photos.items()}
    found = compare_several(
        model, *sides_of(pair, further), explanation.threshold, lambda crops: engine().embed(model, crops)
    )
    shown = compared(found.score, found.threshold.value)
    with st.container(horizontal=True, gap="medium"):
        st.metric("Score of the means", shown.score, width="content")
        st.metric("Threshold", shown.threshold, width="content")
        st.metric("Decision on the means", "match" if found.is_match else "non-match", width="content")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found.sentences()))
    st.dataframe(pd.DataFrame(_rows(found)), hide_index=True, width="stretch")
    st.caption(
        "Own score: with the mean of the other side. Maps and all else on this page are of the two photographs chosen "
        "in the sidebar."
    )
    return further


def _faces(side: str, photos: list[Photo]) -> Iterator[AlignedFace]:
    """The largest face of each photograph; a sentence where there is none."""
    for photo in photos:
        faces = engine().faces(photo)
        if faces:
            yield settled(align_face(photo, face=0, detected=faces))
        else:
            st.warning(f"{plain(photo.name)}: no face was found; it is left out of the {side}.", icon=":material/face:")


def _rows(found: Several) -> Iterator[dict[str, object]]:
    for side, photographs in found.by_side():
        own, without, carrier = found.own(side), found.without(side), found.carrier(side)
        for number, name in enumerate(photographs.names):
            yield {
                "side": side,
                "photograph": name,
                "own score": round(float(own[number]), 4),
                "means without it": round(float(without[number]), 4),
                "carries": "most" if number == carrier else "",
            }
