"""Figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xssab_core.explain import Explanation
from xssab_core.metrics import counted, error_rates
from xssab_core.models import Threshold
from xssab_core.models.calibration import Calibration
from xssab_core.render import PALETTES
from xssab_core.scoring.likelihood import LikelihoodRatios

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
    reaches = values[order] >= threshold
    dissimilar, similar = (f"rgb{colour}" for colour in PALETTES[palette])
    figure = go.Figure()
    sides = spectrum_sides(explanation)
    for side, chosen, colour in zip(sides, (reaches, ~reaches), (similar, dissimilar), strict=True):
        figure.add_bar(
            x=np.arange(1, len(values) + 1)[chosen],
            y=values[order][chosen],
            customdata=order[chosen],
            marker={"color": colour, "line": {"width": 0}},
            name=f"{side.where} the argument threshold: {side.arguments}, {side.positive} above zero, sum {side.sum}",
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


@dataclass(frozen=True)
class SpectrumSide:
    """The arguments on one side of the argument threshold.

    Attributes:
        where: which side, in words.
        arguments, positive: how many there are, and how many of them are above zero.
        sum: of them, as text.
    """

    where: str
    arguments: int
    positive: int
    sum: str


def spectrum_sides(explanation: Explanation) -> tuple[SpectrumSide, SpectrumSide]:
    """At or above the argument threshold, and below it. The sums that are shown add up to the score that is shown."""
    values, digits = explanation.arguments, 4
    reaches = values >= explanation.argument_threshold
    high = round(float(values[reaches].sum()), digits)
    low = round(explanation.score, digits) - high
    upper, lower = (
        SpectrumSide(where, len(part), int((part > 0).sum()), f"{total:+z.{digits}f}")
        for where, part, total in (("at or above", values[reaches], high), ("below", values[~reaches], low))
    )
    return upper, lower


def spectrum_sentence(explanation: Explanation) -> str:
    """The spectrum in words, for those who cannot see it."""
    upper, lower = (
        f"{counted(side.arguments, 'argument')}, {side.positive} of them above zero, "
        f"{'adds' if side.arguments == 1 else 'add'} {side.sum}"
        for side in spectrum_sides(explanation)
    )
    return (
        f"At or above the argument threshold, {explanation.argument_threshold:.5f}: {upper}. Below it: {lower}. "
        f"Together they are the score, {explanation.score:z.4f}."
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


def tippett_plot(found: LikelihoodRatios, score: float | None) -> go.Figure:
    """Shares of genuine and impostor pairs whose log10 likelihood ratio is at least as high, with the bounds and the
    pair in hand. The two lines differ by their dashes as well, for print in grey."""
    figure, (low, high) = go.Figure(), found.bounds
    for name, values, colour, dash in (
        ("genuine", found.genuine, _GENUINE, "solid"),
        ("impostor", found.impostor, _IMPOSTOR, "dash"),
    ):
        ratios, counts = np.unique(values, return_counts=True)
        figure.add_scatter(
            x=np.concatenate([[low], ratios, [high]]),
            y=np.concatenate([[100], 100 * counts[::-1].cumsum()[::-1] / len(values), [0]]),
            mode="lines",
            line={"shape": "vh", "color": colour, "dash": dash, "width": 2.5},
            name=f"{name} ({len(values):,})",
            hovertemplate="log10 LR %{x:.2f}: %{y:.2f} % of " + name + " pairs at or above<extra></extra>",
        )
    for bound in found.bounds:
        figure.add_vline(x=bound, line={"dash": "dot", "width": 1.5, "color": _IMPOSTOR})
    if score is not None:
        figure.add_vline(x=found.log10(score), line={"width": 2.5, "color": _PAIR}, annotation_text="pair in hand")
    figure.update_layout(xaxis_title="log10 likelihood ratio", yaxis_title="% of pairs at or above", **_LAYOUT)
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
        x=[rate.false_match.value for rate in rates],
        y=[rate.false_non_match.value for rate in rates],
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
