"""One pair, patched for any model, and its replay."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from xssab_core import AlignedFace, explain
from xssab_core.benchmark import tasks
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.engine import Engine
from xssab_core.errors import CancelledError
from xssab_core.explain import CAUTION
from xssab_core.explain.base import blurred
from xssab_core.faces import ARCFACE, Pair, Template
from xssab_core.models import TorchFaceModel
from xssab_core.patch_lfw.generator import PatchedFace, PatchLfw, uniform_positions
from xssab_core.progress import State
from xssab_core.replay import dpr
from xssab_core.replay.animation import FRAMES, animation
from xssab_core.replay.case import Replay, case_of, flip_sentences, play, play_another, play_at_random
from xssab_core.replay.figure import further_style
from xssab_core.report import record

DLIB = Template("dlib", 150, tuple((x * 150 / 112, y * 150 / 112) for x, y in ARCFACE.points))


@pytest.fixture(scope="module")
def patched(samples: dict[str, AlignedFace]) -> PatchedFace:
    positions = uniform_positions(np.random.default_rng(0))
    return PatchedFace.of(samples["barack_obama_1"], samples["joe_biden_1"], positions)


@pytest.fixture(scope="module")
def replay(sface: TorchFaceModel, samples: dict[str, AlignedFace], patched: PatchedFace) -> Replay:
    case = case_of(Pair(patched, samples["joe_biden_1"]), sface.info.template)
    return play(sface.embed, case, explain(sface, patched, samples["joe_biden_1"]))


@pytest.mark.parametrize("template", [ARCFACE, DLIB])
def test_the_faces_of_a_patch_lfw_pair_have_the_crops_of_the_benchmark(
    tiny_lfw: Path, cache_folder: Path, template: Template
) -> None:
    lfw = open_lfw(tiny_lfw)
    generator = PatchLfw(lfw, CropCache(cache_folder), template)
    for pair in (lfw.pairs[0], lfw.pairs[6]):
        built, faces = generator.build(pair), generator.faces(pair)
        assert built is not None
        assert faces is not None
        probe, reference = faces
        np.testing.assert_array_equal(probe.crop_for(template), built.patched)
        np.testing.assert_array_equal(probe.original_for(template), built.original)
        np.testing.assert_array_equal(probe.mask_for(template), built.mask)
        np.testing.assert_array_equal(reference.crop_for(template), built.reference)
        assert probe.donor.photo.name == f"{built.donor}.jpg"
        assert (probe.donor.photo.sha256 == reference.photo.sha256) == (not pair.genuine)


def test_a_patched_face_shows_the_donor_inside_its_squares_only(patched: PatchedFace) -> None:
    crop, mask = patched.crop_for(ARCFACE), patched.mask_for(ARCFACE)
    np.testing.assert_array_equal(crop[mask], patched.donor.crop_for(ARCFACE)[mask])
    np.testing.assert_array_equal(crop[~mask], patched.original_for(ARCFACE)[~mask])
    x, y = patched.positions[0]
    assert mask[y : y + 16, x : x + 16].all()
    assert patched.crop is not patched.original_for(ARCFACE)
    assert not crop.flags.writeable


def test_patches_are_part_of_the_key_and_of_the_record(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], patched: PatchedFace
) -> None:
    plain = samples["barack_obama_1"]
    other = PatchedFace.of(plain, samples["joe_biden_1"], patched.positions[:5], 20)
    assert len({plain.key, patched.key, other.key}) == 3
    assert "5 squares of 20 x 20 pixels of joe_biden_1.jpg" in other.warnings[-1]
    result = record(explain(sface, other, samples["joe_biden_1"]), Pair(other, samples["joe_biden_1"]), "cpu", {})
    assert result["probe"]["patches"]["positions"] == other.positions.tolist()
    assert result["probe"]["patches"]["donor"]["sha256"] == samples["joe_biden_1"].photo.sha256
    assert "patches" not in result["reference"]


def test_a_replay_ends_at_the_patched_and_the_clean_score(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], replay: Replay
) -> None:
    clean = explain(sface, samples["barack_obama_1"], samples["joe_biden_1"]).score
    assert replay.scores[0] == pytest.approx(replay.explanation.score, abs=1e-6)
    for scores in (replay.scores, replay.inverse):
        assert scores[-1] == pytest.approx(clean, abs=1e-6)
    halves = dpr.frames(replay.case.start, replay.case.end, replay.order, replay.counts[[10]])
    halves = np.concatenate([halves, replay.case.reference[None]])
    rows = sface.embed(halves)
    assert replay.scores[10] == pytest.approx(float(rows[0] @ rows[1]), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["xssab", "layered", "xcos-s", "xcos-w"])
def test_the_curve_equals_the_benchmarks_numbers_for_that_pair(
    sface: TorchFaceModel, tiny_lfw: Path, cache_folder: Path, method: str
) -> None:
    setup = tasks.Setup(tiny_lfw, "sface", "uniform", 0, dpr.STEPS, cache_folder)
    context = tasks.make_context(setup, sface)
    engine = Engine("cpu")
    for pair in (context.generator.lfw.pairs[1], context.generator.lfw.pairs[7]):
        faces = context.generator.faces(pair)
        assert faces is not None
        threshold = sface.thresholds[0].value
        explanation = engine.explain(sface, Pair(*faces), method, threshold)
        case = case_of(Pair(*faces), sface.info.template)
        played = play(lambda crops: engine.embed(sface, list(crops)), case, explanation)
        rows = [context.generator.cache.crop(path, ARCFACE) for path in (pair.probe, pair.reference)]
        clean = sface.embed(np.stack([row for row in rows if row is not None]))
        task = tasks.PairTask(pair, (tasks.Method(method, method),), threshold, clean[0], clean[1], None)
        result = tasks.perform(context, task)
        assert isinstance(result, tasks.PairResult)
        np.testing.assert_allclose(played.scores, result.records[method]["scores"], atol=1e-5)


@pytest.mark.slow
def test_without_an_original_pixels_are_blurred(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    pair = samples["barack_obama_1"], samples["barack_obama_2"]
    case = case_of(Pair(*pair), sface.info.template)
    assert case.mask is None
    np.testing.assert_array_equal(case.start, pair[0].crop)
    np.testing.assert_array_equal(case.end, blurred(pair[0].crop))
    # The features are gone, the colours are not.
    assert case.end.std(axis=(0, 1)).max() < 0.8 * case.start.std(axis=(0, 1)).max()
    np.testing.assert_allclose(case.end.mean(axis=(0, 1)), case.start.mean(axis=(0, 1)), atol=4)
    played = play(sface.embed, case, explain(sface, *pair))
    assert played.explanation.is_match
    assert played.flip(played.scores) is not None


def test_cells_move_whole(sface: TorchFaceModel, samples: dict[str, AlignedFace], patched: PatchedFace) -> None:
    reference = samples["joe_biden_1"]
    explanation = explain(sface, patched, reference, "xcos-s")
    played = play(sface.embed, case_of(Pair(patched, reference), sface.info.template), explanation)
    assert played.cells == 7
    assert set(played.counts % 256) == {0}
    cell = (np.arange(112) // 16)[:, None] * 7 + (np.arange(112) // 16)[None]
    for order in (played.order, played.order[::-1]):
        moved = cell.ravel()[order[: played.counts[4]]]
        assert len(set(moved)) == played.counts[4] // 256


@pytest.mark.slow
def test_random_orders_are_many_and_repeatable(sface: TorchFaceModel, replay: Replay) -> None:
    told: list[State] = []
    scores = play_at_random(sface, replay.case, progress=told.append)
    assert scores.shape == (20, 21)
    assert [state.done for state in told] == list(range(1, 21))
    for state in told:
        np.testing.assert_array_equal(state.partial, scores[: int(state.done)])
    np.testing.assert_allclose(scores[:, 0], replay.scores[0], atol=1e-6)
    np.testing.assert_allclose(scores[:, -1], replay.scores[-1], atol=1e-6)
    assert len(set(scores[:, 10].round(6))) == 20
    order = dpr.random_order(112, np.random.default_rng([0, 3]))
    again = dpr.replayed_scores(sface.embed, replay.case.start, replay.case.end, replay.case.reference, order)
    np.testing.assert_allclose(scores[3], again, atol=1e-6)


@pytest.mark.slow
def test_random_orders_go_on_where_a_call_was_stopped(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    engine, pair, told = Engine("cpu"), Pair(samples["joe_biden_1"], samples["barack_obama_1"]), []

    def stop_after_three(state: State) -> None:
        told.append(state.done)
        if state.done == 3:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        engine.play_at_random(sface, pair, stop_after_three)
    scores = engine.play_at_random(sface, pair, lambda state: told.append(state.done))
    assert told == list(range(1, 21))
    np.testing.assert_array_equal(engine.play_at_random(sface, pair, lambda state: told.append(state.done)), scores)
    assert len(told) == 20
    one, case = np.random.default_rng([0, 7]), case_of(pair, sface.info.template)
    again = dpr.replayed_scores(sface.embed, case.start, case.end, case.reference, dpr.random_order(112, one))
    np.testing.assert_allclose(scores[7], again, atol=1e-6)
    engine.forget(pair.probe.photo.sha256)
    assert engine._at_random.get((sface.weights_sha256, pair.key)) is None


def _with(replay: Replay, scores: list[float], random: list[list[float]]) -> Replay:
    return Replay(
        replay.case,
        replay.explanation,
        replay.order,
        np.arange(len(scores)),
        np.array(scores),
        np.full(len(scores), scores[0]),
        np.array(random),
    )


def test_the_flip_is_the_first_step_with_another_decision(replay: Replay) -> None:
    th = replay.explanation.threshold.value
    up = [th - 0.1, th - 0.01, th, th - 0.2, th + 0.1]
    down = [th, th - 0.01, th + 0.1, th + 0.1, th + 0.1]
    played = _with(replay, up, [down, up, [th] * 5])
    assert played.flip(np.array(up)) == 2
    assert played.flip(np.array(down)) == 1
    assert played.flip(np.array([th] * 5)) is None
    sentences = flip_sentences(played)
    assert sentences[0].endswith("at 50\u00a0%.")
    assert sentences[1] == (
        "Inverse order: non-match at every step. Start and end are decided alike, so there is nothing to flip."
    )
    assert sentences[2] == "Random order: flips in 2 of 3 permutations, between 25\u00a0% and 50\u00a0%."


def test_a_decision_that_flips_and_comes_back_is_said_to_do_so(replay: Replay) -> None:
    th = replay.explanation.threshold.value
    told = flip_sentences(_with(replay, [th, th - 0.01, th, th - 0.2, th + 0.1], [[th] * 5]))
    assert told[0].endswith(
        "the decision flips from match to non-match at 25\u00a0% and is back for good at 100\u00a0%: start and end are "
        "decided alike."
    )
    assert told[2] == "Random order: flips in none of 1 permutation."


def test_the_curve_as_csv_holds_the_numbers_and_the_caution(sface: TorchFaceModel, replay: Replay) -> None:
    played = replay.with_random(np.stack([replay.scores, replay.inverse]))
    text = played.csv().decode()
    assert CAUTION in text
    assert sface.weights_sha256 in text
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    assert [float(row["score"]) for row in rows] == replay.scores.tolist()
    assert [float(row["random_mean"]) for row in rows] == ((replay.scores + replay.inverse) / 2).tolist()
    assert [int(row["pixels"]) for row in rows] == replay.counts.tolist()
    assert float(rows[7]["share"]) == pytest.approx(0.35)


@pytest.mark.slow
def test_other_methods_stand_on_the_same_chart(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], patched: PatchedFace, replay: Replay
) -> None:
    explained = [explain(sface, patched, samples["joe_biden_1"], method) for method in ("layered", "xcos-s")]
    both = replay.with_others(play_another(sface.embed, replay.case, each) for each in explained)
    for line, explanation in zip(both.others, explained, strict=True):
        alone = play(sface.embed, replay.case, explanation)
        np.testing.assert_array_equal(line.scores, alone.scores)
        assert flip_sentences(alone)[0] in flip_sentences(both)
    assert flip_sentences(both)[3].startswith("Inverse order of xSSAB: ")
    text = both.csv().decode()
    assert "# column score_layered: method layered, blur True" in text
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    assert [float(row["score_xcos-s"]) for row in rows] == both.others[1].scores.tolist()

    drawn = ElementTree.fromstring(both.svg("<a> & b"))
    texts = [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"xSSAB", "Layered", "xCos S", "inverse of xSSAB"} <= set(texts)
    assert CAUTION in texts
    assert any(text.startswith("<a> & b; SFace") for text in texts)
    lines = [path.get("d", "") for path in drawn.iter("{http://www.w3.org/2000/svg}path")]
    curves = [re.findall(r"[ML]([\d.]+) ([\d.]+)", line) for line in lines if line.count("L") == len(replay.counts) - 1]
    assert len(curves) == 4
    # The last one drawn is the first method's, on top of the others.
    heights = np.array([float(y) for _, y in curves[-1]])
    rise = (heights[0] - heights[-1]) / (replay.scores[0] - replay.scores[-1])
    np.testing.assert_allclose(heights, heights[0] + rise * (replay.scores - replay.scores[0]), atol=0.02)


def test_no_two_of_sixteen_lines_look_alike() -> None:
    assert len({further_style(number) for number in range(16)}) == 16


def test_the_animation_shows_the_computed_pixels_from_start_to_end(replay: Replay) -> None:
    data = animation(replay, "Obama and Biden")
    with Image.open(io.BytesIO(data)) as moving:
        assert moving.format == "WEBP"
        assert moving.n_frames == FRAMES
        assert CAUTION in moving.getexif()[0x010E]
        for number, crop in ((0, replay.case.start), (FRAMES - 1, replay.case.end)):
            moving.seek(number)
            frame = np.asarray(moving.convert("RGB"))
            found = frame[56 : 56 + 336, 12 : 12 + 336]
            np.testing.assert_array_equal(found[1::3, 1::3], crop)
    assert len(data) < 8_000_000
