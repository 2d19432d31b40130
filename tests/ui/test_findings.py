"""Regions and what would flip it, as Inspect shows them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.findings.tiny import tiny_face_model
from ui import findings_view
from xssab_core import AlignedFace, explain
from xssab_core.faces import Pair
from xssab_core.findings.flip import flip_set
from xssab_core.findings.ledger import ledger
from xssab_core.metrics import cosine

SECONDS = 60
GIVEN: dict[str, object] = {}


@pytest.fixture
def given(samples: dict[str, AlignedFace]) -> Iterator[dict[str, object]]:
    """What the script of a page is about, where it finds it: a non-match that turns on the way to equal pictures."""
    model, pair = tiny_face_model(), Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    rows = model.embed(np.stack(pair.crops_for(model.info.template)))
    GIVEN.update(model=model, pair=pair, explanation=explain(model, *pair, "layered", (cosine(*rows) + 1) / 2))
    yield GIVEN
    GIVEN.clear()


def page() -> None:
    from tests.ui.test_findings import GIVEN
    from ui.findings_view import show_flip, show_regions

    show_regions(GIVEN["model"], GIVEN["pair"], [GIVEN["explanation"]])
    show_flip(GIVEN["model"], GIVEN["pair"], [GIVEN["explanation"]])


def said(app: AppTest) -> str:
    """The text of the page as a reader sees it."""
    return "\n".join(text.value for text in (*app.markdown, *app.info)).replace("\\", "").replace("\u2060", "")


def run_until(app: AppTest, text: str) -> AppTest:
    end = time.monotonic() + SECONDS
    while text not in said(app) and time.monotonic() < end:
        time.sleep(0.1)
        app.run()
    assert text in said(app)
    return app


def test_quick_work_begins_by_itself_and_says_what_the_core_found(given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings_view, "_AT_ONCE_SECONDS", float(SECONDS))
    app = run_until(AppTest.from_function(page, default_timeout=SECONDS).run(), "random orders turn it")
    assert not app.button
    found = ledger(given["model"], given["pair"], given["explanation"])
    table = app.dataframe[0].value
    assert list(table["region"].str.split(" ", n=1).str[1]) == list(found.names)
    for face, side in enumerate(("probe", "reference")):
        assert table[f"share, {side}"].to_numpy() == pytest.approx(100 * found.shares[face], abs=1e-6)
        assert table[f"exact, {side}"].to_numpy() == pytest.approx(found.exact[face], abs=1e-6)
    assert table["hidden on both"].to_numpy() == pytest.approx(found.changes[:, 2], abs=1e-6)
    flip = flip_set(given["model"], given["pair"], given["explanation"], "partner")
    for sentence in (*found.sentences(), *flip.sentences()):
        assert sentence in said(app)
    app.segmented_control[0].set_value("blur").run()
    run_until(app, "by its blurred copy, in the order of Layered")


def test_what_flips_is_in_the_order_of_the_map_before_a_blur_for_the_eye(
    given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings_view, "_AT_ONCE_SECONDS", float(SECONDS))
    model, pair, threshold = given["model"], given["pair"], given["explanation"].threshold
    given["explanation"] = explain(model, *pair, "xssab", threshold)
    app = run_until(AppTest.from_function(page, default_timeout=SECONDS).run(), "in the order of xSSAB, unblurred")
    found = flip_set(model, pair, explain(model, *pair, "xssab", threshold, blur=False), "partner")
    for sentence in found.sentences():
        assert sentence in said(app)


def test_slow_work_waits_for_a_click(given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings_view, "_AT_ONCE_SECONDS", 0.0)
    given["explanation"] = explain(given["model"], *given["pair"], "layered", 0.0)  # not what was found before
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    labels = [button.label for button in app.button]
    assert re.fullmatch(r"Find what flips the decision: about \d+ s", labels[-1])
