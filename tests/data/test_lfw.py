"""The LFW reader: layouts, partial copies, folds."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sklearn.datasets._lfw as fetcher
from sklearn.datasets._base import RemoteFileMetadata

from xssab_core.data.lfw import download_lfw, evenly, open_lfw, parse_folds
from xssab_core.errors import DataError


def _arranged(tiny_lfw: Path, root: Path, images: str, pairs: str) -> Path:
    (root / images).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(tiny_lfw / "lfw-deepfunneled", root / images)
    shutil.copy(tiny_lfw / "pairs.txt", root / pairs)
    return root


@pytest.mark.parametrize(
    ("images", "pairs", "given"),
    [
        ("lfw", "pairs.txt", "."),
        ("lfw_funneled", "pairs.txt", "."),
        ("lfw-deepfunneled", "pairs.txt", "."),
        ("lfw-deepfunneled/lfw-deepfunneled", "pairs.txt", "."),
        ("lfw_home/lfw_funneled", "lfw_home/pairs.txt", "."),
        ("lfw_home/lfw_funneled", "lfw_home/pairs.txt", "lfw_home"),
        ("lfw_funneled", "pairs.txt", "lfw_funneled"),
        ("my-images", "pairs.txt", "my-images"),
    ],
)
def test_every_official_layout_gives_the_same_pairs(
    tiny_lfw: Path, tmp_path: Path, images: str, pairs: str, given: str
) -> None:
    lfw = open_lfw(_arranged(tiny_lfw, tmp_path, images, pairs) / given)
    assert lfw.images == tmp_path / images
    assert [pair.id for pair in lfw.pairs] == [pair.id for pair in open_lfw(tiny_lfw).pairs]


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".Jfif"])
def test_images_are_found_whatever_their_suffix(tiny_lfw: Path, tmp_path: Path, suffix: str) -> None:
    root = _arranged(tiny_lfw, tmp_path, "lfw", "pairs.txt")
    expected = open_lfw(root)
    for number, path in enumerate(sorted((root / "lfw").rglob("*.jpg"))):
        if number % 3:  # mixed with the published one
            path.rename(path.with_suffix(suffix))
    found = open_lfw(root)
    assert [pair.id for pair in found.pairs] == [pair.id for pair in expected.pairs]
    assert [path.stem for path in found.donors] == [path.stem for path in expected.donors]
    assert len(found.files) == 20


def test_a_byte_order_mark_before_the_pairs_is_passed_over(tiny_lfw: Path, tmp_path: Path) -> None:
    root = _arranged(tiny_lfw, tmp_path, "lfw", "pairs.txt")
    expected = open_lfw(root)
    (root / "pairs.txt").write_bytes(b"\xef\xbb\xbf" + (root / "pairs.txt").read_bytes())
    assert open_lfw(root) == expected


def test_pairs_have_the_folds_labels_and_ordinals_of_the_file(tiny_lfw: Path) -> None:
    pairs = open_lfw(tiny_lfw).pairs
    assert [pair.fold for pair in pairs] == [1] * 12 + [2] * 12
    assert [pair.genuine for pair in pairs] == ([True] * 6 + [False] * 6) * 2
    assert [pair.ordinal for pair in pairs if pair.genuine] == list(range(12))
    assert [pair.ordinal for pair in pairs if not pair.genuine] == list(range(12))
    assert pairs[0].id == "Barack_Obama_0001--Barack_Obama_0009"
    assert pairs[6].reference.name == "Eileen_Collins_0003.jpg"


def test_a_partial_copy_keeps_positions_and_says_what_it_covers(tiny_lfw: Path, tmp_path: Path) -> None:
    root = _arranged(tiny_lfw, tmp_path, "lfw", "pairs.txt")
    whole = open_lfw(root)
    (root / "lfw" / "Barack_Obama" / "Barack_Obama_0009.jpg").unlink()
    partial = open_lfw(root)
    lost = {0, 8, 12}  # the lines of PAIRS with Barack_Obama 9
    assert partial.pairs == tuple(pair for pair in whole.pairs if pair.index not in lost)
    assert partial.coverage == "21 of 24 official pairs, folds 1, 2"


def test_donors_are_no_probe_of_any_pair(tiny_lfw: Path) -> None:
    lfw = open_lfw(tiny_lfw)
    assert {path.stem for path in lfw.donors} == {
        *(f"Barack_Obama_{n:04d}" for n in range(9, 13)),
        *(f"{name}_{n:04d}" for name in ("Eileen_Collins", "Joe_Biden") for n in (3, 4)),
    }


def test_folds_select_pairs_but_not_donors(tiny_lfw: Path) -> None:
    lfw = open_lfw(tiny_lfw)
    second = lfw.in_folds([2])
    assert [pair.index for pair in second.pairs] == list(range(12, 24))
    assert second.donors == lfw.donors
    with pytest.raises(DataError, match="no pair of fold 3"):
        lfw.in_folds([2, 3])


def test_pairs_are_taken_evenly_from_each_kind(tiny_lfw: Path) -> None:
    pairs = open_lfw(tiny_lfw).pairs
    assert [pair.index for pair in evenly(pairs, 2, 3)] == [0, 6, 10, 12, 20]


@pytest.mark.parametrize(("text", "folds"), [("1-3", (1, 2, 3)), ("7", (7,)), ("5,1-2", (1, 2, 5))])
def test_folds_are_read_as_written(text: str, folds: tuple[int, ...]) -> None:
    assert parse_folds(text) == folds


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-"])
def test_what_names_no_folds_is_refused(text: str) -> None:
    if text == "1-":
        assert parse_folds(text) == (1,)
        return
    with pytest.raises(DataError, match="names no folds"):
        parse_folds(text)


def test_missing_pieces_are_named(tmp_path: Path, tiny_lfw: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        open_lfw(tmp_path / "absent")
    (tmp_path / "lfw").mkdir()
    with pytest.raises(DataError, match=r"no pairs\.txt"):
        open_lfw(tmp_path)
    shutil.copy(tiny_lfw / "pairs.txt", tmp_path)
    with pytest.raises(DataError, match="no image of any pair"):
        open_lfw(tmp_path)
    (tmp_path / "pairs.txt").write_text("one two three\n")
    with pytest.raises(DataError, match=r"not LFW's pairs\.txt"):
        open_lfw(tmp_path)


def test_a_copy_that_is_there_is_not_downloaded_again(tiny_lfw: Path) -> None:
    before = sorted(tiny_lfw.rglob("*"))
    assert download_lfw(tiny_lfw) == open_lfw(tiny_lfw)
    assert sorted(tiny_lfw.rglob("*")) == before


@pytest.fixture
def published_lfw(tiny_lfw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny copy behind a real server, packed as scikit-learn's fetcher expects LFW; yields the served folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    image = tiny_lfw / "lfw-deepfunneled" / "Joe_Biden" / "Joe_Biden_0001.jpg"
    with tarfile.open(folder / "lfw-funneled.tgz", "w:gz") as packed:
        packed.add(tiny_lfw / "lfw-deepfunneled", "lfw_funneled")
        for number in range(500):  # the fetcher decodes whom it has 500 images of, as LFW has of one person
            packed.add(image, f"lfw_funneled/George_W_Bush/George_W_Bush_{number:04d}.jpg")
    for target in fetcher.TARGETS:
        shutil.copy(tiny_lfw / "pairs.txt", folder / target.filename)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))

    def moved(file: RemoteFileMetadata) -> RemoteFileMetadata:
        checksum = hashlib.sha256((folder / file.filename).read_bytes()).hexdigest()
        return file._replace(url=f"http://127.0.0.1:{server.server_port}/{file.filename}", checksum=checksum)

    monkeypatch.setattr(fetcher, "FUNNELED_ARCHIVE", moved(fetcher.FUNNELED_ARCHIVE))
    monkeypatch.setattr(fetcher, "TARGETS", tuple(map(moved, fetcher.TARGETS)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder
    server.shutdown()
    server.server_close()


def test_the_download_of_scikit_learn_is_read_where_it_lies(
    published_lfw: Path, tiny_lfw: Path, tmp_path: Path
) -> None:
    lfw = download_lfw(tmp_path / "new")
    assert lfw.images == tmp_path / "new" / "lfw_home" / "lfw_funneled"
    assert [pair.id for pair in lfw.pairs] == [pair.id for pair in open_lfw(tiny_lfw).pairs]
    shutil.rmtree(published_lfw)
    assert download_lfw(tmp_path / "new") == lfw


def test_a_download_that_fails_says_what_to_do(published_lfw: Path, tmp_path: Path) -> None:
    (published_lfw / "lfw-funneled.tgz").write_bytes(b"cut short")
    with pytest.raises(DataError, match="could not be downloaded"):
        download_lfw(tmp_path / "new")


def test_the_real_copy_has_distinct_ids_and_the_known_mislabelled_pairs(lfw_folder: Path) -> None:
    lfw = open_lfw(lfw_folder)
    assert len({pair.id for pair in lfw.pairs}) == len(lfw.pairs) == 4200
    assert lfw.pairs_expected == 6000
    assert sum(pair.is_mislabelled for pair in lfw.pairs) == 7
    assert all(0 <= pair.ordinal < 3000 for pair in lfw.pairs)
    first = {pair.fold: pair.ordinal for pair in reversed(lfw.pairs) if pair.genuine}
    assert first == {fold: 300 * (fold - 1) for fold in range(1, 8)}
