"""Blind mode: nothing of the score before the notes are locked, and no blind notes once it was seen."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from xssab_core.casefile.format import COMPONENTS, Blind
from xssab_core.paths import ASSETS


def opened(monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    app = AppTest.from_file(str(ASSETS.parent / "app.py"), default_timeout=240)
    for key, value in {"methods": "xSSAB", **query}.items():
        app.query_params[key] = value
    return app.run()


def _scores_beside_the_threshold(app: AppTest) -> list[float | None]:
    """What the slider is told of the pair's score, for the decision that follows it."""
    told = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [data["score"] for data in told if "known" in data]


@pytest.mark.slow
def test_notes_come_before_score_and_maps_and_are_locked_with_time_and_digest(sface, monkeypatch) -> None:
    app = opened(monkeypatch, blind="true")
    assert not app.exception
    assert not app.metric
    assert _scores_beside_the_threshold(app) == [None]
    assert "score" not in " ".join(title.value.lower() for title in app.title)
    assert [field.label.replace("\\", "") for field in app.text_input] == list(COMPONENTS)
    app.text_input[0].set_value("High; <b>widow's peak</b>")
    next(button for button in app.button if "Lock the notes" in button.label).click().run()
    assert not app.exception
    assert _scores_beside_the_threshold(app) != [None]
    assert "Score (cosine)" in [metric.label for metric in app.metric]
    (notes,) = app.session_state["_blind_notes"].values()
    assert isinstance(notes, Blind)
    assert notes.components["Forehead and hairline"] == "High; <b>widow's peak</b>"
    assert notes.components["Ears"] == ""
    assert any(notes.sha256 in caption.value for caption in app.caption)


@pytest.mark.slow
def test_a_pair_whose_score_was_seen_is_not_noted_blind(sface, monkeypatch) -> None:
    app = opened(monkeypatch)
    assert app.metric
    next(toggle for toggle in app.toggle if toggle.label == "Blind mode").set_value(True).run()
    assert app.metric
    assert any("notes on it are not blind" in info.value for info in app.info)
