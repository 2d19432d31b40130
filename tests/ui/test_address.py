"""Queries that anyone can write: whatever they say, a page is shown and nothing is logged."""

import logging
import random
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.hostile import TEXTS
from ui.address import page_number, per_mille, points_on, points_text
from xssab_core.paths import ASSETS

APP = ASSETS.parent / "app.py"
SECONDS = 12
NUMBERS = (
    "9" * 5000,
    "-" + "9" * 5000,
    "²",
    "٣",
    "1e999",
    "nan",
    "-inf",
    "0x10",
    "1_000",
    "1.5",
    "-1",
    "",
    " 1",
    "true",
)
VALUES = (
    *NUMBERS,
    *TEXTS,
    "a" * 20_000,
    "\ufffd",
    "1,2;3",
    "{}",
    "[1]",
    "null",
    "../../etc/passwd",
    "0.1-0.2",
    "0.2-0.1",
)
# Every parameter that a page reads, by its page; the model and how maps are drawn are those of all. Not Replay, which
# starts work beside the page: its pair is read as Inspect's is.
COMMON = ("model", "threshold_sface", "palette", "opacity")
PAIR = (
    *("source", "sample", "probe", "reference", "probe_points", "reference_points", "probe_face", "reference_face"),
    *("probe_photo", "reference_photo"),
)
PATCHES = ("patch", "patches", "patch_side", "patch_seed", "donor_from", "donor")
LOOK = ("outlines", "large", "original")
SHEET = ("view", "sheet", "maps", "other", "differing")
KEYS = {
    "pages/inspect.py": (*COMMON, *PAIR, *PATCHES, *LOOK, "methods", "lfw", "blind", "tour"),
    "pages/browse.py": (*COMMON, "set", "page", "outcome", "order", "identity", "fold", "score", "margin", *SHEET),
    "pages/benchmark.py": (*COMMON, "results", "pairs", "against", "own", "maps"),
    "pages/models.py": (*COMMON,),
}


@pytest.mark.parametrize("text", [*NUMBERS[:9], *NUMBERS[10:], *TEXTS])
def test_what_is_no_page_is_the_first(text: str) -> None:
    assert page_number(text) == 1


def test_pages_and_positions_are_read_within_their_range() -> None:
    assert [page_number(text) for text in ("1", "12", "0", "007")] == [1, 12, 1, 7]
    assert [per_mille(text) for text in ("0", "12.5", "100", "101", "-3", "nan", "inf", "9" * 5000, "²", "")] == [
        *(0, 125, 1000, 1000, 0),
        *(0, 0, 0, 0, 0),
    ]


def test_points_come_back_as_they_were_placed_and_on_their_photograph_only() -> None:
    points = np.array([[1.25, -2.5], [3, 4], [5, 6], [7, 8], [9.75, 10]])
    text = points_text("a" * 64, points)
    np.testing.assert_array_equal(points_on("a" * 64, text), points)
    assert points_on("b" * 64, text) is None


@pytest.mark.parametrize("number", ["nan", "inf", "1e400", "1e5", "9" * 5000, "²", "", "1,2", "x"])
def test_points_that_are_no_numbers_are_none(number: str) -> None:
    assert points_on("a" * 64, f"aaaaaaaa:{number},2;3,4;5,6;7,8;9,10") is None
    assert points_on("a" * 64, "aaaaaaaa:1,2;3,4;5,6;7,8") is None


@pytest.mark.slow
def test_an_address_that_says_infinity_is_passed_over(sface: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    for number in ("inf", "9" * 5000):
        app = _open("pages/inspect.py", {"patch": "true", "patch_seed": number, "patches": number})
        assert [error.message for error in app.exception] == []
        assert [field.value for field in app.number_input if field.key == "patch_seed"] == [0]


def _query(generator: random.Random, page: str) -> dict[str, str | list[str]]:
    keys = generator.sample(KEYS[page], generator.randint(1, len(KEYS[page])))
    value = lambda: generator.choice(VALUES)  # noqa: E731
    return {key: [value(), value()] if generator.random() < 0.2 else value() for key in keys}


@pytest.mark.slow
def test_no_query_breaks_a_page(
    sface: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    generator, started, tried = random.Random(0), time.monotonic(), 0
    for page in KEYS:  # what is made once for all
        _open(page, {})
    started = time.monotonic()
    caplog.clear()
    while tried < 40 and time.monotonic() < started + SECONDS:
        page = list(KEYS)[tried % len(KEYS)]
        query = _query(generator, page)
        app = _open(page, query)
        assert [error.message for error in app.exception] == [], (page, query)
        assert app.title, (page, query)
        assert _logged(caplog) == [], (page, query)
        tried += 1
    assert tried >= len(KEYS)


def _logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    # Streamlit says of each run of a test that no browser is there.
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [text for text in told if "missing ScriptRunContext" not in text]


def _open(page: str, query: dict[str, str | list[str]]) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=120).switch_page(page)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()
