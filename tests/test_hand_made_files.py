"""Files that someone may have written or damaged: each is read whole, passed over, or refused in a sentence."""

import contextlib
import io
import json
import os
import pickle
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from xssab_core.benchmark.records import BASE, Work
from xssab_core.data.crops import CropCache
from xssab_core.data.landmarks import SHIPPED, read_landmarks
from xssab_core.data.lfw import open_lfw
from xssab_core.data.own_maps import FolderOfMaps
from xssab_core.data.pair_list import read_pairs
from xssab_core.data.verification_set import read_verification_set
from xssab_core.errors import DataError, OutputError, PhotoError, WeightsError, XssabError
from xssab_core.faces import ARCFACE, open_photo
from xssab_core.gallery.scores import read_scores
from xssab_core.models.base import ModelInfo
from xssab_core.models.calibration import Calibration
from xssab_core.models.cards import Card, folder_of, read_card
from xssab_core.models.checkpoint import read_tensors
from xssab_core.paths import ASSETS

CALIBRATION = ASSETS / "calibrations" / "sface.json"
INFO = ModelInfo("mine", "Mine", "a", "l", "t", "free", "s", ARCFACE, "RGB", "none", 128, False, "It is a program.")
COMMAND = {"arguments": ["/bin/true"], "timeout": 5.0}
# `make fuzz` asks for more.
ROUNDS = int(os.environ.get("XSSAB_FUZZ_ROUNDS", "300"))
# Of a photograph; the decoder gives up after 8 seconds of the processor, and the machine may be busy.
MOST_SECONDS = 30.0


def _mutations(text: bytes, seed: int) -> Any:
    """The text with some bytes changed, cut out, doubled or put in."""
    generator = random.Random(seed)
    pieces = (b"NaN", b"-1", b"1e999", b"null", b"[]", b"{}", b'"', b"\x00", b"\xff", b"9" * 400, b",", b"[" * 5000)
    for _ in range(ROUNDS):
        data = bytearray(text)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(data) + 1)
            end = min(len(data), at + generator.choice((0, 1, 1, 8, 60)))
            data[at:end] = generator.choice((*pieces, bytes(data[at:end]) * 2, b""))
        yield bytes(data)


def _none_breaks(path: Path, data: bytes, read: Callable[[], object], seed: int = 0) -> None:
    for mutated in _mutations(data, seed):
        path.write_bytes(mutated)
        with contextlib.suppress(XssabError):
            read()


def test_a_calibration_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    shipped = Calibration.load(CALIBRATION)
    shipped.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(CALIBRATION.read_text())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"genuine": None}, "genuine: expected array, got null"),
        ({"impostor": []}, "impostor: expected array of length >= 1"),
        ({"genuine": [0.5, 3.0]}, r"genuine\[1\]: expected float <= 1"),
        ({"genuine": [0.5]}, "genuine_folds has 2100 numbers for 1 scores"),
        ({"genuine_folds": ["one"]}, r"genuine_folds\[0\]: expected int, got str"),
    ],
)
def test_a_wrong_calibration_is_refused_with_the_place(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(json.loads(CALIBRATION.read_text()) | change))
    with pytest.raises(DataError, match=told):
        Calibration.load(path)


def test_a_calibration_that_lacks_a_key_says_which(tmp_path: Path) -> None:
    record = json.loads(CALIBRATION.read_text())
    del record["date"]
    (tmp_path / "mine.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"\(date is missing\)"):
        Calibration.load(tmp_path / "mine.json")


def test_no_mutated_calibration_breaks(tmp_path: Path) -> None:
    record = json.loads(CALIBRATION.read_text())
    for key in ("genuine", "impostor", "genuine_folds", "impostor_folds"):
        record[key] = record[key][::100]
    path = tmp_path / "mine.json"
    _none_breaks(path, json.dumps(record).encode(), lambda: Calibration.load(path).thresholds())


def test_a_card_is_read_back_as_it_was_saved(store: Path) -> None:
    card = Card("command", INFO, "ab", "", "", "2026-01-01", COMMAND)
    card.save()
    assert read_card("mine") == card


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda record: record["info"].pop("title"), "info.title is missing"),
        (lambda record: record["info"]["template"]["points"].pop(), "not five points"),
        (lambda record: record["info"].update(embedding_size="128"), "info.embedding_size: expected int, got str"),
        (lambda record: record["settings"].pop("timeout"), "settings.timeout is missing"),
        (lambda record: record.update(settings=[]), "settings: expected object, got array"),
        (lambda record: record.update(format=99), "another version"),
        (lambda record: record["info"].update(id="other"), "it is the card of other"),
    ],
)
def test_a_wrong_card_is_refused_with_the_place(store: Path, change: Callable[[Any], Any], told: str) -> None:
    Card("command", INFO, "ab", "", "", "2026-01-01", COMMAND).save()
    path = folder_of("mine") / "card.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(WeightsError, match=told):
        read_card("mine")


def test_no_mutated_card_breaks(store: Path) -> None:
    Card("command", INFO, "ab", "", "", "2026-01-01", COMMAND).save()
    path = folder_of("mine") / "card.json"
    _none_breaks(path, path.read_bytes(), lambda: read_card("mine"))


def test_no_mutated_cache_of_faces_breaks(tmp_path: Path) -> None:
    cache, sha256 = CropCache(tmp_path), "a" * 64
    path = cache._faces_path(sha256)
    path.parent.mkdir(parents=True)
    face = {"box": [1.0, 2.0, 3.0, 4.0], "landmarks": [[1.0, 2.0]] * 5, "confidence": 0.9}
    path.write_text(json.dumps([face]))
    known = cache._known_faces(sha256)
    assert known is not None
    assert known[0].landmarks.shape == (5, 2)
    _none_breaks(path, path.read_bytes(), lambda: cache._known_faces(sha256))
    for wrong in ({"box": [1]}, [1], [{"box": [1, 2, 3, 4], "landmarks": [[1, 2]] * 4, "confidence": 1}], None):
        path.write_text(json.dumps(wrong))
        assert cache._known_faces(sha256) is None


def test_no_mutated_list_of_pairs_breaks(tmp_path: Path, sample_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    line = f"{sample_path},{sample_path},genuine,1\n"
    _none_breaks(path, f"probe,reference,label,fold\n{line * 3}".encode(), lambda: read_pairs(path))
    for wrong in (f"{sample_path},{'a' * 5000}.jpg,1,1", f"{sample_path},{sample_path},1,{'9' * 5000}", "a\x00b,c,1,²"):
        path.write_text(f"probe,reference,label,fold\n{wrong}\n")
        with pytest.raises(DataError, match=r"pairs\.csv"):
            read_pairs(path)


def test_no_mutated_list_of_lfw_pairs_breaks(tmp_path: Path, tiny_lfw: Path) -> None:
    (tmp_path / "lfw-deepfunneled").symlink_to(tiny_lfw / "lfw-deepfunneled")
    path = tmp_path / "pairs.txt"
    _none_breaks(path, (tiny_lfw / "pairs.txt").read_bytes(), lambda: open_lfw(tmp_path))


def test_damaged_shipped_tables_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    shipped = SHIPPED.read_bytes()
    assert len(read_landmarks(SHIPPED)) > 1000
    for data in (b"", b"PAR1", shipped[:-100], shipped[:5000] + b"x" * 100 + shipped[5100:], b"x" * 1000):
        path.write_bytes(data)
        read_landmarks(path)
        assert read_scores(path, {}) == []


def test_damaged_records_of_a_run_are_named(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.keep(BASE, 1, {"index": 1, "face": True})
    with pytest.raises(OutputError, match=r"00001\.json is damaged \(id is missing\)"):
        work.record(BASE, 1)
    work.keep("xssab", 1, {"index": 1, "is_match": True, "scores": ["a"]})
    with pytest.raises(OutputError, match=r"scores\[0\]: expected float, got str"):
        work.record("xssab", 1)
    assert work.record("xssab", 2) is None


def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 4)))
    (tmp_path / "pair.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    maps = FolderOfMaps(tmp_path)
    with pytest.raises(DataError, match=r"not a \.npy array"):
        maps.read("pair", 4)
    np.save(tmp_path / "good.npy", np.zeros((4, 4)))
    path = tmp_path / "pair.npy"
    _none_breaks(path, (tmp_path / "good.npy").read_bytes(), lambda: maps.read("pair", 4))


def _photograph(form: str) -> bytes:
    """A small photograph with metadata in a format."""
    encoded, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "a description"
    with Image.open(ASSETS / "samples" / "barack_obama_1.jpg") as picture:
        picture.resize((96, 96)).save(encoded, form, exif=exif)
    return encoded.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_mutated_photograph_opens_or_is_refused_in_time(form: str) -> None:
    for number, data in enumerate(_mutations(_photograph(form), seed=len(form))):
        started = time.perf_counter()
        with contextlib.suppress(PhotoError):
            photo = open_photo(data, f"{number}.{form.lower()}")
            assert photo.pixels.shape == (*photo.size[::-1], 3)
        assert time.perf_counter() - started < MOST_SECONDS, f"number {number} of {form} took too long"


def test_a_mutated_verification_set_or_checkpoint_is_read_or_refused(tmp_path: Path) -> None:
    photographs = [_photograph("JPEG"), _photograph("JPEG")]
    _none_breaks(
        tmp_path / "set.bin",
        pickle.dumps((photographs, [True]), protocol=2),
        lambda: read_verification_set(tmp_path / "set.bin"),
    )
    torch.save({"a": torch.zeros(4, 4), "b": torch.ones(3)}, tmp_path / "state.pth")
    _none_breaks(
        tmp_path / "state.pth", (tmp_path / "state.pth").read_bytes(), lambda: read_tensors(tmp_path / "state.pth")
    )
