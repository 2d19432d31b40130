"""The table of scores: equal to what the benchmark computes, resumable, by content; and the files that ship."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from xssab_core.benchmark import tasks
from xssab_core.data.crops import CropCache
from xssab_core.data.landmarks import SHIPPED, read_landmarks, save_landmarks, settled, shipped_landmarks
from xssab_core.data.lfw import Lfw, open_lfw
from xssab_core.errors import CancelledError, OutputError
from xssab_core.faces import align_face, detect_faces, open_photo
from xssab_core.faces.align import warp
from xssab_core.gallery.scores import PairScores, digest_of, every_image, read_scores, save_scores
from xssab_core.models import FaceModel
from xssab_core.patch_lfw.generator import PatchLfw
from xssab_core.progress import State
from xssab_core.scoring.embed import embed_together


def _scores(folder: Path, model: FaceModel, cache: Path, kept: Path) -> PairScores:
    return PairScores(PatchLfw(open_lfw(folder), CropCache(cache), model.info.template), model, kept)


@pytest.fixture
def copy(tiny_lfw: Path, tmp_path: Path) -> Path:
    """A copy of the tiny LFW that a test may damage."""
    return Path(shutil.copytree(tiny_lfw, tmp_path / "copy"))


@pytest.fixture(scope="module")
def finished(tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all scores of the tiny LFW are kept."""
    kept = tmp_path_factory.mktemp("kept")
    _scores(tiny_lfw, sface, cache_folder, kept).compute()
    return kept


@pytest.mark.slow
def test_scores_are_those_of_the_benchmark(
    finished: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel
) -> None:
    table = _scores(tiny_lfw, sface, cache_folder, finished).table()
    assert len(table) == 24
    assert table["patched_known"].all()
    setup = tasks.Setup(tiny_lfw, "sface", "uniform", 0, 5, cache_folder)
    context = tasks.make_context(setup, sface)
    for pair in context.generator.lfw.pairs:
        row = table[table["id"] == pair.id].iloc[0]
        rows = embed_together(sface, [pair.probe, pair.reference], context.generator.cache)
        task = tasks.PairTask(pair, (), 0.3, rows[pair.probe], rows[pair.reference], None)
        base = tasks.perform(context, task).base
        assert row["clean_score"] == pytest.approx(base["clean_score"], abs=1e-5)
        assert row["patched_score"] == pytest.approx(base["patched_score"], abs=1e-5)
        assert (row["donor"], row["fold"], row["genuine"]) == (base["donor"], pair.fold, pair.genuine)


@pytest.mark.slow
def test_an_interrupted_computation_goes_on_without_repeating_pairs(
    finished: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    def stop_after_half(state: State) -> None:
        if state.share > 0.5:
            raise CancelledError("Stopped.")

    scores = _scores(tiny_lfw, sface, cache_folder, tmp_path)
    with pytest.raises(CancelledError):
        scores.compute(stop_after_half)
    done = scores.journal.read_text()
    assert 0 < scores.table()["patched_known"].sum() < 24
    # A process that was killed while it wrote.
    scores.journal.write_text(done + '\n[23, "abc')
    shares: list[float] = []
    scores.compute(lambda state: shares.append(state.share))
    assert shares[0] == pytest.approx(16 / 24)
    assert scores.journal.read_text().startswith(done)
    lines = [line for line in scores.journal.read_text().splitlines() if line.endswith("]")]
    assert len(lines) == len(set(lines)) == 24
    whole = _scores(tiny_lfw, sface, cache_folder, finished).table()
    np.testing.assert_allclose(scores.table()["patched_score"], whole["patched_score"], atol=1e-6)
    scores.compute(lambda state: shares.append(state.share))
    assert shares[-1] == 1.0
    assert len([line for line in scores.journal.read_text().splitlines() if line.endswith("]")]) == 24


def test_scores_belong_to_the_bytes_and_not_to_the_folder(
    finished: Path, copy: Path, cache_folder: Path, sface: FaceModel
) -> None:
    moved = _scores(copy, sface, cache_folder, finished)
    assert moved.table()["patched_known"].all()
    changed = copy / "lfw-deepfunneled" / "Joe_Biden" / "Joe_Biden_0001.jpg"
    picture = cv2.imread(str(changed))
    changed.unlink()
    cv2.imwrite(str(changed), picture // 2)
    table = _scores(copy, sface, cache_folder, finished).table()
    touched = table["id"].str.contains("Joe_Biden_0001")
    assert 0 < touched.sum() < 24
    assert not table["clean_known"][touched].any()
    assert table["clean_known"][~touched].all()
    assert table["patched_known"][~touched].all()


def test_scores_belong_to_the_weights_and_to_the_seed(
    finished: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel
) -> None:
    scores = _scores(tiny_lfw, sface, cache_folder, finished)
    reseeded = replace(scores, generator=replace(scores.generator, seed=1))
    assert not reseeded.table()["patched_known"].any()


def test_a_damaged_image_costs_its_own_pairs_their_score_and_no_other(
    copy: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    damaged = copy / "lfw-deepfunneled" / "Joe_Biden" / "Joe_Biden_0001.jpg"
    damaged.write_bytes(damaged.read_bytes()[:900])
    scores = _scores(copy, sface, cache_folder, tmp_path)
    scores.compute()
    table = scores.table()
    touched = table["id"].str.contains("Joe_Biden_0001")
    assert table["patched_known"].all()
    assert table["clean_score"].isna().equals(touched)
    assert table["patched_score"][~touched].notna().all()


@pytest.mark.slow
def test_a_copy_without_strangers_has_clean_scores(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    lfw = replace(open_lfw(tiny_lfw), donors=())
    scores = PairScores(PatchLfw(lfw, CropCache(cache_folder), sface.info.template), sface, tmp_path)
    scores.compute()
    table = scores.table()
    assert table["clean_score"].notna().all()
    assert table["patched_score"].isna().equals(table["genuine"])


def test_a_folder_that_cannot_be_written_is_a_sentence(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    (tmp_path / "scores").write_text("not a folder")
    with pytest.raises(OutputError, match=r"What was finished before is kept\."):
        _scores(tiny_lfw, sface, cache_folder, tmp_path).compute()


def test_what_ships_is_read_back_and_only_with_its_settings(
    finished: Path, tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    scores, path = _scores(tiny_lfw, sface, cache_folder, finished), tmp_path / "scores.parquet"
    save_scores(path, scores)
    known = scores.known()
    rows = read_scores(path, scores.settings)
    assert {key for key, _, _ in rows} == {scores.key(pair) for pair in scores.generator.lfw.pairs}
    for key, clean, patched in rows:
        assert clean == pytest.approx(known.clean[key.clean], abs=1e-7)
        assert patched == pytest.approx(known.patched[key], abs=1e-7)
    assert read_scores(path, scores.settings | {"aligner": "0"}) == []


def test_shipped_landmarks_are_exact_and_spare_the_search(
    tiny_lfw: Path, sface: FaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = every_image(open_lfw(tiny_lfw))[0]
    face = CropCache(tmp_path / "searched").face(image)
    assert face is not None
    save_landmarks(tmp_path / "landmarks.parquet", {digest_of(image) or "": face.landmarks})
    monkeypatch.setattr("xssab_core.data.landmarks.SHIPPED", tmp_path / "landmarks.parquet")
    shipped_landmarks.cache_clear()
    try:
        crop = CropCache(tmp_path / "spared").crop(image, sface.info.template)
    finally:
        monkeypatch.undo()
        shipped_landmarks.cache_clear()
    np.testing.assert_array_equal(crop, warp(face.photo.pixels, face.landmarks, sface.info.template))
    assert not (tmp_path / "spared" / "faces").exists()


def test_landmarks_of_another_detector_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "landmarks.parquet"
    save_landmarks(path, {"00" * 32: np.arange(10.0).reshape(5, 2)})
    assert len(read_landmarks(path)) == 1
    monkeypatch.setattr("xssab_core.data.landmarks._MADE_WITH", {b"detector": b"other", b"aligner": b"1"})
    assert read_landmarks(path) == {}


def test_the_shipped_landmarks_are_those_the_detector_finds(lfw: Lfw, tmp_path: Path) -> None:
    shipped, images = read_landmarks(SHIPPED), every_image(lfw)
    for image in images[:: len(images) // 5]:
        faces = detect_faces(open_photo(image))
        assert min(np.abs(shipped[digest_of(image) or ""] - face.landmarks).max() for face in faces) < 0.05


def test_a_pair_has_the_same_crops_whoever_asks_though_the_detector_differs_in_its_last_digits(
    lfw: Lfw, sface: FaceModel, tmp_path: Path
) -> None:
    pair = next(pair for pair in lfw.pairs if pair.genuine)
    cache = CropCache(tmp_path)
    for path in (pair.probe, pair.reference):
        cache.face(path)
        (kept,) = (tmp_path / "faces").rglob(f"{digest_of(path)}.json")
        found = json.loads(kept.read_text())
        for face in found:
            face["landmarks"] = (np.array(face["landmarks"]) + 2e-5).tolist()
        kept.write_text(json.dumps(found))
    generator = PatchLfw(lfw, cache, sface.info.template)
    made, faces = generator.build(pair), generator.faces(pair)
    assert made is not None
    assert faces is not None
    np.testing.assert_array_equal(faces[0].crop_for(sface.info.template), made.patched)
    np.testing.assert_array_equal(faces[1].crop_for(sface.info.template), made.reference)
    moved = align_face(faces[0].photo, faces[0].landmarks + 6.0)
    assert settled(moved) is moved


def test_the_shipped_scores_are_those_the_model_gives(lfw: Lfw, sface: FaceModel, tmp_path: Path) -> None:
    generator = PatchLfw(lfw, CropCache(tmp_path), sface.info.template)
    shipped = PairScores(generator, sface, tmp_path).table()
    assert shipped["patched_known"].all()
    assert shipped["clean_known"].all()
    for pair in (*lfw.pairs[:: len(lfw.pairs) // 6],):
        made: Any = generator.build(pair)
        embeddings = sface.embed(np.stack([made.original, made.patched, made.reference])).astype(np.float64)
        row = shipped[shipped["index"] == pair.index].iloc[0]
        assert row["clean_score"] == pytest.approx(float(embeddings[0] @ embeddings[2]), abs=1e-4)
        assert row["patched_score"] == pytest.approx(float(embeddings[1] @ embeddings[2]), abs=1e-4)
        assert row["donor"] == made.donor
