"""The table of a run as files: the numbers of the shipped results, and titles that LaTeX does not read as commands."""

import io

import msgspec
import pandas as pd
import pytest

from xssab_core.benchmark.format import read_results
from xssab_core.benchmark.table import areas_csv, areas_latex
from xssab_core.explain import CAUTION
from xssab_core.paths import ASSETS

SHIPPED = sorted((ASSETS / "benchmarks").glob("*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_csv_has_the_numbers_of_the_results(path) -> None:
    results = read_results(path.read_bytes(), path.name)
    text = areas_csv(results).decode()
    assert CAUTION in text.splitlines()[0]
    table = pd.read_csv(io.StringIO(text), comment="#").set_index("method")
    assert list(table.index) == [method.label for method in results.controls_last]
    for method in results.methods:
        row = table.loc[method.label]
        assert row.gain_fmr == pytest.approx(method.gain.fmr.value)
        assert row.gain_fnmr_low == pytest.approx(method.gain.fnmr.low)
        assert row.auc_fnmr == pytest.approx(method.auc.fnmr.value)
        assert row.pairs_fmr + row.pairs_fnmr == method.pairs.total


def test_latex_has_a_line_a_method_and_prints_titles_as_they_are() -> None:
    results = read_results(SHIPPED[0].read_bytes(), "shipped")
    first = msgspec.structs.replace(results.methods[0], title=r"50 % of A_1 & {B} \input{x} ~ $c$ #1 ^2")
    lines = areas_latex(msgspec.structs.replace(results, methods=(first, *results.methods[1:]))).decode().splitlines()
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 1 + len(results.methods)
    assert all(line.replace(r"\&", "").count("&") == 5 for line in rows)
    assert any(
        r"50 \% of A\_1 \& \{B\} \textbackslash{}input\{x\} \textasciitilde{} \$c\$ \#1 \textasciicircum{}2" in line
        for line in rows
    )
