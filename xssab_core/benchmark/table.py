"""The table of areas and gains (Table 2 of the paper), for a spreadsheet and for a paper."""

from __future__ import annotations

import pandas as pd

from xssab_core.benchmark.format import KINDS, Results
from xssab_core.explain import CAUTION
from xssab_core.metrics import Estimate

# What LaTeX reads as commands, and how it prints them.
_LATEX = str.maketrans(
    {character: rf"\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def areas_table(results: Results) -> pd.DataFrame:
    """One row a method, controls last: label, title, numbers of pairs, and for each kind the gain over random with its
    95 % interval, the area under the DPR curve and the average precision. Shares of 1; NaN where there is none."""
    rows = []
    for method in results.controls_last:
        row: dict[str, object] = {"method": method.label, "title": method.full_title}
        for kind in KINDS:
            gain = method.gain.of(kind)
            row |= {f"pairs_{kind}": method.pairs.of(kind)}
            row |= {f"gain_{kind}": gain.value, f"gain_{kind}_low": gain.low, f"gain_{kind}_high": gain.high}
            row |= {f"auc_{kind}": method.auc.of(kind).value}
            row |= {f"average_precision_{kind}": getattr(method.localisation, kind)}
        rows.append(row)
    return pd.DataFrame(rows)


def areas_csv(results: Results) -> bytes:
    """`areas_table` as CSV, after lines that begin with # and say what it is."""
    return f"# {CAUTION}\n# {about(results)}\n{areas_table(results).to_csv(index=False)}".encode()


def areas_latex(results: Results) -> bytes:
    """The gains with their intervals and the areas as a LaTeX `tabular` (package booktabs)."""
    lines = [
        r"\begin{tabular}{lrrrrr}",
        r"\toprule",
        r"Method & Pairs & Gain FMR (\%) & Gain FNMR (\%) & AUC FMR & AUC FNMR \\",
        r"\midrule",
    ]
    for method in results.controls_last:
        gains = ["--" if method.is_random else _percent(method.gain.of(kind)) for kind in KINDS]
        areas = [_number(method.auc.of(kind).value) for kind in KINDS]
        cells = [method.full_title.translate(_LATEX), str(method.pairs.total), *gains, *areas]
        lines.append(f"{' & '.join(cells)} \\\\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    comments = [f"% {' '.join(text.split())}" for text in (CAUTION, about(results))]
    return "\n".join([*comments, *lines, ""]).encode()


def about(results: Results) -> str:
    """What was measured on, in a line."""
    text = (
        f"{results.model.title} ({results.model.id}) on Patch-LFW ({results.layout}), threshold "
        f"{results.threshold.value:.4f}. Gain = 1 - AUC / AUC of random; intervals are 95 %."
    )
    return " ".join(text.split())


def _percent(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "--"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _number(value: float | None) -> str:
    return "--" if value is None else f"{value:.3f}"
