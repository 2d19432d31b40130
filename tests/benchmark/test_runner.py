"""The runner: what it writes, that it can be killed, own maps, the cluster."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xssab_core.benchmark import runner
from xssab_core.benchmark.controls import CONTROLS
from xssab_core.benchmark.format import read_results, results_json
from xssab_core.benchmark.runner import PAIRS_TIMES_METHODS, Settings, parse_methods, run_benchmark
from xssab_core.cli import main
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.data.own_maps import FolderOfMaps
from xssab_core.errors import CancelledError, DataError, ExplainError, OutputError
from xssab_core.explain import CAUTION, explain
from xssab_core.models import FaceModel
from xssab_core.patch_lfw.generator import PatchLfw
from xssab_core.progress import State

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
METHODS = "xssab,random"
STEPS = 5


def _settings(tiny_lfw: Path, output: Path, cache: Path, **others: Any) -> Settings:
    defaults = Settings(tiny_lfw, output, methods=parse_methods(METHODS), steps=STEPS, cache=cache, resamples=50)
    return replace(defaults, **others)


def _comparable(folder: Path) -> dict[str, Any]:
    """results.json without the part that is about the run itself."""
    record: dict[str, Any] = json.loads((folder / "results.json").read_text())
    assert record.pop("run")["seconds_per_map"]
    return record


def _pairs_table(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "pairs.parquet")
    return table[[column for column in table if not column.startswith("seconds")]]


@pytest.fixture(scope="module")
def uninterrupted(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The output folder of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("whole")
    run_benchmark(_settings(tiny_lfw, output, cache_folder), sface)
    return output


def _method(record: dict[str, Any], label: str) -> dict[str, Any]:
    return next(method for method in record["methods"] if method["label"] == label)


def test_the_results_follow_from_the_pairs(uninterrupted: Path) -> None:
    record, table = _comparable(uninterrupted), _pairs_table(uninterrupted)
    threshold = record["threshold"]["value"]
    assert record["caution"] == pd.read_parquet(uninterrupted / "pairs.parquet").attrs["caution"] == CAUTION
    assert {method["label"] for method in record["methods"]} == {*CONTROLS, "xssab", "xssab-unblurred"}
    assert record["common"]["pairs"] == {"genuine": 12, "impostor": 12}
    for label, rows in table.groupby("method"):
        method = _method(record, label)
        scores, genuine = np.stack(list(rows["scores"])), rows["genuine"].to_numpy()
        assert scores.shape == (24, STEPS)
        fmr = (scores[~genuine] >= threshold).mean(axis=0)
        fnmr = (scores[genuine] < threshold).mean(axis=0)
        np.testing.assert_allclose(method["curves"]["fmr"], fmr)
        np.testing.assert_allclose(method["curves"]["fnmr"], fnmr)
        assert method["auc"]["fnmr"]["value"] == pytest.approx(np.trapezoid(fnmr, dx=1 / (STEPS - 1)))
        # Both ends are the same for every method, and the last point is the clean error exactly.
        assert (scores[:, 0] == rows["patched_score"]).all()
        assert (scores[:, -1] == rows["clean_score"]).all()
        assert method["curves"]["fmr"][-1] == record["table1"]["clean_fmr"]["value"]
        assert method["curves"]["fnmr"][-1] == record["table1"]["clean_fnmr"]["value"]
        assert method["curves"]["fmr"][0] == record["table1"]["patched_fmr"]["value"]
        assert method["localisation"]["all"] == pytest.approx(rows["average_precision"].mean())
        # Every method has every pair.
        common = record["common"]["methods"][str(label)]
        assert {name: method[name] for name in common} == common
        assert {"curves", "localisation"} <= set(common)
    assert _method(record, "random")["gain"]["fnmr"]["value"] in (0.0, None)


def test_the_controls_stand_in_every_table_and_say_what_they_are(uninterrupted: Path) -> None:
    record, table = _comparable(uninterrupted), _pairs_table(uninterrupted)
    assert [method.get("role") for method in record["methods"]] == ["control", "control", "oracle", None, None]
    assert set(json.loads((uninterrupted / "results.json").read_text())["run"]["seconds_per_map"]) == {
        *("xssab", "xssab-unblurred")
    }
    by_label = {label: rows.set_index("pair") for label, rows in table.groupby("method")}
    # The oracle finds every patch; equal pixels are those of the patches where the reference gave them.
    assert (by_label["mask-oracle"]["average_precision"] == 1).all()
    equality = by_label["pixel-equality"]
    assert (equality["average_precision"][~equality["genuine"]] > 0.9).all()
    assert (equality["average_precision"][equality["genuine"]] < 0.9).all()


def test_what_can_be_gained_ends_at_the_clean_errors(uninterrupted: Path) -> None:
    record, table = _comparable(uninterrupted), _pairs_table(uninterrupted)
    random = _method(record, "random")
    assert random["attained"]["fnmr"]["value"] in (0.0, None)
    for method in record["methods"]:
        for kind in ("fmr", "fnmr"):
            rnd, own = random["auc"][kind]["value"], method["auc"][kind]["value"]
            possible = rnd - record["table1"][f"clean_{kind}"]["value"]
            found = method["attained"][kind]
            assert found["value"] == (pytest.approx((rnd - own) / possible) if possible > 0 else None)
            if found["value"] is not None:
                assert found["low"] <= found["value"] <= found["high"]
    assert len(table["method"].unique()) == len(record["methods"])


def test_differences_between_methods_are_of_their_common_pairs(uninterrupted: Path) -> None:
    results = read_results((uninterrupted / "results.json").read_bytes(), "results.json")
    assert len(results.common.differences) == 10  # any two of five rows
    for first, second in (("xssab", "random"), ("random", "xssab")):
        found = results.common.difference(first, second)
        assert found is not None
        for kind in ("fmr", "fnmr"):
            areas = [results.common.methods[label].auc.of(kind).value for label in (first, second)]  # type: ignore[arg-type]
            estimate = found.of(kind)  # type: ignore[arg-type]
            assert estimate.value == pytest.approx(areas[0] - areas[1])  # type: ignore[operator]
            assert estimate.low <= estimate.value <= estimate.high  # type: ignore[operator]
    assert results.common.difference("xssab", "nothing") is None
    assert results.has_common_curves


def test_the_threshold_is_the_eer_of_the_clean_pairs(uninterrupted: Path) -> None:
    record, table = _comparable(uninterrupted), _pairs_table(uninterrupted)
    clean = table[table["method"] == "random"]
    threshold, genuine = record["threshold"]["value"], clean["genuine"]
    false_matches = (clean["clean_score"][~genuine] >= threshold).mean()
    false_non_matches = (clean["clean_score"][genuine] < threshold).mean()
    assert record["calibration"]["eer"] == pytest.approx((false_matches + false_non_matches) / 2)
    assert record["calibration"]["pairs"] == {"genuine": 12, "impostor": 12}


def test_what_a_run_returns_is_what_its_file_says(
    uninterrupted: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel
) -> None:
    results = run_benchmark(_settings(tiny_lfw, uninterrupted, cache_folder), sface)
    data = (uninterrupted / "results.json").read_bytes()
    assert results_json(read_results(data, "results.json")) == results_json(results) == data


def test_provenance_names_weights_versions_and_coverage(uninterrupted: Path, sface: FaceModel) -> None:
    record = _comparable(uninterrupted)
    assert record["model"]["weights_sha256"] == sface.weights_sha256
    assert record["data"]["coverage"] == "24 of 24 official pairs, folds 1, 2"
    assert {"torch", "numpy", "opencv", "xssab"} <= set(record["provenance"]["versions"])
    assert record["provenance"]["settings"]["seed"] == 0
    xssab = _method(record, "xssab")
    assert (xssab["forward_passes"], xssab["backward_passes"]) == (2, 4)


def test_the_figure_needs_no_network(uninterrupted: Path) -> None:
    page = (uninterrupted / "dpr.html").read_text()
    assert "<script src=" not in page
    assert CAUTION in page
    data = json.loads((uninterrupted / "dpr.json").read_text())["data"]
    assert len(data) == 10  # two methods and three controls, two rates


def test_random_orders_differ_between_pairs_and_follow_the_seed(
    uninterrupted: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    only_random = {"methods": parse_methods("random"), "pairs": 4}
    again = run_benchmark(_settings(tiny_lfw, tmp_path / "a", cache_folder, **only_random), sface)
    assert again.table1.patched_fmr.pairs == 2
    mine, whole = (_of_random(_pairs_table(folder)) for folder in (tmp_path / "a", uninterrupted))
    whole = whole[whole["pair"].isin(mine["pair"])]
    # The same pairs in a smaller run: same patches, same orders.
    np.testing.assert_allclose(np.stack(list(mine["scores"])), np.stack(list(whole["scores"])), atol=1e-6)
    run_benchmark(_settings(tiny_lfw, tmp_path / "b", cache_folder, seed=1, **only_random), sface)
    other = _of_random(_pairs_table(tmp_path / "b"))
    assert (np.stack(list(other["scores"]))[:, 1] != np.stack(list(mine["scores"]))[:, 1]).any()


def _of_random(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["method"] == "random"]


def test_a_finished_run_repeats_nothing_and_takes_more_methods(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    settings = _settings(tiny_lfw, tmp_path, cache_folder, methods=parse_methods("xssab-unblurred"), pairs=6)
    run_benchmark(settings, sface)
    first = _comparable(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.json")}
    states: list[State] = []
    more = replace(settings, methods=parse_methods("xssab-unblurred,xssab:4"))
    run_benchmark(more, sface, states.append)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    replayed = [state for state in states if state.what == PAIRS_TIMES_METHODS]
    assert (replayed[0].done, replayed[-1].done, replayed[-1].total) == (24, 28, 28)
    second = _comparable(tmp_path)
    assert second["common"]["pairs"] == {"genuine": 2, "impostor": 2}
    for label in (*CONTROLS, "xssab-unblurred"):
        assert _method(second, label) == _method(first, label)


def test_deletion_and_checks_are_of_clean_pairs_and_go_on_where_a_run_stopped(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    settings = _settings(
        tiny_lfw, tmp_path, cache_folder, methods=parse_methods("xssab-unblurred"), pairs=6, steps=2, threshold="eer"
    )
    before = run_benchmark(settings, sface)
    assert before.deletion is None
    assert before.checks is None
    states: list[State] = []
    results = run_benchmark(replace(settings, deletion=4, checks=2), sface, states.append)
    assert results.methods == before.methods
    # Four pairs of xSSAB, random and pixel equality; two of xSSAB.
    replayed = [state for state in states if state.what == PAIRS_TIMES_METHODS]
    assert (replayed[0].done, replayed[-1].done) == (24, 24 + 3 * 4 + 2)
    assert results.deletion is not None
    assert set(results.deletion.methods) == {"xssab-unblurred", "random", "pixel-equality"}
    assert results.deletion.pairs.genuine == results.deletion.pairs.impostor == 2

    lfw, threshold = open_lfw(tiny_lfw), results.threshold.value
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "work").rglob("deletion/xssab-*/*.json"))]
    assert len(records) == 4
    pairs = {pair.index: pair for pair in lfw.pairs}
    for side, genuine in (("mated", True), ("non_mated", False)):
        own = [record for record in records if pairs[record["index"]].genuine == genuine]
        for name, accuracy in results.deletion.methods["xssab-unblurred"].accuracy.items():
            right = np.array([[(score >= threshold) == genuine for score in record["curves"][name]] for record in own])
            auc = getattr(accuracy.auc, side)
            np.testing.assert_allclose(getattr(accuracy.curve, side), right.mean(axis=0))
            assert auc.value == pytest.approx(np.trapezoid(right.mean(axis=0), dx=0.1))
            assert auc.low <= auc.value <= auc.high
        # The difference of two methods on the same pairs is that of their means, whichever way round it is asked for.
        apart = results.deletion.difference("random", "xssab-unblurred")
        turned = results.deletion.difference("xssab-unblurred", "random")
        assert apart is not None
        assert turned is not None
        for name, accuracy in results.deletion.methods["xssab-unblurred"].accuracy.items():
            other = getattr(results.deletion.methods["random"].accuracy[name].auc, side).value
            found, back = getattr(apart.auc[name], side), getattr(turned.auc[name], side)
            assert found.value == pytest.approx(other - getattr(accuracy.auc, side).value)
            assert (back.value, back.low, back.high) == (-found.value, -found.high, -found.low)
            assert found.low <= found.value <= found.high
        assert getattr(turned.top["black"], side).value == pytest.approx(
            getattr(results.deletion.methods["xssab-unblurred"].top["black"], side).value
        )
    assert len(results.deletion.differences) == 3
    random_top = results.deletion.methods["random"].top["black"]
    assert (random_top.mated.value, random_top.non_mated.value) == (0.0, 0.0)

    # The map is that of the clean probe.
    pair = pairs[records[0]["index"]]
    crops = [CropCache(cache_folder).crop(path, sface.info.template) for path in (pair.probe, pair.reference)]
    shown = explain(sface, crops[0], crops[1], threshold=threshold, blur=False)  # type: ignore[arg-type]
    assert records[0]["curves"]["deletion-black"][0] == pytest.approx(shown.score, abs=1e-5)

    assert results.checks is not None
    checked = results.checks.methods["xssab-unblurred"]
    assert checked.measured == (2, 2)
    assert results.checks.differences == ()  # of one method
    assert -1 <= checked.randomised.value < 0.8  # type: ignore[operator]
    states.clear()
    assert run_benchmark(replace(settings, deletion=4, checks=2), sface, states.append).checks == results.checks
    assert [state.done for state in states if state.what == PAIRS_TIMES_METHODS] == [38]
    with pytest.raises(DataError, match="deletion part needs a genuine and an impostor pair"):
        run_benchmark(replace(settings, deletion=1), sface)


def test_a_folder_of_other_work_is_refused(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, uninterrupted: Path
) -> None:
    with pytest.raises(OutputError, match="seed: 0 then, 3 now"):
        run_benchmark(_settings(tiny_lfw, uninterrupted, cache_folder, seed=3), sface)


@pytest.mark.long
def test_a_user_can_stop_and_go_on(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, uninterrupted: Path, tmp_path: Path
) -> None:
    def stop(state: State) -> None:
        if state.what == PAIRS_TIMES_METHODS and state.done >= 10:
            raise CancelledError("stopped")

    settings = _settings(tiny_lfw, tmp_path, cache_folder)
    with pytest.raises(CancelledError):
        run_benchmark(settings, sface, stop)
    assert not (tmp_path / "results.json").exists()
    states: list[State] = []
    run_benchmark(settings, sface, states.append)
    assert next(state for state in states if state.what == PAIRS_TIMES_METHODS).done >= 9
    assert _comparable(tmp_path) == _comparable(uninterrupted)


def test_killed_at_random_moments_the_same_command_ends_with_the_same_numbers(
    tiny_lfw: Path, cache_folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from xssab_core.benchmark.runner import *; "
        "lfw, output, cache = map(Path, sys.argv[1:]); "
        f"run_benchmark(Settings(lfw, output, methods=parse_methods({METHODS!r}), steps={STEPS}, cache=cache, "
        "resamples=50))"
    )
    command = [sys.executable, "-c", program, *map(str, (tiny_lfw, tmp_path, cache_folder))]
    moments = random.Random(5)

    def finished() -> int:
        return len(list((tmp_path / "work" / "records").rglob("[0-9]*.json")))

    for _ in range(2):
        before = finished()
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        _wait_for(lambda before=before: finished() > before, process)  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, 0.4))
        assert process.poll() is None, "it ended before it could be killed"
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "results.json").exists()
    assert finished() < 6 * 24
    subprocess.run(command, cwd=ROOT, check=True)
    assert _comparable(tmp_path) == _comparable(uninterrupted)
    pd.testing.assert_frame_equal(_pairs_table(tmp_path), _pairs_table(uninterrupted))


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.long
def test_a_cluster_that_loses_a_worker_gives_the_same_results(
    tiny_lfw: Path, cache_folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    import psutil

    killed: list[int] = []

    def kill_one(state: State) -> None:
        if state.what == PAIRS_TIMES_METHODS and state.done >= 12 and not killed:
            children = psutil.Process().children(recursive=True)
            workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
            assert len(workers) == 2
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    run_benchmark(_settings(tiny_lfw, tmp_path, cache_folder, cluster="local:2"), progress=kill_one)
    assert killed
    assert _comparable(tmp_path) == _comparable(uninterrupted)
    pd.testing.assert_frame_equal(_pairs_table(tmp_path), _pairs_table(uninterrupted))


@pytest.mark.long
def test_batches_change_no_more_than_the_last_bits(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, uninterrupted: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(runner, "BATCH", 3)
    monkeypatch.setattr(sface, "batch_size", 5)
    settings = _settings(tiny_lfw, tmp_path, cache_folder, pairs=8)
    run_benchmark(settings, sface)
    assert len(list((tmp_path / "work" / "embeddings").iterdir())) == 7  # 20 images by threes
    mine, whole = (
        _pairs_table(folder).set_index(["method", "pair"]).sort_index() for folder in (tmp_path, uninterrupted)
    )
    whole = whole.loc[mine.index]
    np.testing.assert_allclose(np.stack(list(mine["scores"])), np.stack(list(whole["scores"])), atol=1e-5)
    assert (mine["patched_is_match"] == whole["patched_is_match"]).all()
    monkeypatch.undo()
    with pytest.raises(OutputError, match="batch: 5 then, 8 now"):
        run_benchmark(settings, sface)


def test_a_folder_of_maps_stands_in_the_same_table(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, uninterrupted: Path, tmp_path: Path
) -> None:
    whole = _comparable(uninterrupted)
    lfw = open_lfw(tiny_lfw)
    generator = PatchLfw(lfw, CropCache(cache_folder), sface.info.template)
    maps = tmp_path / "maps"
    maps.mkdir()
    chosen = lfw.select(4, 4)
    for pair in chosen:
        made = generator.build(pair)
        assert made is not None
        explanation = explain(sface, made.patched, made.reference, threshold=whole["threshold"]["value"], blur=False)
        np.save(maps / f"{pair.id}.npy", explanation.probe.combined)
    settings = {"methods": parse_methods("random", [f"mine={maps}"]), "threshold": whole["threshold"]["value"]}
    run_benchmark(_settings(tiny_lfw, tmp_path / "out", cache_folder, **settings, pairs=8), sface)
    assert _method(_comparable(tmp_path / "out"), "mine")["pairs"] == {"genuine": 4, "impostor": 4}
    table, own = _pairs_table(tmp_path / "out"), _pairs_table(uninterrupted)
    mine = table[table["method"] == "mine"].set_index("pair")
    own = own[own["method"] == "xssab-unblurred"].set_index("pair").loc[mine.index]
    # The maps were made on another number of threads: their last bits, and so an odd pixel, may differ.
    np.testing.assert_allclose(np.stack(list(mine["scores"])), np.stack(list(own["scores"])), atol=0.02)
    np.testing.assert_allclose(mine["average_precision"], own["average_precision"], atol=1e-3)
    (maps / f"{chosen[0].id}.npy").unlink()
    run_benchmark(_settings(tiny_lfw, tmp_path / "fewer", cache_folder, **settings, pairs=8), sface)
    fewer = _comparable(tmp_path / "fewer")
    assert _method(fewer, "mine")["pairs"] == {"genuine": 3, "impostor": 4}
    assert fewer["common"]["pairs"] == {"genuine": 3, "impostor": 4}
    np.save(maps / f"{chosen[1].id}.npy", np.zeros((7, 7)))
    with pytest.raises(DataError, match=r"shape \(112, 112\)"):
        run_benchmark(_settings(tiny_lfw, tmp_path / "bad", cache_folder, **settings, pairs=8), sface)


def test_methods_are_read_as_written(tmp_path: Path) -> None:
    methods = {method.label: method for method in parse_methods("xssab:10, random", [f"mine:6={tmp_path}"])}
    assert list(methods) == ["xssab", "xssab-unblurred", "random", "mine"]
    assert methods["xssab"].blur
    assert not methods["xssab-unblurred"].blur
    assert methods["xssab-unblurred"].explainer == "xssab"
    assert [methods[label].limit for label in methods] == [10, 10, None, 6]
    assert methods["mine"].maps == FolderOfMaps(tmp_path.resolve())


def test_the_pairs_of_limited_methods_lie_within_each_other(tiny_lfw: Path, tmp_path: Path) -> None:
    lfw = open_lfw(tiny_lfw)
    methods = parse_methods("xssab:4,layered:6,random")
    plan = runner._plan(Settings(tiny_lfw, tmp_path, methods=methods), lfw)
    few, more, all_pairs = (
        {pair.index for pair in next(pairs for method, pairs in plan.items() if method.label == label)}
        for label in ("xssab", "layered", "random")
    )
    assert few < more < all_pairs
    assert (len(few), len(more)) == (4, 6)


def test_what_names_no_method_is_refused(tmp_path: Path) -> None:
    for text in ("nonsense", "xssab,nonsense-unblurred"):
        with pytest.raises(ExplainError, match="no method 'nonsense'"):
            parse_methods(text)
    for text, maps in (("", []), ("xssab:1", []), ("xssab:x", [])):
        with pytest.raises(DataError):
            parse_methods(text, maps)
    for entry in (
        f"xssab={tmp_path}",
        f"mask-oracle={tmp_path}",
        f"../up={tmp_path}",
        f"mine={tmp_path / 'absent'}",
        "mine",
    ):
        with pytest.raises(DataError):
            parse_methods("xssab", [entry])


def test_the_command_runs_and_prints_the_table(
    tiny_lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["benchmark", "--lfw", str(tiny_lfw), "--methods", "random", "--pairs", "4", "--folds", "2"]
    arguments += ["--steps", "3", "--threshold", "eer", "--output", str(tmp_path)]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert "Patched FMR" in shown.out
    assert "12 of 12" in shown.err
    assert shown.out.count("control: needs no model") == 2
    assert shown.out.count("control: an oracle that knows the patches") == 1
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["shares"] == [0.0, 0.5, 1.0]
    assert record["threshold"]["name"] == "eer"
    assert record["calibration"] is None


def test_a_wrong_call_says_what_to_do(tiny_lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["benchmark", "--lfw", str(tiny_lfw), "--methods", "random"]
    for number, (extra, told) in enumerate(
        (
            (["--folds", "9"], "no pair of fold 9"),
            (["--steps", "1"], "at least 2 steps"),
            (["--pairs", "1"], "at least one genuine and one impostor"),
            (["--threshold", "nonsense"], "no threshold nonsense"),
            (["--cluster", "local:none", "--threshold", "eer"], "how many local workers"),
        )
    ):
        assert main([*base, "--output", str(tmp_path / str(number)), *extra]) == 2
        assert told in capsys.readouterr().err
