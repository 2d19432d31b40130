"""A case computed again: equal here, and whatever was changed is said."""

import json
import re

import numpy as np
import pytest

from tests.casefile.conftest import SAMPLES, members_of
from tests.zips import zip_of
from xssab_core.casefile.archive import read_archive, sealed
from xssab_core.casefile.filing import case_file
from xssab_core.casefile.format import CASE, MANIFEST
from xssab_core.casefile.reproduce import SHARE, missing_originals, pair_of, reproduce
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.faces import ARCFACE, Pair, open_photo

pytestmark = pytest.mark.slow
FILE, MEANS = "File of the reference", "Means of all photographs"


def changed(case: bytes, change) -> bytes:
    """The case with another case.json and a manifest that fits, as someone on purpose would do it."""
    members = members_of(case)
    del members[MANIFEST]
    record = json.loads(members[CASE])
    change(record)
    return sealed({**members, CASE: json.dumps(record).encode()})


def test_computed_again_what_was_changed_on_purpose_is_different_and_all_else_is_equal(case, run, tmp_path) -> None:
    def forge(record) -> None:
        measured = record["measured"]
        measured["score"] += 0.01
        measured["several"]["probe"][1]["score"] += 0.01
        measured["ledger"]["regions"][0]["hidden_probe_flips"] ^= True
        measured["flip"]["pixels"] = round(measured["flip"]["pixels"] * (1 + SHARE / 2))
        measured["replay"]["scores"][3] -= 0.5
        record["model"]["weights_sha256"] = "0" * 64
        record["photographs"]["reference"]["tags"]["Model"] = "another"
        record["provenance"]["versions"]["torch"] = "1.0"

    (tmp_path / "case.zip").write_bytes(changed(case, forge))
    code, out, err = run("reproduce", tmp_path / "case.zip")
    assert code == 2
    assert "does not hold" in err
    verdicts = {
        figure: verdict.strip() for verdict, figure in re.findall(r"^(\S[^A-Z]+?)  +([^:\n]+)", out, re.MULTILINE)
    }
    forged = {"Score", MEANS, "Region ledger", "Replay and random orders", "Weights of the model", FILE}
    assert {figure for figure, verdict in verdicts.items() if verdict == "different"} == forged
    assert verdicts.pop("What would turn the decision") == "within tolerance"
    assert {verdict for figure, verdict in verdicts.items() if figure not in forged} == {"equal"}
    known = {"Maps of xSSAB", "Crop of the probe", "Crop of the probe's photograph 2", "Trust panel"}
    assert {*known, "Landmarks of the probe", "Landmarks of the reference's photograph 2"} <= set(verdicts)
    assert "hidden_probe_flips: " in out
    assert "differs today: torch: 1.0 then" in out
    assert "Why there is a tolerance" in out
    assert "The manifest holds. Of " in out


def test_a_patched_pair_is_built_again_from_its_three_photographs(patched_case, patched_pair) -> None:
    archive = read_archive(patched_case)
    photos = {
        role: open_photo(archive.members[photograph.member]) for role, photograph in archive.case.photographs.items()
    }
    again = pair_of(archive.case, photos)
    for one, two in zip(again.crops_for(ARCFACE), patched_pair.crops_for(ARCFACE), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_case_of_one_photograph_a_side_from_before_there_could_be_more_is_read(patched_case) -> None:
    assert read_archive(changed(patched_case, lambda record: record["measured"].pop("several"))).problems == ()


def test_without_originals_it_asks_for_them_by_name_and_takes_no_others(case, run, tmp_path) -> None:
    members = {name: data for name, data in members_of(case).items() if not name.startswith("originals/")}
    (tmp_path / "case.zip").write_bytes(zip_of(members))
    assert "--originals FILE FILE" in run("reproduce", tmp_path / "case.zip")[2]
    archive = read_archive(zip_of(members))
    assert len(missing_originals(archive)) == 4
    with pytest.raises(DataError, match=r"originals/probe\.jpg is missing.*barack_obama_2\.jpg \(SHA-256 [0-9a-f]{64}"):
        reproduce(Engine("cpu"), archive)
    other = (SAMPLES / "joe_biden_1.jpg").read_bytes()
    with pytest.raises(DataError, match="None of the files given is the original"):
        reproduce(Engine("cpu"), archive, [other])
    given = [members_of(case)[f"originals/{role}.jpg"] for role in ("reference", "probe", "reference-2", "probe-2")]
    assert [told.split(" (")[0] for told in missing_originals(archive, given[:3])] == ["barack_obama_3.jpg"]
    assert missing_originals(archive, given) == []


@pytest.mark.parametrize("role", ["probe", "reference-2"])
def test_a_changed_original_is_asked_for(case, role) -> None:
    members = members_of(case)
    members[f"originals/{role}.jpg"] += b"x"
    archive = read_archive(zip_of(members))
    assert archive.problems == (f"originals/{role}.jpg was changed",)
    with pytest.raises(DataError, match=rf"{role}\.jpg was changed\. The case file does not hold the original"):
        reproduce(Engine("cpu"), archive)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["reproduce", "absent.zip"], "Check the path"),
        (["reproduce", str(SAMPLES / "joe_biden_1.jpg")], "no ZIP"),
        (
            ["report", str(SAMPLES / "joe_biden_1.jpg"), "b.jpg", "--notes", "absent.txt", "--output", "o"],
            "text in UTF-8",
        ),
        (["report", str(SAMPLES / "joe_biden_1.jpg"), "b.jpg", "--output", "o"], "Check the path"),
        (["report", *[str(SAMPLES / "joe_biden_1.jpg")] * 2, "--notes", "{long}", "--output", "o"], "Shorten them"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, told, tmp_path) -> None:
    (tmp_path / "long.txt").write_text("x" * 100_001)
    code, _, err = run(*(str(tmp_path / "long.txt") if word == "{long}" else word for word in arguments))
    assert code == 2
    assert told in err
    assert err.count("\n") == 1


def test_random_orders_that_ship_are_named_and_computed_again(sface, samples) -> None:
    pair = Pair(samples["barack_obama_1"], samples["barack_obama_2"])
    made = case_file(Engine("cpu"), sface, pair, ("layered",), 0.363, originals=True)
    archive = read_archive(made)
    assert archive.case.random_orders_computed_beforehand
    assert "which computed them beforehand" in archive.members["report.html"].decode()
    found = {check.figure: check for check in reproduce(Engine("cpu"), archive).checks}
    assert found["Replay and random orders"].verdict != "different"

    def forge(record) -> None:
        record["measured"]["replay"]["random"][7][9] -= 0.5

    found = {check.figure: check for check in reproduce(Engine("cpu"), read_archive(changed(made, forge))).checks}
    assert found["Replay and random orders"].verdict == "different"
