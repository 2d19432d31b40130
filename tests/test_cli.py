"""The command line's contract: files, arrays, record, exit codes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from xssab_core import align_face, explain, open_photo
from xssab_core.cli import main
from xssab_core.models.calibration import calibration_of
from xssab_core.models.registry import MODELS
from xssab_core.paths import ASSETS
from xssab_core.render import PALETTES

SAMPLES = ASSETS / "samples"
PAIR = (str(SAMPLES / "barack_obama_1.jpg"), str(SAMPLES / "joe_biden_1.jpg"))
NAMES = [f"{side}_{kind}" for side in ("probe", "reference") for kind in ("similarity", "dissimilarity", "combined")]


@pytest.mark.slow
def test_explain_writes_record_maps_and_pictures(tmp_path, sface) -> None:
    output = tmp_path / "result"
    assert main(["explain", *PAIR, "--threshold", "eer", "--output", str(output)]) == 0
    record = json.loads((output / "result.json").read_text())
    expected = explain(sface, *(align_face(open_photo(path)) for path in PAIR))
    assert record["score"] == pytest.approx(expected.score, abs=1e-6)
    assert record["threshold"] == expected.threshold.value
    assert "LFW" in record["threshold_origin"]
    assert record["decision"] == "non-match"
    rates = calibration_of("sface", record["weights_sha256"]).rates(record["threshold"])
    for name, rate in (("false_match_rate", rates.false_match), ("false_non_match_rate", rates.false_non_match)):
        assert record[name]["value"] == rate.value
        assert record[name]["interval_95"] == list(rate.interval)
        assert (record[name]["errors"], record[name]["pairs"]) == (rate.errors, 2100)
        assert record[name]["data_set"].startswith("LFW View 2")
    ratio, (low, high) = record["likelihood_ratio"], record["likelihood_ratio"]["bounds"]
    assert low <= ratio["log10"] < 0 < high
    assert ratio["sentences"][-1].endswith("for research use.")
    assert record["model"] == "sface"
    assert record["weights_sha256"] == MODELS["sface"].weights.sha256
    assert record["embedding_size"] == 128
    for side, path in zip(("probe", "reference"), PAIR, strict=True):
        assert record[side]["sha256"] == open_photo(path).sha256
        assert np.array(record[side]["landmarks"]).shape == (5, 2)
    assert {"xssab", "torch", "numpy"} <= set(record["versions"])
    assert record["device"]
    assert {"align", "load_model", "examine", "maps"} <= set(record["seconds"])
    assert "not evidence of identity" in record["caution"]
    with np.load(output / "maps.npz", allow_pickle=False) as maps:
        assert sorted(maps.files) == sorted(NAMES)
        for name in NAMES:
            assert maps[name].dtype == np.float32
            assert maps[name].shape == (112, 112)
            np.testing.assert_allclose(maps[name], expected.maps()[name], rtol=0.02, atol=1e-7)
    for name in (*NAMES, "probe_crop", "reference_crop"):
        with Image.open(output / f"{name}.png") as picture:
            assert picture.size == (448, 448)
    assert not list(output.glob(".*"))


@pytest.mark.slow
def test_findings_are_written_and_said(run, tmp_path, sface) -> None:
    code, out, _ = run("explain", *PAIR, "--method", "layered", "--findings", "--output", tmp_path)
    assert code == 0
    found = json.loads((tmp_path / "findings.json").read_text())
    assert "not evidence of identity" in found["caution"]
    assert (tmp_path / "regions.csv").read_text().count("\n") == 4 + 1 + len(found["regions"]["regions"])
    assert found["flip"]["replaced_by"] == "the reference at the same place"
    assert f"Replacing {found['flip']['pixels']:,} pixels of the probe" in out
    assert "Hiding one region turns the decision in " in out


def test_the_crop_picture_holds_the_computed_pixels(tmp_path, samples) -> None:
    assert main(["explain", *PAIR, "--output", str(tmp_path)]) == 0
    with Image.open(tmp_path / "probe_crop.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[::4, ::4], samples["barack_obama_1"].crop)


def test_landmarks_given_by_hand_are_used_and_recorded(tmp_path, samples) -> None:
    points = samples["barack_obama_1"].landmarks + 1.0
    text = ";".join(f"{x},{y}" for x, y in points)
    assert main(["explain", *PAIR, "--probe-landmarks", text, "--no-blur", "--output", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "result.json").read_text())
    assert record["probe"]["landmarks_origin"] == "by hand"
    np.testing.assert_allclose(record["probe"]["landmarks"], points, atol=1e-3)
    assert record["blur"] is False


def test_landmarks_of_a_record_that_lie_outside_the_picture_are_read_back(tmp_path, samples) -> None:
    face = samples["barack_obama_1"]
    # The eye at the left lies outside, and so comes first with a minus sign.
    points = (face.landmarks - [face.landmarks[0, 0] + 9.25, 0]).round(3)
    typed = ";".join(f"{x:g},{y:g}" for x, y in points)
    assert typed.startswith("-9.25,")
    for number, given in enumerate((typed, json.dumps(points.tolist()), json.dumps(points.tolist(), indent=2))):
        output = tmp_path / str(number)
        assert main(["explain", *PAIR, "--method", "random", "--probe-landmarks", given, "--output", str(output)]) == 0
        record = json.loads((output / "result.json").read_text())
        assert record["probe"]["landmarks"] == points.tolist()


@pytest.mark.slow
def test_the_same_file_twice_is_pointed_out_and_two_photographs_are_not(tmp_path, capsys) -> None:
    assert main(["explain", PAIR[0], PAIR[0], "--output", str(tmp_path)]) == 0
    assert "Probe and reference are the same file" in capsys.readouterr().out
    assert main(["explain", *PAIR, "--output", str(tmp_path)]) == 0
    assert "same file" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["explain", "nobody.jpg", PAIR[1]], "Check the path"),
        (["explain", str(ASSETS.parent / "pyproject.toml"), PAIR[1]], "JPEG"),
        (["explain", *PAIR, "--threshold", "2"], "between -1 and 1"),
        (["explain", *PAIR, "--threshold", "1.27"], "a cosine distance, give -0.27; if it is a Euclidean"),
        (["explain", *PAIR, "--threshold", "1.27"], "of unit embeddings, give 0.1935"),
        (["explain", *PAIR, "--threshold", "36"], "a percentage, give 0.36"),
        (["explain", *PAIR, "--threshold", "36 %"], "write 0.36"),
        (["explain", *PAIR, "--threshold", "0,36"], "with a point: 0.36"),
        (["explain", *PAIR, "--threshold", "strict"], "known: eer"),
        (["explain", *PAIR, "--method", "magic"], "Known methods"),
        (["explain", *PAIR, "--model", "magic"], "Known models"),
        (["explain", *PAIR, "--probe-landmarks", "1,2;3"], "five x,y pairs"),
        (["explain", *PAIR, "--probe-landmarks", "-1,2;3"], "'-1,2;3' is not five x,y pairs"),
        (["explain", *PAIR, "--threshold", "-1.5"], "between -1 and 1"),
        (["explain", *PAIR, "--probe-face", "3"], "no face number 3"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(arguments, advice, tmp_path, capsys) -> None:
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert advice in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_wrong_call_is_one_line_and_exit_code_2() -> None:
    done = subprocess.run([sys.executable, "-m", "xssab_core", "explain"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "PROBE" in done.stderr


def test_an_output_that_cannot_be_written_is_said(tmp_path, capsys) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["explain", *PAIR, "--output", str(tmp_path / "file")]) == 2
    assert "--output" in capsys.readouterr().err


def test_models_list_and_verify(capsys, sface) -> None:
    assert main(["models", "list"]) == 0
    assert "sface" in capsys.readouterr().out
    assert main(["models", "verify", "sface"]) == 0
    assert MODELS["sface"].weights.sha256 in capsys.readouterr().out


def test_both_palettes_have_two_colours() -> None:
    assert all(len({*pair}) == 2 for pair in PALETTES.values())


@pytest.mark.parametrize(
    "arguments",
    [
        ["calibrate", "--lfw", "{lfw}", "--output", "{way}/calibration.json"],
        ["benchmark", "--lfw", "{lfw}", "--methods", "random", "--pairs", "4", "--steps", "3", "--output", "{way}/out"],
        ["patch-lfw", "--lfw", "{lfw}", "--pairs", "4", "--output", "{way}"],
        ["models", "add", "--id", "mine", "--command", "program 'with one quote"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_cannot_be_done_is_one_line_in_every_command(arguments, tiny_lfw, tmp_path, capsys) -> None:
    (tmp_path / "way").write_text("in the way")
    assert main([word.format(lfw=tiny_lfw, way=tmp_path / "way") for word in arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("xssab: ")
    assert ("cannot be written" in error) or ("Close every quote" in error)
    assert (tmp_path / "way").read_text() == "in the way"


def test_a_store_that_is_a_file_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "way").write_text("in the way")
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path / "way"))
    program = f"{sys.executable} -c pass"
    assert main(["models", "add", "--id", "mine", "--command", program]) == 2
    assert main(["models", "fetch", "sface"]) == 2
    assert "XSSAB_HOME" in capsys.readouterr().err


def test_no_option_is_advised_that_the_command_does_not_have(tmp_path, capsys) -> None:
    assert main(["calibrate", "--lfw", str(tmp_path / "absent")]) == 2
    assert "--download" not in capsys.readouterr().err
    assert main(["patch-lfw", "--lfw", str(tmp_path / "absent"), "--output", str(tmp_path)]) == 2
    assert "--download" in capsys.readouterr().err
