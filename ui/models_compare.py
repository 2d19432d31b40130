"""Two models on one page: what each was measured to do, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ui.choices import belongs
from ui.sidebar import models_here
from ui.state import engine
from ui.words import plain
from xssab_core.drawing.svg import COLOURS
from xssab_core.metrics import error_rates, percent
from xssab_core.models import MODELS, FaceModel
from xssab_core.models.calibration import FMR_TARGETS, Calibration, calibration_of

_DASHES = ("solid", "dash")
_PASSES_TIMED = "A pass: processor time of one crop on one thread, measured here"


def pick_rival(model_id: str) -> str | None:
    """The model that this one is compared with; None for none."""
    others = [other for other in models_here() if other != model_id]
    belongs("rival", model_id, None)
    if not others:
        return None
    chosen: str | None = st.selectbox(
        "Compare with",
        others,
        index=None,
        placeholder="Another model",
        format_func=lambda i: MODELS[i].info.title,
        key="rival",
        bind="query-params",
        width=400,
    )
    return chosen


def show_comparison(models: Sequence[FaceModel]) -> None:
    """What is known of each model, in columns, and their DET curves on one chart."""
    found = [calibration_of(model.info.id, model.weights_sha256) for model in models]
    st.subheader(f"{plain(models[0].info.title)} and {plain(models[1].info.title)}")
    rows = pd.DataFrame([_row(model, known) for model, known in zip(models, found, strict=True)])
    table = rows.set_index("model").T.reset_index(names="")
    st.table(table, hide_index=True, border="horizontal", alt="What is known of each of the two models")
    known = [(model.info.title, each) for model, each in zip(models, found, strict=True) if each is not None]
    if len(known) < len(models):
        st.info("A model without a calibration has no rates to compare. Calibrate it first.", icon=":material/info:")
        return
    if len({each.origin for _, each in known}) > 1:
        st.warning(
            "Their rates were measured on different pairs: the difference may be that of the pairs.",
            icon=":material/warning:",
        )
    figure = det_curves(known)
    alt = f"DET curves of {' and '.join(title for title, _ in known)}: FNMR against FMR"
    st.plotly_chart(figure, key="two_det", config={"displayModeBar": False}, alt=alt)
    st.caption(f"Scores of two models are on scales of their own, so rates are compared, not scores. {_PASSES_TIMED}.")


def _row(model: FaceModel, calibration: Calibration | None) -> dict[str, str]:
    info = model.info
    row = {
        "model": plain(info.title),
        "network": plain(info.architecture),
        "training set": plain(info.training_set),
        "input": f"{info.template.size} px",
        "embedding": f"{info.embedding_size:,} numbers",
        "gradients": "yes" if info.differentiable else "no",
        "a pass": f"{1000 * engine().seconds_a_pass(model):.0f} ms",
    }
    if calibration is None:
        return row | {"measured on": "not calibrated"}
    rate, threshold = calibration.eer
    row |= {"measured on": plain(calibration.origin), "EER": percent(rate), "threshold at EER": f"{threshold:.4f}"}
    accuracy = calibration.fold_accuracy()
    if accuracy is not None:
        row["accuracy over folds"] = f"{percent(accuracy.mean)} ± {percent(accuracy.standard_error)}"
    names = {f"fmr-{target:.0e}".replace("e-0", "e-"): target for target in FMR_TARGETS}
    for known in calibration.thresholds():
        if known.name in names:
            rates = calibration.rates(known.value)
            row[f"FNMR at FMR {percent(names[known.name])}"] = plain(rates.false_non_match)
    return row


def det_curves(calibrations: Sequence[tuple[str, Calibration]]) -> go.Figure:
    """FNMR against FMR of several models, by title, both axes logarithmic."""
    figure = go.Figure()
    for number, (title, calibration) in enumerate(calibrations):
        values, false_match, false_non_match = error_rates(calibration.genuine, calibration.impostor)
        shown = (false_match > 0) & (false_non_match > 0)
        figure.add_scatter(
            x=false_match[shown],
            y=false_non_match[shown],
            customdata=values[shown],
            mode="lines",
            line={"shape": "hv", "color": COLOURS[number % len(COLOURS)], "dash": _DASHES[number % len(_DASHES)]},
            name=_text(title),
            hovertemplate="FMR %{x:.3%}<br>FNMR %{y:.3%}<br>threshold %{customdata:.4f}<extra></extra>",
        )
    axis = {"type": "log", "tickformat": ".2~%", "dtick": 1}
    figure.update_layout(
        height=340,
        margin={"l": 60, "r": 10, "t": 40, "b": 45},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis=axis | {"title": "FMR"},
        yaxis=axis | {"title": "FNMR"},
    )
    return figure


def _text(title: str) -> str:
    """Plotly reads text as a kind of HTML."""
    return title.replace("&", "&amp;").replace("<", "&lt;")
