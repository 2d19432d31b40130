"""Several photographs a side: vectors whose means are known, and real photographs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xssab_core.cli import main
from xssab_core.errors import DataError, ModelError
from xssab_core.explain import explain
from xssab_core.faces import AlignedFace, align_face, open_photo
from xssab_core.findings.several import MOST_PHOTOGRAPHS, Photographs, Several, compare_several
from xssab_core.models import Threshold, TorchFaceModel
from xssab_core.paths import ASSETS

SAMPLES = ASSETS / "samples"


def _side(*angles: float) -> Photographs:
    """Unit vectors in the plane, at angles in degrees."""
    turned = np.radians(angles)
    return Photographs(tuple(f"{angle:g}.jpg" for angle in angles), np.stack([np.cos(turned), np.sin(turned)], axis=1))


def test_scores_in_the_plane_are_cosines_of_angles_between_means() -> None:
    # The mean of two unit vectors points half way between them.
    found = Several(_side(0, 60), _side(90), Threshold.by_user(0.4))
    assert found.score == pytest.approx(np.cos(np.radians(60)))
    np.testing.assert_allclose(found.singles, np.cos(np.radians([[90], [30]])), atol=1e-12)
    np.testing.assert_allclose(found.own("probe"), np.cos(np.radians([90, 30])), atol=1e-12)
    np.testing.assert_allclose(found.own("reference"), np.cos(np.radians([60])), atol=1e-12)
    np.testing.assert_allclose(found.without("probe"), np.cos(np.radians([30, 90])), atol=1e-12)
    assert np.isnan(found.without("reference")).all()
    assert (found.carrier("probe"), found.carrier("reference")) == (1, None)
    assert found.sentences() == (
        "The means of 2 photographs of the probe and 1 photograph of the reference score 0.5000, a match at the "
        "threshold of 0.4000.",
        "The 2 pairs of single photographs score 0.0000 to 0.8660; 1 of them match.",
        "60.jpg carries the decision most on the side of the probe: without it the means score 0.0000 (-0.5000), which "
        "turns the decision.",
        "The threshold and its error rates are those of pairs of single photographs, not of means.",
    )


def test_a_non_match_is_carried_by_what_holds_the_score_down() -> None:
    found = Several(_side(0, 60), _side(90), Threshold.by_user(0.6))
    assert not found.is_match
    assert found.carrier("probe") == 0
    equal = Several(_side(30, 30), _side(90), Threshold.by_user(0.4))
    assert equal.carrier("probe") is None


def test_embeddings_that_cancel_each_other_out_have_no_mean() -> None:
    with pytest.raises(ModelError, match="cancel each other out"):
        _ = Several(_side(0, 180), _side(90), Threshold.by_user(0.4)).score


def test_one_photograph_a_side_scores_as_a_pair_does(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    pair = samples["barack_obama_1"], samples["joe_biden_1"]
    found = compare_several(sface, pair[:1], pair[1:], sface.thresholds[0])
    assert found.score == pytest.approx(explain(sface, *pair).score, abs=1e-6)
    assert len(found.sentences()) == 2


def test_real_photographs_score_as_their_embeddings_do(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    probe = [samples["barack_obama_1"], samples["barack_obama_2"]]
    reference = [samples["barack_obama_3"], samples["joe_biden_1"]]
    found = compare_several(sface, probe, reference, sface.thresholds[0])
    rows = sface.embed(np.stack([face.crop for face in (*probe, *reference)])).astype(np.float64)
    means = rows[:2].sum(0), rows[2:].sum(0)
    expected = means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1])
    assert found.score == pytest.approx(expected, abs=1e-6)
    assert found.without("reference")[1] == pytest.approx(means[0] @ rows[2] / np.linalg.norm(means[0]), abs=1e-6)
    assert found.carrier("reference") == 0


def test_none_too_many_and_the_same_twice_are_refused(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    face, other = samples["barack_obama_1"], samples["joe_biden_1"]
    for faces, why in (
        ([], "0 photographs"),
        ([face] * (MOST_PHOTOGRAPHS + 1), "9 photographs"),
        ([face] * 2, "twice"),
    ):
        with pytest.raises(DataError, match=f"{why}.* on the side of the probe"):
            compare_several(sface, faces, [other], sface.thresholds[0])


@pytest.mark.slow
def test_explain_takes_further_photographs_of_either_side(sface: TorchFaceModel, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    probe, also, reference, other = (
        str(SAMPLES / f"{name}.jpg") for name in ("barack_obama_1", "barack_obama_2", "barack_obama_3", "joe_biden_1")
    )
    more = ["--probe-also", also, "--reference-also", other, "--output", str(tmp_path)]
    assert main(["explain", probe, reference, *more]) == 0
    record = json.loads((tmp_path / "photographs.json").read_text())
    faces = [align_face(open_photo(path)) for path in (probe, also, reference, other)]
    assert record["score"] == pytest.approx(
        compare_several(sface, faces[:2], faces[2:], sface.thresholds[0]).score, abs=1e-6
    )
    assert "not evidence of identity" in record["caution"]
    assert [one["file"] for one in record["probe"]] == ["barack_obama_1.jpg", "barack_obama_2.jpg"]
    # The maps are those of the two named first.
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["score"] == pytest.approx(record["singles"][0][0], abs=1e-6)
    assert record["sentences"][0] in capsys.readouterr().out
    assert main(["explain", probe, reference, "--probe-also", probe, "--output", str(tmp_path)]) == 2
    assert "barack_obama_1.jpg is there twice on the side of the probe" in capsys.readouterr().err
