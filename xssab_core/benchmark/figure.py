"""The DPR figure: FMR and FNMR over the share of pixels put back (figure 5 of the paper)."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xssab_core.benchmark.format import KINDS, Kind, MethodResult, Results
from xssab_core.explain import CAUTION
from xssab_core.metrics import counted

# Okabe and Ito (2008): told apart by colour-blind readers; dashes serve readers without colour. Without their black,
# which a dark page swallows.
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A900")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_CONTROL_COLOUR = "#777777"
_CONTROL_DASHES = ("dot", "dashdot", "longdash")
_TITLES: dict[Kind, str] = {"fmr": "FMR (impostor pairs)", "fnmr": "FNMR (genuine pairs)"}


def dpr_figure(results: Results) -> go.Figure:
    """Plotly figure with two panels, FMR and FNMR, one line a method that is named with how many pairs it has. Titles
    are shown as they are: Plotly reads text as a kind of HTML, so they are escaped."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=list(_TITLES.values()), shared_yaxes=True)
    percent = [100 * share for share in results.shares]
    for number, method in enumerate(results.controls_last):
        name = f"{escape(method.full_title)} ({counted(method.pairs.total, 'pair')})"
        line = {
            "color": _CONTROL_COLOUR if method.is_control else _COLOURS[number % len(_COLOURS)],
            "dash": _dash(number, method),
        }
        for column, kind in enumerate(KINDS, start=1):
            curve = method.curves.of(kind)
            if curve is None:
                continue
            figure.add_trace(
                go.Scatter(
                    x=percent,
                    y=[100 * rate for rate in curve],
                    name=name,
                    legendgroup=method.label,
                    showlegend=column == 1,
                    line=line,
                    mode="lines+markers",
                    marker={"size": 4},
                    hovertemplate="%{x:.0f} % put back: %{y:.2f}\u00a0%<extra>%{fullData.name}</extra>",
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="Pixels put back (%)", range=[0, 100])
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title_text="Error rate at th_EER (%)", row=1, col=1)
    title = {
        "text": f"DPR curves on Patch-LFW ({escape(results.layout)}), {escape(results.model.title)}",
        "subtitle": {"text": CAUTION},
    }
    figure.update_layout(title=title, template="plotly_white", hovermode="x unified", margin={"t": 130})
    figure.update_layout(hoverlabel={"namelength": -1})
    return figure


def _dash(number: int, method: MethodResult) -> str:
    if method.is_random:
        return "dash"
    if method.is_control:
        return _CONTROL_DASHES[number % len(_CONTROL_DASHES)]
    return _DASHES[(number // len(_COLOURS)) % len(_DASHES)]
