"""What a case file says, and what it must not say: in HTML, PDF and pictures."""

import hashlib
import io
import json
import re
from dataclasses import replace
from html import unescape

import msgspec
import numpy as np
import pypdf
import pytest
from PIL import Image

from tests.casefile.conftest import NAME, NOTES, SAMPLES, members_of, photograph_with_a_place
from tests.findings.tiny import tiny_face_model
from xssab_core import explain
from xssab_core.casefile.archive import read_archive
from xssab_core.casefile.document import visible
from xssab_core.casefile.figures import hatching
from xssab_core.casefile.filing import case_file
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.explain import CAUTION
from xssab_core.faces import Pair, align_face, open_photo
from xssab_core.findings.several import compare_several
from xssab_core.models.calibration import calibration_of
from xssab_core.quality.standing import figures
from xssab_core.scoring.likelihood import likelihood_record

pytestmark = pytest.mark.slow


def test_the_numbers_are_those_of_the_library(case, sface) -> None:
    archive = read_archive(case)
    assert archive.case.notes == NOTES
    case_pair = Pair(
        align_face(open_photo(photograph_with_a_place())), align_face(open_photo(SAMPLES / "barack_obama_2.jpg"))
    )
    measured, expected = archive.case.measured, explain(sface, *case_pair, threshold="eer")
    assert measured.score == pytest.approx(expected.score, abs=1e-6)
    assert archive.case.threshold == expected.threshold
    calibration = calibration_of("sface", sface.weights_sha256)
    rates = calibration.rates(expected.threshold.value)
    assert measured.rates.false_match.interval_95 == rates.false_match.interval
    assert measured.rates.false_non_match.errors == rates.false_non_match.errors
    assert measured.rates.standing == calibration.standing(measured.score, True)
    for side, face in case_pair.by_side():
        assert measured.quality[side] == pytest.approx(figures(face, sface), rel=1e-4)
    worth = likelihood_record(calibration, measured.score)
    assert msgspec.to_builtins(measured.likelihood) == worth | {
        name: tuple(worth[name]) for name in ("bounds", "sentences")
    }
    for side, crop in zip(("probe", "reference"), case_pair.crops_for(sface.info.template), strict=True):
        with Image.open(io.BytesIO(archive.members[f"pictures/{side}_crop.png"])) as picture:
            np.testing.assert_array_equal(np.asarray(picture)[::4, ::4], crop)
    assert archive.members["originals/probe.jpg"] == photograph_with_a_place()
    faces = [*case_pair, *(align_face(open_photo(SAMPLES / f"barack_obama_{number}.jpg")) for number in (3, 1))]
    engine = Engine("cpu")
    unblurred = engine.explain(sface, case_pair, "xssab", "eer", blur=False)  # the blur is for the eye
    assert measured.replay.scores == pytest.approx(engine.play(sface, case_pair, unblurred).scores.tolist(), abs=1e-6)
    assert archive.members["report.html"].decode().count("in the order of xSSAB, unblurred") == 3
    several = compare_several(sface, [faces[0], faces[2]], [faces[1], faces[3]], expected.threshold)
    assert measured.several["score"] == pytest.approx(several.score, abs=1e-6)
    np.testing.assert_allclose(measured.several["singles"], several.singles, atol=1e-6)
    assert [one["carries"] for one in measured.several["probe"]] == [several.carrier("probe") == n for n in (0, 1)]
    for role, name in (("probe-2", "barack_obama_3.jpg"), ("reference-2", "barack_obama_1.jpg")):
        given = (SAMPLES / name).read_bytes()
        assert archive.members[f"originals/{role}.jpg"] == given
        assert archive.case.photographs[role].sha256 == hashlib.sha256(given).hexdigest()
    assert archive.members["originals/reference.jpg"] == (SAMPLES / "barack_obama_2.jpg").read_bytes()


def test_exif_is_stated_and_its_place_flagged_but_never_repeated(case) -> None:
    photographs = read_archive(case).case.photographs
    assert photographs["probe"].tags["Make"] == "Kamera <b>&amp;</b> GmbH"
    assert photographs["probe"].tags["DateTimeOriginal"] == "2020:02:29 12:00:00"
    assert photographs["probe"].has_gps
    assert not photographs["reference"].has_gps
    for name, data in members_of(case).items():
        if name.endswith((".json", ".html")):
            assert not re.search(rb"GPSLat|48\.0, 12|16\.0, 22", data), name


def test_no_exported_picture_carries_metadata_of_a_photograph(case) -> None:
    pictures = {name: data for name, data in members_of(case).items() if name.endswith(".png")}
    assert len(pictures) == 16
    for name, data in pictures.items():
        with Image.open(io.BytesIO(data)) as picture:
            assert dict(picture.getexif()) == {}, name
            assert set(picture.info) <= {"Comment", "Description"}, name


def test_the_html_is_one_file_that_runs_nothing(case) -> None:
    html = members_of(case)["report.html"].decode()
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert "<img" not in html
    assert not re.search(r"<[^>]*\son\w+\s*=", html)
    assert set(re.findall(r'(?:href|src)="([a-z]*:?)', html)) == {"data:"}
    assert "\u202e" not in html


def test_the_html_shows_every_text_letter_by_letter(case) -> None:
    text = unescape(re.sub(r"<[^>]+>", "", members_of(case)["report.html"].decode()))
    for line in (*NOTES.split("\n"), *read_archive(case).case.measured.likelihood.sentences):
        assert visible(line) in text, line
    assert NAME.replace("\u202e", "\\u202e") in text


def test_the_pdf_opens_and_says_the_same(case) -> None:
    reader = pypdf.PdfReader(io.BytesIO(members_of(case)["report.pdf"]))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    found = read_archive(case).case
    for wanted in (
        CAUTION,
        f"{found.measured.score:.4f}",
        "1. Decision",
        "12. Provenance",
        *found.measured.several["sentences"][:2],
        "Probe's photograph 2: barack_obama_3.jpg",
        "Kamera <b>&amp;</b> GmbH",
        "<script>document.title = 'broken'</script>",
        "\u0434\u0430, \\u6f22",
        "PRESENT: the file says where it was taken",
        *found.measured.likelihood.sentences,
        "Eye distance that holds detail",
        "not that standard's measures",
    ):
        assert wanted in text, wanted
    assert found.model.weights_sha256 in text.replace(" ", "")
    assert not {"/Names", "/AA", "/AcroForm"} & set(reader.trailer["/Root"])
    assert b"/JavaScript" not in members_of(case)["report.pdf"]


def test_figures_are_vectors_that_need_nothing_else(case) -> None:
    figures = {name: data.decode() for name, data in members_of(case).items() if name.endswith(".svg")}
    assert len(figures) == 13
    for name, svg in figures.items():
        assert re.search("<path|<circle", svg), name
        assert set(re.findall(r'href="([a-z]+:)', svg)) <= {"data:"}, name
    assert "stroke-dasharray" in figures["figures/probe_xssab.svg"]


def test_hatching_covers_the_mask_and_nothing_else() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 5:25] = True
    lines = [tuple(map(int, line)) for line in re.findall(r"M(\d+) (\d+)L(\d+) (\d+)", hatching(mask))]
    assert len(lines) > 4
    for x0, y0, x1, y1 in lines:
        assert x0 + y0 == x1 + y1
        assert all(mask[y0 + step, x0 - step - 1] for step in range(y1 - y0))
    assert hatching(np.zeros((8, 8), dtype=bool)) == ""


def test_each_photograph_of_a_side_has_a_crop_and_its_scores(case) -> None:
    found, html = read_archive(case).case, members_of(case)["report.html"].decode()
    rows = re.findall(r'<td class="picture"><svg .*?</svg></td>(.*?)</tr>', html, re.DOTALL)
    cells = [re.findall(r">([^<>]+)</(?:th|bdi)>", row) for row in rows]
    record = [*found.measured.several["probe"], *found.measured.several["reference"]]
    assert [row[1:3] for row in cells] == [[f"{one['score']:.4f}", f"{one['score_without']:.4f}"] for one in record]
    assert ["most" in row for row in cells] == [one["carries"] for one in record]
    assert cells[3][0] == "Reference&#39;s photograph 2: barack_obama_1.jpg"
    assert all(digest.sha256 in html for digest in found.photographs.values())


def test_photographs_that_no_case_file_could_hold_are_refused_at_once(samples) -> None:
    face = samples["joe_biden_1"]
    large = replace(face, photo=replace(face.photo, data=bytes(50 * 2**20)))
    pair, further = Pair(face, large), {"probe": [large] * 4}
    with pytest.raises(DataError, match="250 MiB together; a case file takes 224"):
        case_file(Engine("cpu"), tiny_face_model(), pair, (), originals=True, further=further)


def test_case_json_says_what_computed_it(case) -> None:
    record = json.loads(members_of(case)["case.json"])
    about = record["provenance"]
    assert {"xssab", "torch", "numpy", "python", "opencv"} <= set(about["versions"])
    assert about["created"].endswith("+00:00")
    assert about["device"] == "cpu"
    assert record["caution"] == CAUTION
    assert [method["id"] for method in record["methods"]] == ["xssab", "layered"]
    assert record["measured"]["trust"]["sentences"]
    assert len(record["measured"]["replay"]["random"]) == 20


def test_a_patched_pair_on_a_model_without_calibration_with_blind_notes_is_a_case(patched_case) -> None:
    found = read_archive(patched_case)
    assert set(found.case.photographs) == {"probe", "reference", "donor"}
    assert found.case.measured.rates is None
    assert found.case.measured.replay.fill == "the probe without its patches"
    text = unescape(re.sub(r"<[^>]+>", "", found.members["report.html"].decode()))
    for wanted in (
        "not known: this model has no calibration",
        "ratio: not known. This model has no",
        "Donor",
        "marks: <i>alike</i>",
        found.case.blind.sha256,
    ):
        assert wanted in text, wanted
    assert "figures/scores.svg" not in found.members
