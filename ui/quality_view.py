"""How good the picture of a face is, beside the faces of LFW."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ui.state import engine
from ui.words import plain
from xssab_core.faces import AlignedFace
from xssab_core.models import FaceModel
from xssab_core.quality.standing import Reading, among_lfw, readings, sentences


def show_quality(face: AlignedFace, model: FaceModel) -> None:
    """What asks for care, in words; all figures in a table that is folded away."""
    found, table = readings(engine().quality(model, face), model.weights_sha256), among_lfw()
    told = sentences(found)
    st.caption(plain(" ".join(told) or "No figure of this picture lies at an end where few of LFW's faces do."))
    with st.expander("How good is this picture?", icon=":material/photo:"):
        st.table(_table(found))
        st.caption(
            plain(
                f"Beside {table.faces:,} faces of {table.data_set}. Inspired by ISO/IEC 29794-5, not that standard's "
                "measures. " + " ".join(f"{reading.kind.title}: {reading.kind.meaning}" for reading in found)
            )
        )


def _table(found: tuple[Reading, ...]) -> pd.DataFrame:
    columns = {"value": [reading.shown for reading in found], "among LFW's faces": [each.standing for each in found]}
    return pd.DataFrame(columns, index=pd.Index([reading.kind.title for reading in found], name="figure"))
