"""The DPR figure: FMR and FNMR over the share of pixels put back (figure 5 of the paper), for a screen and
as SVG."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xssab_core.benchmark.format import KINDS, Kind, MethodResult, Results
from xssab_core.benchmark.table import about
from xssab_core.drawing.svg import COLOURS, DASHES, Axes, Box, document, key, text
from xssab_core.explain import CAUTION
from xssab_core.metrics import counted

_CONTROL_COLOUR = "#777777"
_CONTROL_DASHES = ("dot", "dashdot", "longdash")
# Of the SVG, in its units: two panels side by side, and below them the legend in two columns.
_PANELS = {"fmr": Box(46, 30, 370, 230), "fnmr": Box(426, 30, 750, 230)}
_WIDTH, _LEGEND, _ROW, _NOTE = 760, 286, 18, 12
_TITLES: dict[Kind, str] = {"fmr": "FMR (impostor pairs)", "fnmr": "FNMR (genuine pairs)"}


def dpr_figure(results: Results, drawn: Collection[str] | None = None) -> go.Figure:
    """Plotly figure with two panels, FMR and FNMR, one line a method that is named with how many pairs it has. Titles
    are shown as they are: Plotly reads text as a kind of HTML, so they are escaped. Of methods whose labels are not in
    `drawn` only the names are there, and a click on one draws it; None draws all."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=list(_TITLES.values()), shared_yaxes=True)
    percent = [100 * share for share in results.shares]
    for number, method in enumerate(results.controls_last):
        name, line = escape(_name(method)), {"color": _colour(number, method), "dash": _dash(number, method)}
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
                    visible=True if drawn is None or method.label in drawn else "legendonly",
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


def dpr_svg(results: Results) -> bytes:
    """The figure as SVG, for a paper."""
    methods = results.controls_last
    most = max((max(c) for m in methods for kind in KINDS if (c := m.curves.of(kind))), default=0.0) or 1.0
    content = "".join(_panel(results, kind, 100 * most) for kind in KINDS)
    for number, method in enumerate(methods):
        x, y = 46 + 380 * (number % 2), _LEGEND + _ROW * (number // 2)
        style = _colour(number, method), 1.8, DASHES[_dash(number, method)]
        content += key(x, y, _name(method), *style)
    end = _LEGEND + _ROW * ((len(methods) + 1) // 2)
    for number, note in enumerate((about(results), CAUTION)):
        content += text(46, end + _NOTE * (number + 0.5), note, "start", size=7.5)
    alt = f"DPR curves of FMR and FNMR of {', '.join(method.full_title for method in methods)}"
    return document(_WIDTH, end + 2.5 * _NOTE, content, alt).encode()


def _panel(results: Results, kind: Kind, most: float) -> str:
    """The curves of one error rate; `most` is the highest percentage of both."""
    axes = Axes((0.0, 100.0), (0.0, most), _PANELS[kind], gap=14)
    content = ""
    for number, method in enumerate(results.controls_last):
        curve = method.curves.of(kind)
        if curve is not None:
            points = [(100 * share, 100 * rate) for share, rate in zip(results.shares, curve, strict=True)]
            content += axes.line(points, _colour(number, method), 1.8, DASHES[_dash(number, method)])
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if most / step <= 6 or step == 20)
    ticks = {n * step: f"{n * step:g}" for n in range(int(most / step) + 1)}
    shares = {float(share): f"{share}" for share in range(0, 101, 20)}
    return content + axes.frame("Pixels put back (%)", f"{_TITLES[kind]} at th_EER, %", shares, ticks)


def _name(method: MethodResult) -> str:
    return f"{method.full_title} ({counted(method.pairs.total, 'pair')})"


def _colour(number: int, method: MethodResult) -> str:
    return _CONTROL_COLOUR if method.is_control else COLOURS[number % len(COLOURS)]


def _dash(number: int, method: MethodResult) -> str:
    if method.is_random:
        return "dash"
    if method.is_control:
        return _CONTROL_DASHES[number % len(_CONTROL_DASHES)]
    return list(DASHES)[(number // len(COLOURS)) % len(DASHES)]
