"""Maps that others made: read as they were saved, from folders and from ZIP files of strangers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.zips import zip_of
from xssab_core.data import own_maps
from xssab_core.data.own_maps import FolderOfMaps, Maps, zip_of_maps
from xssab_core.errors import DataError
from xssab_core.files import npy_array


def saved(array: np.ndarray) -> bytes:
    """The bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def in_a_folder(folder: Path, data: bytes) -> Maps:
    (folder / "a--b.npy").write_bytes(data)
    return FolderOfMaps(folder)


def in_a_zip(folder: Path, data: bytes) -> Maps:
    return zip_of_maps(zip_of({"maps/a--b.npy": data, "__MACOSX/maps/._a--b.npy": b"x"}), "mine.zip")


PLACES = [in_a_folder, in_a_zip]
VALUES = np.random.default_rng(0).normal(size=(4, 4))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "array", [VALUES, VALUES.astype(">f4"), VALUES.astype(np.float16), (9 * VALUES).astype(np.int8), VALUES.T]
)
def test_a_map_is_read_as_it_was_saved(place: Callable[[Path, bytes], Maps], array: np.ndarray, tmp_path: Path) -> None:
    found = place(tmp_path, saved(array)).read("a--b", 4)
    assert found is not None
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, array)
    assert place(tmp_path, saved(array)).read("a--c", 4) is None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (saved(np.zeros((3, 4))), r"shape \(4, 4\)"),
        (saved(np.full((4, 4), np.nan)), "finite"),
        (saved(np.full((4, 4), 1j)), "complex128"),
        (saved(np.full((4, 4), "a")), "finite array"),
        (saved(np.array([{}], dtype=object)), "not a .npy"),
        (saved(VALUES)[:-1], "promises other than there is"),
        (saved(VALUES) + b"0", "promises other than there is"),
        (saved(VALUES).replace(b"(4, 4)", b"(9e9,)"), "not a .npy"),
        (saved(VALUES).replace(b"(4, 4)", b"(-4,4)"), "promises other than there is"),
        (zip_of({"x.npy": saved(VALUES)}), "not a .npy"),
        (b"", "not a .npy"),
    ],
)
def test_what_is_no_map_is_a_sentence(
    place: Callable[[Path, bytes], Maps], data: bytes, told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=told):
        place(tmp_path, data).read("a--b", 4)


def test_a_header_that_promises_a_terabyte_reserves_no_memory() -> None:
    data = saved(np.zeros((1, 1), np.uint8)).replace(b"(1, 1), }" + b" " * 18, b"(1000000, 1000000), }      ")
    assert b"1000000, 1000000" in data
    with pytest.raises(ValueError, match="promises other than there is"):
        npy_array(data)


def test_a_map_that_grows_beyond_any_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_maps._Files, "limit", 1000)
    maps = zip_of_maps(zip_of({"a.npy": bytes(1001), "b.npy": saved(VALUES)}), "mine.zip")
    with pytest.raises(DataError, match="larger than"):
        maps.read("a", 4)
    assert maps.read("b", 4) is not None


def test_a_zip_without_maps_or_with_two_of_a_name_is_refused() -> None:
    with pytest.raises(DataError, match=r"holds no \.npy"):
        zip_of_maps(zip_of({"a.jpg": b"a"}), "mine.zip")
    with pytest.raises(DataError, match="same name"):
        zip_of_maps(zip_of({"x/a.npy": b"a", "y/a.npy": b"a"}), "mine.zip")
    with pytest.raises(DataError, match="not a ZIP"):
        zip_of_maps(b"PK", "mine.zip")


def test_equal_files_are_equal_maps() -> None:
    data = zip_of({"a.npy": saved(VALUES)})
    assert zip_of_maps(data, "mine.zip") == zip_of_maps(data, "mine.zip")
    assert hash(zip_of_maps(data, "mine.zip")) == hash(zip_of_maps(data, "mine.zip"))
    assert zip_of_maps(data, "mine.zip") != zip_of_maps(zip_of({"a.npy": b""}), "mine.zip")
