"""What the pages say of rates and of the pairs behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from xssab_core import paths
from xssab_core.benchmark.runner import Settings, parse_methods, run_benchmark
from xssab_core.models import FaceModel
from xssab_core.paths import ASSETS

APP = ASSETS.parent / "app.py"
RATES_AT_0_363 = (
    "FMR 0.05 % (95 % interval 0.01 % to 0.27 %; 1 of 2,100), FNMR 1.19 % (95 % interval 0.81 % to 1.75 %; 25 of 2,100)"
)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["pages/inspect.py", "pages/browse.py"])
def test_a_published_threshold_is_shown_with_both_rates(
    sface: object, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    app = _open(monkeypatch, page, threshold_sface="0.3630")
    assert any(RATES_AT_0_363 in caption for caption in _said(app.sidebar.caption))


@pytest.mark.slow
def test_a_decision_stands_beside_what_known_pairs_say_and_without_a_method_that_was_not_run(
    sface: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _open(monkeypatch, "pages/inspect.py", threshold_sface="0.3630", sample="Obama 1 / Obama 2", patch="true")
    said = _said(app.main.caption)
    assert any(
        text.startswith("0 of 2,100 impostor pairs scored this high (95 % interval up to 0.18 %). At this threshold: ")
        and RATES_AT_0_363 in text
        for text in said
    )
    assert any(
        "log10 likelihood ratio 3.27, its upper bound (known pairs bear -2.51 to 3.27, ELUB): such" in text
        for text in said
    )
    assert any(text.endswith("folds 1, 2, 3, 4, 5, 6, 7, and is for research use.") for text in said)
    assert not any("confidence" in text.replace("detector confidence", "") for text in said)
    assert not any("are negative" in text for text in said)
    tables = [table.value for table in app.table if "among LFW's faces" in table.value]
    assert [list(table.index[:2]) for table in tables] == [["Eye distance", "Enlarged by"]] * 2
    assert tables[0]["value"].iloc[0] == "89 pixels".replace(" ", "\u00a0")
    score, threshold, margin = (float(metric.value) for metric in app.metric[:3])
    assert score - threshold == pytest.approx(margin, abs=1e-9)


def test_the_models_page_lists_the_rates_of_the_published_threshold_too(
    sface: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _open(monkeypatch, "pages/models.py")
    rows = next(frame.value for frame in app.dataframe if "FNMR" in frame.value).set_index("threshold")
    assert rows.loc["published", "FMR"].replace("\u00a0", " ").startswith("0.05 % (")
    assert rows.loc["published", "FNMR"].replace("\u00a0", " ").startswith("1.19 % (")
    assert {metric.label: metric.value for metric in app.metric}["Cllr"] == "0.030"


@pytest.mark.slow
def test_the_benchmark_compares_on_common_pairs_unless_told_otherwise(
    sface: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _open(monkeypatch, "pages/benchmark.py")
    assert set(_areas(app)["pairs"]) == {"300"}
    own = _open(monkeypatch, "pages/benchmark.py", pairs="Each method's own")
    assert set(_areas(own)["pairs"]) == {"300", "600"}
    (tmp_path / "models").symlink_to(paths.home() / "models")
    earlier = tmp_path / "benchmarks" / "earlier" / "results.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes((Path(__file__).parents[1] / "benchmark" / "earlier-results.json").read_bytes())
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    app = _open(monkeypatch, "pages/benchmark.py", results="earlier")
    assert set(_areas(app)["pairs"]) == {"120"}
    assert any("neither curves nor localisation" in caption for caption in _said(app.main.caption))
    own = _open(monkeypatch, "pages/benchmark.py", results="earlier", pairs="Each method's own")
    assert not any("neither curves nor localisation" in caption for caption in _said(own.main.caption))


@pytest.mark.long
@pytest.mark.slow
def test_the_benchmark_shows_what_a_run_measured_beside_replays(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").symlink_to(paths.home() / "models")
    settings = Settings(tiny_lfw, tmp_path / "benchmarks" / "mine", methods=parse_methods("xcos-s"), pairs=2, steps=2)
    run = replace(settings, threshold="eer", cache=cache_folder, resamples=20, deletion=2, checks=2)
    results = run_benchmark(run, sface)
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    app = _open(monkeypatch, "pages/benchmark.py", results="mine", against="Random")
    assert not app.exception
    tables = [table.value.replace(r"\\", "", regex=True) for table in app.table]
    tables = [table.rename(columns=lambda name: name.replace("\\", "")) for table in tables]
    areas = next(table for table in tables if "gain FMR" in table)
    assert list(areas["method"])[-3:] == ["Pixel equality (control)", "Mask oracle (control)", "Random"]
    apart = next(table for table in tables if "difference FMR" in table)
    assert set(areas["method"]) - set(apart["method"]) == {"Random"}
    assert results.deletion is not None
    occluded = results.deletion.methods["xcos-s"]
    auc = occluded.accuracy["insertion-blurred"].auc
    deletions = [table for table in tables if "deletion, black" in table][:2]
    for table, estimate in zip(deletions, (auc.mated, auc.non_mated), strict=True):
        assert table["insertion, blurred"].iloc[0].startswith(f"{estimate.value:.3f}")
    moves = next(table for table in tables if "genuine, black" in table)
    assert moves["impostor, blurred"].iloc[0].startswith(f"{occluded.top['blurred'].non_mated.value:.3f}")
    checks = next(table for table in tables if "two identities" in table)
    assert list(checks["one identity"]) == [""]  # xCos gives one map for both faces
    found = results.deletion.difference("xcos-s", "random")
    assert found is not None
    genuine = [table.set_index("method") for table in tables if "deletion, black" in table][2]
    moved = [table.set_index("method") for table in tables if "genuine, black" in table][1]
    name = "xCos S (local cosines)"
    assert genuine.loc[name, "deletion, black"].startswith(f"{found.auc['deletion-black'].mated.value:z.3f}")
    assert moved.loc[name, "impostor, blurred"].startswith(f"{found.top['blurred'].non_mated.value:z.3f}")
    assert [expander.label for expander in app.expander if "Differences" in expander.label] == [
        "Differences of deletion and insertion from Random"  # of one method alone the checks have none
    ]
    assert results.checks is not None
    measured = results.checks.methods["xcos-s"].randomised.value
    assert checks["randomised"].iloc[0].startswith(f"{measured:.3f}")


def _areas(app: AppTest):  # type: ignore[no-untyped-def]
    return next(table.value for table in app.table if "gain FMR" in table.value)


def _said(captions) -> list[str]:  # type: ignore[no-untyped-def]
    """Texts as a reader sees them."""
    return [caption.value.replace("\\", "").replace("\u00a0", " ") for caption in captions]


def _open(monkeypatch: pytest.MonkeyPatch, page: str, **query: str) -> AppTest:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page(page)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()
