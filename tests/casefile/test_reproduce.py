"""A case computed again: equal here, and whatever was changed is said."""

import json

import pytest

from tests.casefile.conftest import SAMPLES, members_of, packed
from xssab_core.casefile.archive import read_archive, sealed
from xssab_core.casefile.format import CASE, MANIFEST
from xssab_core.casefile.reproduce import SHARE, missing_originals, reproduce
from xssab_core.engine import Engine
from xssab_core.errors import DataError

pytestmark = pytest.mark.slow
FILE = "File of the reference: size, format, EXIF"


def changed(case: bytes, change) -> bytes:
    """The case with another case.json and a manifest that fits, as someone on purpose would do it."""
    members = members_of(case)
    del members[MANIFEST]
    record = json.loads(members[CASE])
    change(record)
    return sealed({**members, CASE: json.dumps(record).encode()})


def test_computed_again_what_was_changed_on_purpose_is_different_and_all_else_is_equal(case) -> None:
    def forge(record) -> None:
        measured = record["measured"]
        measured["score"] += 0.01
        measured["ledger"]["regions"][0]["hidden_probe_flips"] ^= True
        measured["flip"]["pixels"] = round(measured["flip"]["pixels"] * (1 + SHARE / 2))
        measured["replay"]["scores"][3] -= 0.5
        record["model"]["weights_sha256"] = "0" * 64
        record["photographs"]["reference"]["tags"]["Model"] = "another"
        record["provenance"]["versions"]["torch"] = "1.0"

    found = reproduce(Engine("cpu"), read_archive(changed(case, forge)))
    verdicts = {check.figure: check.verdict for check in found.checks}
    assert not found.holds
    assert found.problems == ()
    forged = {"Score", "Region ledger", "Replay and random orders", "Weights of the model", FILE}
    assert {figure for figure, verdict in verdicts.items() if verdict == "different"} == forged
    assert verdicts.pop("What would turn the decision") == "within tolerance"
    assert {verdict for figure, verdict in verdicts.items() if figure not in forged} == {"equal"}
    assert {
        "Maps of xSSAB",
        "Crop of the probe",
        "Trust panel",
        "Landmarks of the probe",
        "Digest of the blind notes",
    } <= set(verdicts)
    assert any(told.startswith("torch: 1.0 then") for told in found.circumstances)
    assert "hidden_probe_flips" in next(check.told for check in found.checks if check.figure == "Region ledger")


def test_without_originals_it_asks_for_them_by_name_and_takes_no_others(case) -> None:
    members = {name: data for name, data in members_of(case).items() if not name.startswith("originals/")}
    archive = read_archive(packed(members))
    assert len(missing_originals(archive)) == 2
    with pytest.raises(DataError, match=r"originals/probe\.jpg is missing.*barack_obama_2\.jpg \(SHA-256 [0-9a-f]{64}"):
        reproduce(Engine("cpu"), archive)
    other = (SAMPLES / "joe_biden_1.jpg").read_bytes()
    with pytest.raises(DataError, match="None of the files given is the original"):
        reproduce(Engine("cpu"), archive, [other])
    both = [members_of(case)[f"originals/{side}.jpg"] for side in ("reference", "probe")]
    assert missing_originals(archive, both) == []


def test_a_changed_original_is_asked_for(case) -> None:
    members = members_of(case)
    members["originals/probe.jpg"] += b"x"
    archive = read_archive(packed(members))
    assert archive.problems == ("originals/probe.jpg was changed",)
    with pytest.raises(DataError, match=r"originals/probe\.jpg was changed\. The case file does not hold the original"):
        reproduce(Engine("cpu"), archive)
