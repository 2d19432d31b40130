"""The ZIP of a case: every changed byte is named, and what no case file has is refused in a sentence."""

import hashlib
import io
import json
import random
import stat
import struct
import zipfile

import numpy as np
import pytest

from tests.casefile.conftest import members_of
from tests.zips import zip_of
from xssab_core.casefile.archive import MAX_MEMBERS, manifest_json, read_archive, read_maps, seal_of, sealed
from xssab_core.casefile.format import CASE, MANIFEST
from xssab_core.errors import DataError

pytestmark = pytest.mark.slow


def with_entry(name: str, data: bytes = b"x", **attributes: object) -> bytes:
    """A ZIP with one entry that has these attributes."""
    buffer, info = io.BytesIO(), zipfile.ZipInfo(name)
    info.filename = name  # as it is, without what ZipInfo makes of it
    for key, value in attributes.items():
        setattr(info, key, value)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, data)
    return buffer.getvalue()


def problems_of(data: bytes) -> tuple[str, ...]:
    """What reading a case file complains about, whether it could go on or not."""
    try:
        return read_archive(data).problems
    except DataError as error:
        return (str(error),)


def test_a_case_file_holds_what_it_promises_and_is_whole(case) -> None:
    archive = read_archive(case)
    assert archive.problems == ()
    assert archive.seal == seal_of(case) == hashlib.sha256(archive.members[MANIFEST]).hexdigest()
    expected = {
        *(CASE, MANIFEST, "report.html", "report.pdf", "data/ledger.csv", "originals/probe.jpg"),
        *("originals/probe-2.jpg", "originals/reference-2.jpg", "pictures/probe-2_crop.png"),
        *("originals/reference.jpg", "maps/xssab.npz", "maps/layered.npz", "pictures/probe_crop.png"),
        *("pictures/xssab/probe_combined.png", "figures/probe_xssab.svg", "figures/reference_layered.svg"),
        *("figures/probe_landmarks.svg", "figures/probe_regions.svg", "figures/scores.svg", "figures/replay.svg"),
        "figures/flip.svg",
    }
    assert expected <= set(archive.members)
    listed = json.loads(archive.members[MANIFEST])["members"]
    assert set(listed) == set(archive.members) - {MANIFEST}


def test_one_flipped_byte_in_any_member_is_named(case) -> None:
    members, generator = members_of(case), random.Random(0)
    for name, data in members.items():
        changed = bytearray(data)
        changed[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        problems = problems_of(zip_of({**members, name: bytes(changed)}, zipfile.ZIP_STORED))
        assert [name in problem for problem in problems] == [True], (name, problems)


def test_one_flipped_byte_of_the_packed_file_is_named(case) -> None:
    with zipfile.ZipFile(io.BytesIO(case)) as opened:
        listed = opened.infolist()
    for info in listed:
        changed = bytearray(case)
        changed[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0x10
        assert any(info.filename in problem for problem in problems_of(bytes(changed))), info.filename


def test_every_byte_of_a_manifest_counts(case) -> None:
    manifest = members_of(case)[MANIFEST]
    small = {CASE: members_of(case)[CASE]}
    for at in range(0, len(manifest), 29):
        changed = manifest[:at] + bytes([manifest[at] ^ 1]) + manifest[at + 1 :]
        assert any(MANIFEST in problem for problem in problems_of(zip_of({**small, MANIFEST: changed})))


@pytest.mark.parametrize("name", ["report.html", "maps/xssab.npz"])
def test_a_missing_and_an_added_member_are_named(case, name) -> None:
    members = members_of(case)
    lost = zip_of({key: data for key, data in members.items() if key != name})
    assert read_archive(lost).problems == (f"{name} is missing",)
    assert read_archive(zip_of({**members, "more.txt": b"x"})).problems == ("more.txt was added",)


def test_a_case_packed_anew_by_another_program_with_folders_still_holds(case) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.mkdir("maps")
        for name, data in sorted(members_of(case).items()):
            archive.writestr(name, data)
    assert read_archive(buffer.getvalue()).problems == ()


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.txt", "a/../../evil", "/etc/passwd", "C:\\evil", "a\\..\\b", "a/./b", ".ssh/x", "a\x00b", "a" * 300),
        "\u202egnp.x",
    ],
)
def test_a_name_that_could_lead_out_is_refused(name) -> None:
    with pytest.raises(DataError, match="no name of a member"):
        read_archive(with_entry(name))


def test_a_link_is_refused() -> None:
    with pytest.raises(DataError, match="a link or a device"):
        read_archive(with_entry("maps/a.npz", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16))


def test_a_bomb_is_refused_unread() -> None:
    with pytest.raises(DataError, match="grow more than 100 times"):
        read_archive(zip_of({"a": bytes(20 * 2**20)}))


def with_declared_size(size: int) -> bytes:
    """A ZIP whose list of members says that its one member has so many bytes."""
    data = bytearray(with_entry("report.html", random.Random(0).randbytes(1000)))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(data)


def test_a_member_of_a_gigabyte_is_refused_by_what_the_list_says() -> None:
    with pytest.raises(DataError, match="1,024 MiB; at most 64 MiB"):
        read_archive(with_declared_size(2**30))


def test_json_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(DataError, match=r"case\.json has 3 MiB; at most 2 MiB"):
        read_archive(zip_of({CASE: b"[" * 3 * 2**20}, zipfile.ZIP_STORED))


def test_a_member_whose_size_is_a_lie_never_grows_beyond_it() -> None:
    with pytest.raises(DataError, match=r"manifest\.json is missing"):
        read_archive(with_declared_size(500))


def test_many_large_members_are_refused_together() -> None:
    data = bytearray(zip_of({f"m{number}": b"x" for number in range(5)}))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 20 : at + 28] = struct.pack("<II", 60 * 2**20, 60 * 2**20)
    with pytest.raises(DataError, match="more than 256 MiB"):
        read_archive(bytes(data))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twice", ["a.txt", "A.TXT"])
def test_a_name_twice_is_refused(twice) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", b"x")
        archive.writestr(twice, b"y")
    with pytest.raises(DataError, match=r"a\.txt is in it twice"):
        read_archive(buffer.getvalue())


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(with_entry("a.txt"))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"a\.txt is encrypted"):
        read_archive(bytes(data))


def test_an_archive_within_and_too_many_members_are_refused() -> None:
    with pytest.raises(DataError, match=r"inner\.zip is an archive within it"):
        read_archive(zip_of({"inner.zip": with_entry("a.txt")}))
    with pytest.raises(DataError, match="members"):
        read_archive(zip_of({f"m{number}": b"" for number in range(MAX_MEMBERS + 1)}))
    with pytest.raises(DataError, match="too many members"):
        read_archive(b"PK\x01\x02" * 5000)


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(100)])
def test_what_is_no_case_file_is_said(data) -> None:
    with pytest.raises(DataError, match=r"no ZIP|is missing"):
        read_archive(data)


def test_no_mutated_archive_or_case_breaks(case) -> None:
    generator, members = random.Random(1), members_of(case)
    whole = zip_of({name: members[name] for name in (CASE, MANIFEST)})
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            changed[generator.randrange(len(changed))] = generator.randrange(256)
        problems_of(bytes(changed))
    for _ in range(300):
        changed = bytearray(members[CASE])
        at = generator.randrange(len(changed))
        changed[at : at + generator.choice((0, 1, 40))] = generator.choice(
            (b"NaN", b"-1", b"[]", b"9" * 400, b'"', b"{")
        )
        problems_of(sealed({CASE: bytes(changed)}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda case: case.update(format=99), "has format 99"),
        (lambda case: case["measured"].update(score=2), "measured.score"),
        (lambda case: case["faces"]["probe"].update(landmarks=[[5, 5]] * 5), "on one spot"),
        (lambda case: case["photographs"].pop("reference"), "photographs are not those of"),
        (lambda case: case["faces"].update(other=case["faces"]["probe"]), "faces are not those of"),
        (lambda case: case["measured"].pop("several"), "measured.several is not of the photographs"),
        (lambda case: case["methods"].append(case["methods"][0]), "the same method twice"),
        (lambda case: case.pop("model"), "model is missing"),
    ],
)
def test_a_wrong_case_is_refused_with_the_place(case, change, told) -> None:
    record = json.loads(members_of(case)[CASE])
    change(record)
    with pytest.raises(DataError, match=told):
        read_archive(sealed({CASE: json.dumps(record).encode()}))


def test_maps_are_read_as_they_were_written_and_nothing_else_is(case) -> None:
    maps = members_of(case)["maps/xssab.npz"]
    with np.load(io.BytesIO(maps), allow_pickle=False) as expected:
        found = read_maps(maps)
        assert sorted(found) == sorted(expected.files)
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])
    no_number = np.full((2, 2), np.nan, "f")
    for array in (np.zeros((4, 4)), np.zeros(4, np.float32), np.array([{}], dtype=object), no_number):
        with pytest.raises(DataError):
            read_maps(zip_of({"a.npy": npy_of(array)}))
    for shape in (b"(9, 8)", b"(9e9,)", b"(-9,9)", b"(0, 9)"):
        with pytest.raises(DataError):
            read_maps(zip_of({"a.npy": npy_of(np.zeros((9, 9), np.float32)).replace(b"(9, 9)", shape)}))


def npy_of(array: np.ndarray) -> bytes:
    """The bytes of an npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def test_a_manifest_in_another_form_is_a_changed_one() -> None:
    manifest = manifest_json({CASE: hashlib.sha256(b"{}").hexdigest()})
    assert f"{MANIFEST} was changed" in problems_of(zip_of({CASE: b"{}", MANIFEST: manifest + b"\n"}))[0]
