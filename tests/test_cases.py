"""Inputs that failed for users, and what is right: each row is a file of ../shared/cases with the right value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xssab_core.data.crops import CropCache
from xssab_core.data.verification_set import read_verification_set, unpacked
from xssab_core.faces import AlignedFace, align_face, open_photo, turned
from xssab_core.metrics import cosine
from xssab_core.models import TorchFaceModel
from xssab_core.paths import ASSETS
from xssab_core.scoring.embed import embed_all, images_of

CASES = ASSETS.parent.parent / "shared" / "cases"
PARTNER = ASSETS / "samples" / "barack_obama_2.jpg"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not at ../shared/cases")

Score = Callable[[AlignedFace, AlignedFace], float]


@pytest.fixture(scope="module")
def score(sface: TorchFaceModel) -> Score:
    return lambda probe, reference: cosine(*sface.embed(np.stack([probe.crop, reference.crop])))


@pytest.mark.parametrize(
    ("name", "right", "note"),
    [
        ("png-long-text.png", 0.7681, "Metadata"),
        ("exif-rational-minus-one-over-zero.jpg", 0.7682, "Metadata"),
        ("exif-orientation-one-over-zero.jpg", 0.7682, "Metadata"),
        ("png-12-of-16-bit.png", 0.7094, "from 0 to 4095, read as 12 bits"),
    ],
)
def test_odd_files_open_with_a_note_and_score_as_the_photograph(
    score: Score, samples: dict[str, AlignedFace], name: str, right: float, note: str
) -> None:
    face = align_face(open_photo(CASES / name))
    assert score(face, samples["barack_obama_2"]) == pytest.approx(right, abs=2e-4)
    assert note in " ".join(face.warnings)


@pytest.mark.parametrize(
    ("probe", "reference", "right"),
    [
        ("barack_obama_1", "barack_obama_2", 0.7681),
        ("barack_obama_1", "barack_obama_3", 0.8036),
        ("barack_obama_2", "barack_obama_3", 0.7370),
        ("barack_obama_1", "eileen_collins_1", 0.0941),
        ("barack_obama_1", "joe_biden_1", 0.0757),
        ("barack_obama_2", "joe_biden_1", 0.2680),
    ],
)
def test_aligned_crops_are_offered_and_score_as_they_are(
    score: Score, probe: str, reference: str, right: float
) -> None:
    photos = [open_photo(CASES / f"aligned112-{name}.png") for name in (probe, reference)]
    assert all(align_face(photo).looks_aligned for photo in photos)
    taken = [align_face(photo, aligned=True) for photo in photos]
    assert score(*taken) == pytest.approx(right, abs=2e-4)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_photographs_score_as_upright_after_the_turn_offered(
    score: Score, samples: dict[str, AlignedFace], degrees: int
) -> None:
    face = align_face(open_photo(CASES / f"turned-{degrees}.jpg"))
    assert any("turn it" in warning for warning in face.warnings)
    upright = align_face(turned(face.photo, face.better_turn))
    assert score(upright, samples["barack_obama_2"]) == pytest.approx(0.768, abs=0.006)


@pytest.mark.parametrize("name", ["border-left-third-cut.png", "border-half-cut.png"])
def test_cut_faces_warn_and_their_recorded_landmarks_can_be_given_back(tmp_path: Path, run, name: str) -> None:
    arguments = ("explain", CASES / name, PARTNER, "--method", "random")
    code, out, _ = run(*arguments, "--output", tmp_path / "detected")
    assert code == 0
    assert "of the crop lies outside the photograph" in out
    record = json.loads((tmp_path / "detected" / "result.json").read_text())
    points = record["probe"]["landmarks"]
    assert np.min(points) < 0
    text = ";".join(f"{x},{y}" for x, y in points)
    assert run(*arguments, f"--probe-landmarks={text}", "--output", tmp_path / "given")[0] == 0
    again = json.loads((tmp_path / "given" / "result.json").read_text())
    assert again["probe"]["landmarks"] == points
    assert again["score"] == record["score"]


@pytest.mark.slow
def test_explain_takes_the_offers_of_its_warnings(tmp_path: Path, run) -> None:
    def explained(*arguments: object) -> tuple[str, float]:
        code, out, _ = run("explain", *arguments, "--method", "random", "--output", tmp_path)
        assert code == 0
        return out, json.loads((tmp_path / "result.json").read_text())["score"]

    crop = CASES / "aligned112-barack_obama_1.png"
    assert "add --probe-aligned" in explained(crop, PARTNER)[0]
    assert explained(crop, PARTNER, "--probe-aligned")[1] == pytest.approx(0.7681, abs=2e-4)
    photo = CASES / "turned-180.jpg"
    assert "add --reference-turn 180" in explained(PARTNER, photo)[0]
    assert explained(PARTNER, photo, "--reference-turn", 180)[1] == pytest.approx(0.768, abs=0.006)


def test_a_verification_set_scores_as_its_photographs(tmp_path: Path, sface: TorchFaceModel) -> None:
    pairs = unpacked(read_verification_set(CASES / "verification-set.bin"), tmp_path / "set")
    assert [pair.genuine for pair in pairs] == [True] * 3 + [False] * 3
    embeddings = embed_all(sface, images_of(pairs), CropCache(tmp_path / "cache", aligned=True))
    scores = [cosine(embeddings[pair.probe], embeddings[pair.reference]) for pair in pairs]
    # The set holds JPEG files of the crops, which costs up to 0.016.
    assert scores == pytest.approx([0.768, 0.804, 0.737, 0.076, 0.094, 0.230], abs=0.02)


def test_calibrate_takes_a_verification_set_and_warns_of_aligned_crops(tmp_path: Path, run) -> None:
    output = tmp_path / "calibration.json"
    code, out, _ = run("calibrate", "--pairs", CASES / "verification-set.bin", "--output", output)
    assert code == 0
    assert "verification-set.bin: 6 of 6 pairs (3 genuine, 3 impostor)" in out
    assert "--aligned" not in out
    assert min(json.loads(output.read_text())["genuine"]) > 0.7
    rows = [("barack_obama_1", "barack_obama_3", 1), ("barack_obama_1", "joe_biden_1", 0)]
    text = "".join(f"aligned112-{a}.png,aligned112-{b}.png,{label}\n" for a, b, label in rows)
    (tmp_path / "pairs.csv").write_text("probe,reference,label\n" + text)
    arguments = ("calibrate", "--pairs", tmp_path / "pairs.csv", "--lfw", CASES, "--output", output)
    assert "add --aligned" in run(*arguments)[1]
    out = run(*arguments, "--aligned")[1]
    assert "add --aligned" not in out
    assert json.loads(output.read_text())["genuine"] == pytest.approx([0.8036], abs=2e-4)


@pytest.mark.parametrize("name", ["photo.jfif", "photo.HEIC"])
def test_the_content_decides_whatever_the_suffix(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PARTNER.read_bytes())
    np.testing.assert_array_equal(open_photo(path).pixels, open_photo(PARTNER).pixels)
