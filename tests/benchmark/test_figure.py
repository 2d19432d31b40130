"""The figure of a run as SVG: a line a method and rate, through the numbers of the results."""

import re
from xml.etree import ElementTree

import msgspec
import pytest

from tests.hostile import TEXTS
from xssab_core.benchmark.figure import dpr_svg
from xssab_core.benchmark.format import KINDS, read_results
from xssab_core.explain import CAUTION
from xssab_core.paths import ASSETS

SHIPPED = sorted((ASSETS / "benchmarks").glob("*.json"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_method_has_a_line_a_rate_and_no_two_look_alike(path) -> None:
    results = read_results(path.read_bytes(), path.name)
    drawn = ElementTree.fromstring(dpr_svg(results))
    lines = [each for each in drawn.iter(f"{SVG}path") if each.get("d", "").count("L") == len(results.shares) - 1]
    assert len(lines) == sum(m.curves.of(kind) is not None for m in results.methods for kind in KINDS)
    looks = [(line.get("stroke"), line.get("stroke-dasharray")) for line in lines]
    assert len(set(looks)) == len(results.methods)
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert CAUTION in texts
    assert all(any(method.full_title in (text or "") for text in texts) for method in results.methods)
    # Heights in a panel are rates: of any two points of a line, and of any two lines.
    first = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", lines[0].get("d", ""))]
    curve = results.controls_last[0].curves.fmr
    assert curve is not None
    rise = (first[0] - first[-1]) / (curve[0] - curve[-1])
    assert [first[0] + rise * (rate - curve[0]) for rate in curve] == pytest.approx(first, abs=0.02)


def test_hostile_titles_are_text() -> None:
    results = read_results(SHIPPED[0].read_bytes(), "shipped")
    for hostile in ("</text><script>alert(1)</script>", *TEXTS):
        titled = (msgspec.structs.replace(results.methods[0], title=hostile), *results.methods[1:])
        drawn = ElementTree.fromstring(dpr_svg(msgspec.structs.replace(results, methods=titled)))
        assert {each.tag for each in drawn.iter()} == {f"{SVG}{name}" for name in ("svg", "path", "text")}
