"""Where figures fall among LFW's faces: by hand, and for faces that the table has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xssab_core.data.landmarks import shipped_landmarks
from xssab_core.data.lfw import Lfw
from xssab_core.faces import AlignedFace, open_photo
from xssab_core.models import TorchFaceModel
from xssab_core.quality.figures import KINDS
from xssab_core.quality.standing import DEPARTURE, Reading, among_lfw, figures, readings, sentences
from xssab_core.scoring.embed import images_of


def _reading(name: str, value: float) -> Reading:
    return next(reading for reading in readings({name: value}, "") if reading.value == value)


def test_the_table_has_every_figure_and_the_model_that_ships(sface: TorchFaceModel) -> None:
    table = among_lfw()
    assert set(table.quantiles) == set(KINDS)
    assert sface.weights_sha256 in table.departure
    for name, steps in (*table.quantiles.items(), (DEPARTURE, table.departure[sface.weights_sha256])):
        assert len(steps) == 101, name
        assert list(steps) == sorted(steps), name


def test_a_figure_stands_where_its_quantile_is() -> None:
    steps = among_lfw().quantiles["eye_distance"]
    assert _reading("eye_distance", (steps[20] + steps[21]) / 2).share == pytest.approx(0.205)
    assert _reading("eye_distance", steps[70]).standing == "higher than 70\u00a0%"
    assert _reading("eye_distance", (steps[3] + steps[4]) / 2).standing == "lower than 96\u00a0%"
    assert _reading("eye_distance", steps[0] - 1).standing == "lower than all"
    assert _reading("eye_distance", steps[100] + 1).standing == "higher than all"
    # All of LFW-deepfunneled was saved with one quality.
    assert _reading("jpeg_quality", 75).standing == "as most"
    assert not _reading("jpeg_quality", 75).is_notable


def test_only_the_end_at_which_a_figure_is_worse_asks_for_care() -> None:
    table = among_lfw().quantiles
    for name, kind in KINDS.items():
        low, high = _reading(name, table[name][0] - 1), _reading(name, table[name][100] + 1)
        ends = kind.worse in ("low", "both"), kind.worse in ("high", "both")
        assert (low.is_notable, high.is_notable) == ends, name
        assert not _reading(name, table[name][50]).is_notable
    said = sentences(readings({"eye_distance": 11.0, "jpeg_quality": 30.0, "yaw": 0.0}, ""))
    assert said == (
        "Eye distance 11\u00a0pixels: lower than all of LFW's faces.",
        "JPEG quality 30\u00a0of 100: the file is strongly compressed.",
    )
    assert sentences(readings({"colour": 0.2}, "")) == ("The face is grey: it shows no colour.",)


def test_what_no_table_knows_is_not_known() -> None:
    found = readings({DEPARTURE: 0.3, "of another version": 1.0}, "1" * 64)
    assert [(reading.standing, reading.is_notable) for reading in found] == [("not known", False)]


@pytest.mark.slow
def test_faces_of_another_fold_fall_all_over_the_table(sface: TorchFaceModel, lfw: Lfw) -> None:
    shares: dict[str, list[float]] = {}
    for face in _faces(images_of([pair for pair in lfw.pairs if pair.fold == 6])[::10]):
        for reading in readings(figures(face, sface), sface.weights_sha256):
            shares.setdefault(reading.kind.title, []).append(reading.share or 0.0)
    for title in ("Eye distance", "Sharpness", "Yaw", "Pitch", "Brightness", "Departure from the model's statistics"):
        assert len(shares[title]) > 40
        assert np.quantile(shares[title], [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.17), title


def _faces(paths: list[Path]) -> list[AlignedFace]:
    photos = map(open_photo, paths)
    return [
        AlignedFace(photo, shipped_landmarks()[photo.sha256], "detected", None, None, None, (), 0) for photo in photos
    ]
