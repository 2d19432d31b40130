"""Figures."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from xssab_core.explain import Explanation
from xssab_core.render import PALETTES


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
