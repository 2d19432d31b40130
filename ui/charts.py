"""Figures."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from xssab_core.explain import Explanation
from xssab_core.metrics import error_rates
from xssab_core.models import Threshold
from xssab_core.models.calibration import Calibration
from xssab_core.render import PALETTES

# Kept apart from the maps' colours, which mean something else.
_GENUINE, _IMPOSTOR, _PAIR = "#3b7dd8", "#9a9a9a", "#e07b00"
_LAYOUT = {
    "height": 320,
    "margin": {"l": 60, "r": 10, "t": 40, "b": 45},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
}


def argument_spectrum(explanation: Explanation, palette: str) -> go.Figure:
    """The arguments a_n in descending order, with the argument threshold th_d / N (Eqs. 5 and 6)."""
    values = explanation.arguments
    order = np.argsort(-values, kind="stable")
    threshold = explanation.argument_threshold
    positive = values[order] >= threshold
    dissimilar, similar = (f"rgb{colour}" for colour in PALETTES[palette])
    figure = go.Figure()
    for name, chosen, colour in (("positive", positive, similar), ("negative", ~positive, dissimilar)):
        figure.add_bar(
            x=np.arange(1, len(values) + 1)[chosen],
            y=values[order][chosen],
            customdata=order[chosen],
            marker={"color": colour, "line": {"width": 0}},
            name=f"{name}: {int(chosen.sum())} arguments, sum {values[order][chosen].sum():+.4f}",
            hovertemplate="dimension %{customdata}<br>rank %{x}<br>a = %{y:.5f}<extra></extra>",
        )
    figure.add_hline(
        y=threshold,
        line={"dash": "dash", "width": 1.5},
        annotation_text=f"argument threshold {threshold:.5f}",
        annotation_position="top right",
    )
    figure.update_layout(
        height=300,
        bargap=0,
        margin={"l": 60, "r": 10, "t": 30, "b": 40},
        xaxis_title="embedding dimensions, strongest argument first",
        yaxis_title="argument",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def spectrum_sentence(explanation: Explanation) -> str:
    """The spectrum in words, for those who cannot see it."""
    values, threshold = explanation.arguments, explanation.argument_threshold
    positive = values >= threshold
    return (
        f"{int(positive.sum())} of {len(values)} arguments are positive and add {values[positive].sum():+.4f}; "
        f"{int((~positive).sum())} are negative and add {values[~positive].sum():+.4f}. "
        f"Together they are the score, {values.sum():.4f}."
    )


def score_histogram(calibration: Calibration, threshold: float, score: float | None) -> go.Figure:
    """Genuine and impostor scores as shares, with the threshold and the pair in hand."""
    figure = go.Figure()
    for name, values, colour in (
        ("impostor", calibration.impostor, _IMPOSTOR),
        ("genuine", calibration.genuine, _GENUINE),
    ):
        figure.add_histogram(
            x=values,
            name=f"{name} ({len(values):,})",
            histnorm="percent",
            xbins={"size": 0.02},
            marker_color=colour,
            opacity=0.65,
            hovertemplate="score %{x}: %{y:.1f} % of " + name + " pairs<extra></extra>",
        )
    figure.add_vline(x=threshold, line={"dash": "dash", "width": 1.5}, annotation_text="EER threshold")
    if score is not None:
        figure.add_vline(x=score, line={"width": 2.5, "color": _PAIR}, annotation_text="pair in hand")
    figure.update_layout(barmode="overlay", xaxis_title="score (cosine)", yaxis_title="% of pairs", **_LAYOUT)
    return figure


def det_curve(calibration: Calibration, thresholds: tuple[Threshold, ...]) -> go.Figure:
    """FNMR against FMR over all thresholds, both axes logarithmic, with the known thresholds marked."""
    values, false_match, false_non_match = error_rates(calibration.genuine, calibration.impostor)
    shown = (false_match > 0) & (false_non_match > 0)
    figure = go.Figure()
    figure.add_scatter(
        x=false_match[shown],
        y=false_non_match[shown],
        customdata=values[shown],
        mode="lines",
        line={"shape": "hv", "color": _GENUINE},
        name="DET",
        hovertemplate="FMR %{x:.3%}<br>FNMR %{y:.3%}<br>threshold %{customdata:.4f}<extra></extra>",
    )
    rates = [calibration.rates(known.value) for known in thresholds]
    figure.add_scatter(
        x=[rate[0].value for rate in rates],
        y=[rate[1].value for rate in rates],
        text=[known.name for known in thresholds],
        mode="markers+text",
        textposition="top right",
        marker={"size": 9, "color": _PAIR},
        name="thresholds",
        hovertemplate="%{text}: FMR %{x:.3%}, FNMR %{y:.3%}<extra></extra>",
    )
    axis = {"type": "log", "tickformat": ".2~%", "dtick": 1}
    figure.update_layout(xaxis=axis | {"title": "FMR"}, yaxis=axis | {"title": "FNMR"}, showlegend=False, **_LAYOUT)
    return figure
