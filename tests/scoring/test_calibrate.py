"""Calibration: rates and thresholds worked out by hand, and the command on real pairs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xssab_core.data.pair_list import read_pairs
from xssab_core.errors import DataError
from xssab_core.metrics import Rate
from xssab_core.models import load_model
from xssab_core.models.base import TorchFaceModel
from xssab_core.models.calibration import Calibration, ErrorRates, calibration_of
from xssab_core.scoring.calibrate import summary

Run = Callable[..., tuple[int, str, str]]
SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


def _calibration(genuine: list[float], impostor: list[float], folds: tuple[list[int], list[int]]) -> Calibration:
    return Calibration(
        "sface", "0" * 64, "by hand", "2026-01-01", 100, np.array(genuine), np.array(impostor),
        np.array(folds[0]), np.array(folds[1]),
    )  # fmt: skip


def test_rates_count_matches_at_the_threshold() -> None:
    calibration = _calibration([0.5, 0.6, 0.7], [0.1, 0.5, 0.2, 0.3], ([1, 1, 2], [1, 1, 2, 2]))
    assert calibration.rates(0.5) == ErrorRates(Rate(1, 4), Rate(0, 3), "by hand, 7 of 100 pairs")
    assert calibration.rates(0.500001) == ErrorRates(Rate(0, 4), Rate(1, 3), "by hand, 7 of 100 pairs")
    # Wilson's interval of no error in four trials is 0 to z^2 / (n + z^2).
    assert Rate(0, 4).interval == pytest.approx((0, 1.959964**2 / (4 + 1.959964**2)))


def test_each_fold_is_judged_by_the_threshold_of_the_others() -> None:
    # Fold 1 alone is best split anywhere in (0.2, 0.8); fold 2 in (0.5, 0.6), which fold 1's middle, 0.5, gets wrong
    # for the impostor at 0.5, while fold 2's middle, 0.55, is right for all of fold 1.
    calibration = _calibration([0.8, 0.6], [0.2, 0.5], ([1, 2], [1, 2]))
    accuracy = calibration.fold_accuracy()
    assert accuracy is not None
    assert accuracy.folds == (1, 2)
    assert accuracy.thresholds == pytest.approx((0.55, 0.5))
    assert accuracy.accuracies == (1.0, 0.5)
    assert accuracy.mean == 0.75
    assert accuracy.standard_error == pytest.approx(np.std([1.0, 0.5], ddof=1) / np.sqrt(2))


def test_pairs_without_folds_have_no_fold_accuracy() -> None:
    assert _calibration([0.8, 0.6], [0.2, 0.5], ([0, 0], [0, 0])).fold_accuracy() is None


def test_thresholds_appear_only_where_there_are_pairs_for_them() -> None:
    rng = np.random.default_rng(0)
    for count, names in ((500, ["eer"]), (1000, ["eer", "fmr-1e-2"]), (10_000, ["eer", "fmr-1e-2", "fmr-1e-3"])):
        impostor = rng.normal(0, 0.1, count)
        calibration = _calibration([0.9] * 20, impostor.tolist(), ([0] * 20, [0] * count))
        found = calibration.thresholds()
        assert [threshold.name for threshold in found] == names
        for threshold, target in zip(found[1:], (1e-2, 1e-3), strict=False):
            assert calibration.rates(threshold.value).false_match.errors == round(target * count)
            assert "95\u00a0% interval" in threshold.origin
    assert "too few impostor pairs for a threshold at FMR 1e-4" in summary(calibration)


def test_the_own_store_keeps_what_a_calibration_came_from(store: Path) -> None:
    calibration = _calibration([0.5, 0.6], [0.1, 0.2], ([1, 2], [1, 2]))
    calibration.save(store / "calibrations" / "sface.json")
    found = calibration_of("sface", "0" * 64)
    assert found is not None
    assert (found.data_set, found.date, found.coverage) == ("by hand", "2026-01-01", "4 of 100 pairs")
    assert calibration_of("sface", "1" * 64) is None


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV file beside the sample photographs."""
    for photo in SAMPLES.glob("*.jpg"):
        shutil.copy(photo, tmp_path)

    def write(*lines: str, head: str = "probe,reference,label") -> Path:
        path = tmp_path / "pairs.csv"
        path.write_text("\n".join([head, *lines]) + "\n")
        return path

    return write


def test_own_pairs_give_a_threshold_between_their_scores(
    pairs: Callable[..., Path], sface: TorchFaceModel, sface_file: Path, store: Path, run: Run
) -> None:
    shutil.copytree(sface_file.parent, store / "models" / "sface")
    path = pairs(
        "barack_obama_1.jpg,barack_obama_2.jpg,genuine",
        "barack_obama_1.jpg,barack_obama_3.jpg,1",
        "barack_obama_1.jpg,joe_biden_1.jpg,Impostor",
        "eileen_collins_1.jpg,barack_obama_2.jpg,0",
    )
    code, out, _ = run("calibrate", "--model", "sface", "--pairs", path)
    assert code == 0
    assert "pairs.csv: 4 of 4 pairs (2 genuine, 2 impostor)" in out
    record = json.loads((store / "calibrations" / "sface.json").read_text())
    assert record["weights_sha256"] == sface.weights_sha256
    threshold = load_model("sface", "cpu").thresholds[0]
    assert max(record["impostor"]) < threshold.value < min(record["genuine"])
    assert "pairs.csv" in threshold.origin


@pytest.mark.slow
def test_a_damaged_image_is_left_out_counted_and_named(
    tiny_lfw: Path, tmp_path: Path, store: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(tiny_lfw, tmp_path / "lfw")
    damaged = next((tmp_path / "lfw").rglob("Joe_Biden_0001.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:500])
    code, out, _ = run("calibrate", "--lfw", tmp_path / "lfw")
    assert code == 0
    assert "21 of 24 pairs" in out
    assert "Left out: Joe_Biden_0001.jpg" in caplog.text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("barack_obama_1.jpg,barack_obama_2.jpg,same", "line 3: the label 'same' is not genuine, impostor, 1 or 0"),
        ("barack_obama_1.jpg,nobody.jpg,1", "line 3: the reference 'nobody.jpg' is not a file"),
        (",barack_obama_2.jpg,1", "line 3: the probe '' is not a file"),
        ("barack_obama_1.jpg", "line 3: the label '' is not"),
    ],
)
def test_bad_rows_are_named(pairs: Callable[..., Path], line: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_pairs(pairs("barack_obama_1.jpg,barack_obama_2.jpg,1", line))


def test_other_files_are_refused(pairs: Callable[..., Path], tmp_path: Path, run: Run) -> None:
    with pytest.raises(DataError, match="has no column 'reference'"):
        read_pairs(pairs("a,b", head="probe,label"))
    with pytest.raises(DataError, match="no pairs below"):
        read_pairs(pairs())
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "binary.csv")
    assert "Say which pairs to score" in run("calibrate")[2]


def test_paths_may_be_relative_to_another_folder_and_folds_are_read(pairs: Callable[..., Path], tmp_path: Path) -> None:
    path = pairs("barack_obama_1.jpg,joe_biden_1.jpg,0,3", head="probe,reference,label,fold")
    moved = tmp_path / "lists" / "pairs.csv"
    moved.parent.mkdir()
    shutil.move(path, moved)
    (pair,) = read_pairs(moved, tmp_path)
    assert (pair.fold, pair.genuine, pair.probe) == (3, False, tmp_path / "barack_obama_1.jpg")
