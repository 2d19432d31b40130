"""Maps of one's own on the Benchmark page: scored beside the page, found again, and nobody else's."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.data.test_own_maps import saved
from tests.e2e.small_model import add_small_model
from tests.zips import zip_of
from xssab_core import paths
from xssab_core.benchmark.controls import CONTROLS
from xssab_core.benchmark.format import read_results
from xssab_core.benchmark.runner import maps_method
from xssab_core.data.lfw import open_lfw
from xssab_core.data.own_maps import zip_of_maps
from xssab_core.models import FaceModel
from xssab_core.models.adding import Description
from xssab_core.paths import ASSETS

APP = ASSETS.parent / "app.py"
QUICK = "Quick"


def maps_of(ids: list[str], size: int = 112) -> bytes:
    """A ZIP of random maps."""
    random = np.random.default_rng(0)
    return zip_of({f"maps/{each}.npy": saved(random.normal(size=(size, size)).astype(np.float32)) for each in ids})


def said(app: AppTest) -> str:
    texts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.success]
    return "\n".join(text.value.replace("\\", "").replace("\u00a0", " ") for text in texts)


def given(data: bytes, **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page("pages/benchmark.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.query_params["model"] = QUICK
    app.run()
    return app.file_uploader(key="maps_file").set_value(("mine (1).zip", data, "application/zip")).run()


@pytest.fixture
def with_lfw(tiny_lfw: Path, sface: FaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The app with a tiny LFW and a store of its own, with a quick model; the ids of a genuine and of an impostor
    pair."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sface").symlink_to(paths.home() / "models" / "sface")
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    add_small_model("quick", Description(QUICK), "these tests", tmp_path)
    monkeypatch.setenv("XSSAB_LFW", str(tiny_lfw))
    return [pair.id for pair in open_lfw(tiny_lfw).select(1, 1)]


@pytest.mark.slow
def test_own_maps_are_scored_beside_the_page_and_found_again(with_lfw: list[str], tmp_path: Path) -> None:
    data = maps_of([*with_lfw, "no--pair"])
    app = given(data)
    assert "maps of 1 genuine and 1 impostor pairs; named after no pair of this LFW: 1." in said(app)
    app.button(key="start_own_maps").click().run()
    until = time.monotonic() + 120
    while "Scored: mine-1 on 2 pairs." not in said(app):
        assert time.monotonic() < until, said(app)
        time.sleep(0.2)
        app.run()
    app.button(key="show_own").click().run()
    assert not app.exception
    (kept,) = (tmp_path / "benchmarks" / "own").glob("*/results.json")
    assert kept.parent.name in app.query_params["own"]
    results = read_results(kept.read_bytes(), "results.json")
    assert {method.label for method in results.methods} >= {*CONTROLS, "xssab", "mine-1"}
    mine = next(method for method in results.methods if method.label == "mine-1")
    assert mine.pairs.total == results.common.pairs.total == 2
    assert mine.localisation.all is not None
    assert results.model.id == "quick"
    areas = next(table.value for table in app.table if "gain FMR" in table.value)
    assert "mine\\-1" in set(areas["method"])
    # Not in the list that everybody sees; the same file finds it, and so does the address.
    assert not any("own" in option or kept.parent.name in option for option in app.selectbox(key="results").options)
    assert "Scored: mine-1 on 2 pairs." in said(given(data))
    other = given(data, own=kept.parent.name)
    assert other.selectbox(key="results").disabled
    other.button(key="leave_own").click().run()
    assert "own" not in other.query_params
    assert not other.selectbox(key="results").disabled


@pytest.mark.parametrize("name", ["..", "../mine", "a" * 64, "A" * 64, "/etc"])
def test_an_address_that_names_no_results_shows_the_list(name: str, sface: FaceModel) -> None:
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page("pages/benchmark.py")
    app.query_params["own"] = name
    app.run()
    assert not app.exception
    assert not app.selectbox(key="results").disabled


@pytest.mark.slow
def test_maps_that_cannot_be_scored_are_a_sentence(with_lfw: list[str]) -> None:
    for data, told in (
        (b"This is no ZIP.", "not a ZIP file"),
        (zip_of({"a.txt": b"a"}), "holds no .npy file"),
        (maps_of(["no--pair"]), "None of these is a pair of this copy of LFW."),
        (maps_of(with_lfw[:1]), "It takes some of both kinds."),
    ):
        app = given(data)
        assert told in said(app)
        assert not app.exception
    app = given(maps_of(with_lfw, 7))
    app.button(key="start_own_maps").click().run()
    until = time.monotonic() + 120
    while "a map is a finite array of shape (112, 112)" not in said(app):
        assert time.monotonic() < until, said(app)
        time.sleep(0.2)
        app.run()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("mine.zip", "mine"),
        ("my maps (2).zip", "my-maps-2"),
        ("xssab.zip", "own-xssab"),
        ("random.zip", "own-random"),
        ("a-unblurred.zip", "own-a-unblurred"),
        ("pair.zip", "own-pair"),
        ("../../<b>.zip", "b"),
        ("é.zip", "maps"),
        ("." * 300 + "x.zip", "x"),
    ],
)
def test_a_row_is_named_after_the_file_and_never_as_one_of_ours(name: str, label: str) -> None:
    assert maps_method(zip_of_maps(maps_of(["a--b"]), name)).label == label
