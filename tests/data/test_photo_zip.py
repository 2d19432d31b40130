"""ZIP files of photographs from strangers: found by name, never unpacked, refused in a sentence."""

from __future__ import annotations

import zipfile

import pytest

from tests.zips import zip_of
from xssab_core.data import zip_files
from xssab_core.data.photo_zip import PhotoZip
from xssab_core.errors import DataError, PhotoError
from xssab_core.faces.photo import MAX_BYTES


def test_files_are_found_with_and_without_the_one_folder_they_lie_in() -> None:
    found = PhotoZip(zip_of({"photos/a.jpg": b"a", "photos/inner/b.jpg": b"b"}), "photos.zip")
    assert found("photos/a.jpg") == found("a.jpg") == found("./a.jpg") == b"a"
    assert found("inner\\b.jpg") == b"b"
    with pytest.raises(DataError, match=r"'b\.jpg' is not in the ZIP"):
        found("b.jpg")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\secret.jpg"])
def test_a_name_that_leads_out_of_an_archive_names_its_member_and_nothing_else(name: str) -> None:
    assert PhotoZip(zip_of({name: b"inside", "a.jpg": b"a"}), "photos.zip")(name) == b"inside"
    with pytest.raises(DataError):
        PhotoZip(zip_of({"a.jpg": b"a"}), "photos.zip")(name)


def test_a_member_that_grows_beyond_a_photograph_is_refused_however_small_it_says_it_is() -> None:
    data = zip_of({"bomb.jpg": bytes(MAX_BYTES + 1), "a.jpg": b"a"})
    found = PhotoZip(data, "photos.zip")
    with pytest.raises(PhotoError, match="larger than 50 MiB"):
        found("bomb.jpg")
    size = (MAX_BYTES + 1).to_bytes(4, "little")
    lying = PhotoZip(data.replace(size, (100).to_bytes(4, "little")), "photos.zip")
    with pytest.raises(PhotoError, match="damaged inside the ZIP"):
        lying("bomb.jpg")
    assert lying("a.jpg") == b"a"


def test_encrypted_and_oddly_packed_members_are_refused() -> None:
    data = bytearray(zip_of({"a.jpg": b"a"}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    for archive in (bytes(data), zip_of({"a.jpg": b"a"}, zipfile.ZIP_LZMA)):
        with pytest.raises(PhotoError, match="encrypted or packed"):
            PhotoZip(archive, "photos.zip")("a.jpg")


def test_too_many_members_and_what_is_no_zip_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_files, "MAX_MEMBERS", 3)
    assert PhotoZip(zip_of({f"{n}.jpg": b"" for n in range(3)}), "photos.zip")("2.jpg") == b""
    with pytest.raises(DataError, match="more than 3 files"):
        PhotoZip(zip_of({f"{n}.jpg": b"" for n in range(4)}), "photos.zip")
    whole = zip_of({"a.jpg": b"a" * 1000})
    for data in (b"", b"PK", whole[:-30], b"This is no ZIP."):
        with pytest.raises(DataError, match="not a ZIP file"):
            PhotoZip(data, "photos.zip")
