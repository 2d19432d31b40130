"""The Browse page: table, sheet, maps, and another model beside the one of the view."""

from __future__ import annotations

import base64
import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.hostile import TEXTS
from ui.address import indexes
from ui.browse_sheet import MOST
from xssab_core.explain import CAUTION
from xssab_core.models import FaceModel
from xssab_core.paths import ASSETS

APP = ASSETS.parent / "app.py"


def opened(monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page("pages/browse.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    texts = [*app.markdown, *app.caption, *app.error, *app.info]
    return "\n".join(text.value.replace("\\", "").replace("\u00a0", " ") for text in texts)


def figure(app: AppTest) -> str:
    """The SVG of the sheet; empty without one."""
    found = [re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html.body) for html in app.get("html")]
    return next((base64.b64decode(each[1]).decode() for each in found if each), "")


@pytest.mark.slow
def test_pairs_of_the_address_stand_on_the_sheet_in_their_order(
    sface: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(monkeypatch, view="Table", sheet="5.2.99.5", order="Highest margin first")
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "outcome" in frame.value)
    assert table["margin"].is_monotonic_decreasing
    drawn = figure(app)
    assert drawn.count("<image") == 4  # two pairs; there is no pair 99
    assert CAUTION in " ".join(re.findall(r"<text[^>]*>([^<]+)<", drawn))
    names = re.findall(r'font-size="7"[^>]*>([^<]+)<', drawn)
    pairs = table["pair"].str.replace("_", " ").str.title().str.replace("~", " / ")
    assert {f"{names[0]} / {names[1]}", f"{names[2]} / {names[3]}"} < set(pairs)
    app.button(key="clear_sheet").click().run()
    assert figure(app) == ""
    assert "sheet" not in app.query_params


@pytest.mark.slow
def test_maps_are_drawn_on_the_sheet_and_another_model_stands_beside(
    sface: FaceModel, dlib_model: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(monkeypatch, sheet="1", maps="xSSAB", other=dlib_model.info.title, view="Table")
    assert not app.exception
    drawn = figure(app)
    assert drawn.count("<image") == 4  # faces, and maps below them
    assert f"{dlib_model.info.title}: score 0." in drawn
    assert "maps: xSSAB" in drawn
    table = next(frame.value for frame in app.dataframe if "outcome" in frame.value)
    assert f"{dlib_model.info.title}: outcome" in table
    agreement = next(text.value for text in app.markdown if "Both right" in text.value)
    counts = [int(number) for number in re.findall(r"\| ([\d,]+) \(", agreement.splitlines()[3])]
    assert sum(counts) == len(table)
    # Only where they differ: as many rows as one of them alone is right on.
    app.toggle(key="differing").set_value(True).run()
    differ = [frame.value for frame in app.dataframe if "outcome" in frame.value]
    assert sum(map(len, differ)) == counts[1] + counts[2]


@pytest.mark.parametrize("text", [*TEXTS, "9" * 5000, "1." * 5000, "-1", "1e3", "²", "1.2.3"])
def test_what_an_address_says_of_a_sheet_is_at_most_so_many_numbers(text: str) -> None:
    found = indexes(text, MOST)
    assert len(found) <= MOST
    assert all(0 <= number < 10**9 for number in found)
    assert indexes("3.1.3.07", MOST) == (3, 1, 7)
