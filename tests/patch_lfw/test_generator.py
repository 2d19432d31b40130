"""Patch-LFW: positions, donors, masks, files."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xssab_core.benchmark.controls import pixel_equality
from xssab_core.cli import main
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import Lfw, LfwPair, open_lfw
from xssab_core.errors import DataError, OutputError
from xssab_core.faces import ARCFACE
from xssab_core.metrics import average_precision
from xssab_core.patch_lfw.change import feathered
from xssab_core.patch_lfw.export import export_patch_lfw
from xssab_core.patch_lfw.generator import (
    PatchLfw,
    authors_positions,
    grid_positions,
    patch_mask,
    patch_pair,
    scaled_positions,
    uniform_positions,
)


def _mersenne_twister(seed: int) -> random.Random:
    """MT19937 seeded by init_genrand (Matsumoto and Nishimura, 2002), as numpy's legacy generator is."""
    state = [seed]
    for i in range(1, 624):
        state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + i) & 0xFFFFFFFF)
    generator = random.Random()
    generator.setstate((3, (*state, 624), None))
    return generator


def _below_96(generator: random.Random) -> int:
    """Legacy randint over 96 values: 32-bit words, seven bits kept, words above 95 thrown away."""
    while (value := generator.getrandbits(32) & 0x7F) > 95:
        pass
    return value


def test_authors_positions_are_those_of_the_legacy_generator_with_seed_3() -> None:
    twister = _mersenne_twister(3)
    expected = np.empty((40, 27, 2), dtype=np.int64)
    for pair in expected:
        pair[:, 0] = [_below_96(twister) for _ in range(27)]
        lower = [16 + _below_96(twister) for _ in range(27)]
        pair[:, 1] = np.array(lower) - 16
    np.testing.assert_array_equal(authors_positions(40), expected)
    assert expected[0, 0].tolist() == [24, 90]


def test_authors_layout_restarts_for_each_half_and_never_patches_the_last_row_and_column(tiny_lfw: Path) -> None:
    pairs = open_lfw(tiny_lfw).pairs
    genuine, impostor = ([p for p in pairs if p.genuine == kind] for kind in (True, False))
    for i in (0, 11):
        np.testing.assert_array_equal(grid_positions(genuine[i], "authors", 0), authors_positions(12)[i])
        np.testing.assert_array_equal(grid_positions(impostor[i], "authors", 0), authors_positions(12)[i])
    assert authors_positions(3000).max() == 95


def test_uniform_positions_reach_every_place_and_depend_on_pair_and_seed_alone(tiny_lfw: Path) -> None:
    lfw = open_lfw(tiny_lfw)
    drawn = np.concatenate([uniform_positions(np.random.default_rng(seed)) for seed in range(300)])
    assert drawn.shape == (8100, 2)
    assert set(drawn[:, 0]) == set(drawn[:, 1]) == set(range(97))
    whole = {pair.id: grid_positions(pair, "uniform", 5) for pair in lfw.pairs}
    for pair in lfw.in_folds([2]).pairs:
        np.testing.assert_array_equal(grid_positions(pair, "uniform", 5), whole[pair.id])
        assert (grid_positions(pair, "uniform", 6) != whole[pair.id]).any()
    assert len({positions.tobytes() for positions in whole.values()}) == len(lfw.pairs)


@pytest.mark.parametrize("size", [112, 150, 160])
def test_positions_scale_to_other_crops_and_still_fit(size: int) -> None:
    corners = np.array([[0, 0], [96, 96], [48, 7]])
    scaled, side = scaled_positions(corners, size)
    assert side == round(16 * size / 112)
    assert scaled.min() >= 0
    assert scaled.max() + side <= size
    np.testing.assert_allclose(scaled, corners * size / 112, atol=1)
    if size == 112:
        np.testing.assert_array_equal(scaled, corners)


def test_patches_are_copied_from_the_same_place() -> None:
    probe, source = np.zeros((20, 20, 3), np.uint8), np.arange(1200, dtype=np.uint8).reshape(20, 20, 3)
    patched, mask = patch_pair(probe, source, np.array([[3, 5], [5, 5]]), side=4)
    expected = np.zeros((20, 20), dtype=bool)
    expected[5:9, 3:9] = True
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(patched[expected], source[expected])
    assert not patched[~expected].any()
    with pytest.raises(DataError, match="does not fit"):
        patch_pair(probe, source, np.array([[17, 0]]), side=4)


def _generator(tiny_lfw: Path, cache: Path, seed: int = 0, folds: tuple[int, ...] = (1, 2)) -> PatchLfw:
    lfw = open_lfw(tiny_lfw).in_folds(folds)
    return PatchLfw(lfw, CropCache(cache), ARCFACE, "uniform", seed)


def test_impostors_are_patched_from_the_reference_and_genuine_pairs_from_a_stranger(
    tiny_lfw: Path, cache_folder: Path
) -> None:
    generator = _generator(tiny_lfw, cache_folder)
    for pair in generator.lfw.pairs[::5]:
        made = generator.build(pair)
        assert made is not None
        donor = next(path for path in (*generator.lfw.donors, pair.reference) if path.stem == made.donor)
        source = generator.cache.crop(donor, ARCFACE)
        assert source is not None
        np.testing.assert_array_equal(made.patched[made.mask], source[made.mask])
        np.testing.assert_array_equal(made.patched[~made.mask], made.original[~made.mask])
        if pair.genuine:
            assert donor.parent.name != pair.probe.parent.name
        else:
            assert donor == pair.reference


def test_a_pair_does_not_depend_on_which_pairs_are_made(tiny_lfw: Path, cache_folder: Path) -> None:
    pair = open_lfw(tiny_lfw).pairs[13]
    whole = _generator(tiny_lfw, cache_folder).build(pair)
    half = _generator(tiny_lfw, cache_folder, folds=(2,)).build(pair)
    other = _generator(tiny_lfw, cache_folder, seed=1).build(pair)
    assert whole is not None
    assert half is not None
    assert other is not None
    assert whole.donor == half.donor
    np.testing.assert_array_equal(whole.patched, half.patched)
    assert (whole.mask != other.mask).any()


def _hard(tiny_lfw: Path, cache: Path, seed: int = 0) -> PatchLfw:
    return PatchLfw(open_lfw(tiny_lfw), CropCache(cache), ARCFACE, "hard", seed)


def test_hard_patches_are_feathered_and_of_another_photograph(tiny_lfw: Path, cache_folder: Path) -> None:
    generator, plain = _hard(tiny_lfw, cache_folder), _generator(tiny_lfw, cache_folder)
    for pair in generator.lfw.pairs[3:24:4]:
        made, before = generator.build(pair), plain.build(pair)
        assert made is not None
        assert before is not None
        np.testing.assert_array_equal(made.positions, before.positions)
        np.testing.assert_array_equal(made.mask, generator.mask(pair))
        # The half-way line of a feathered edge is the edge of the square; what lies far from it is as it was.
        assert (made.mask == before.mask).mean() > 0.97
        far = cv2.dilate(before.mask.astype(np.uint8), np.ones((19, 19))) == 0
        np.testing.assert_array_equal(made.patched[far], made.original[far])
        if pair.genuine:
            assert made.donor == before.donor
        else:
            assert made.donor[:-5] == pair.reference.parent.name
            assert made.donor != pair.reference.stem


def test_deep_inside_a_hard_patch_lies_the_changed_donor(tiny_lfw: Path, cache_folder: Path) -> None:
    generator = _hard(tiny_lfw, cache_folder)
    pair = generator.lfw.pairs[2]
    change = generator.change(pair)
    probe, source = (generator.cache.crop(path, ARCFACE) for path in (pair.probe, pair.reference))
    assert change is not None
    assert probe is not None
    assert source is not None
    patched, mask = patch_pair(probe, source, np.array([[20, 30]]), 60, change)
    np.testing.assert_array_equal(patched[40:80, 30:70], change.of(source)[40:80, 30:70])
    # In the middle of an edge half of each shows.
    assert mask[60, 20]
    assert not mask[60, 19]
    share = feathered(patch_mask(np.array([[20, 30]]), 60, 112))[60, 14:26]
    assert (np.diff(share) > 0).all()
    np.testing.assert_allclose(share + share[::-1], 1.0, atol=1e-6)
    # Written out: gain and offset of a mirrored, moved, softened crop.
    still = replace(change, rotation=0.0, scale=1.0, shift=(0.0, 0.0), blur=0.01)
    expected = np.clip(np.rint(change.gain * source[:, ::-1].astype(np.float64) + change.offset), 0, 255)
    np.testing.assert_allclose(still.of(source).astype(np.float64), expected, atol=1)


def test_hard_pairs_depend_on_seed_and_pair_and_are_the_same_as_faces(tiny_lfw: Path, cache_folder: Path) -> None:
    generator = _hard(tiny_lfw, cache_folder)
    for pair in generator.lfw.pairs[1:24:9]:
        made, again = generator.build(pair), _hard(tiny_lfw, cache_folder).build(pair)
        faces = generator.faces(pair)
        assert made is not None
        assert again is not None
        assert faces is not None
        np.testing.assert_array_equal(made.patched, again.patched)
        np.testing.assert_array_equal(faces[0].crop_for(ARCFACE), made.patched)
        np.testing.assert_array_equal(faces[0].mask_for(ARCFACE), made.mask)
        assert generator.change(pair) != _hard(tiny_lfw, cache_folder, seed=1).change(pair)
    assert len({generator.change(pair) for pair in generator.lfw.pairs}) == len(generator.lfw.pairs)


def test_equal_pixels_do_not_give_hard_patches_away(tiny_lfw: Path, cache_folder: Path) -> None:
    # Also where the reference's person has no other photograph, so that the reference itself is the donor.
    lfw = open_lfw(tiny_lfw)
    found: dict[str, list[float]] = {"uniform": [], "hard": []}
    chance = []
    for pair in lfw.pairs:
        if not pair.genuine:
            for layout, values in found.items():
                generator = PatchLfw(lfw, CropCache(cache_folder), ARCFACE, layout)  # type: ignore[arg-type]
                source = generator.cache.crop(pair.reference, ARCFACE)
                made = generator.build(pair)
                assert made is not None
                assert source is not None
                patched, mask = patch_pair(made.original, source, made.positions, 16, generator.change(pair))
                own = replace(made, patched=patched, mask=mask)
                values.append(average_precision(own.mask, pixel_equality(own, 0)))
                chance.append(own.coverage)
    assert np.mean(found["uniform"]) > 0.95
    # Faces of the samples are lit evenly, so a mirrored one has more of its pixels than in LFW.
    assert np.mean(found["hard"]) - np.mean(chance) < 0.5 * (np.mean(found["uniform"]) - np.mean(chance))


def test_a_copy_without_strangers_says_so(tiny_lfw: Path, cache_folder: Path) -> None:
    pair = open_lfw(tiny_lfw).pairs[0]
    generator = PatchLfw(Lfw(tiny_lfw, (pair,), 24), CropCache(cache_folder), ARCFACE)
    with pytest.raises(DataError, match="another person"):
        generator.build(pair)


def test_mean_coverage_is_about_41_percent() -> None:
    blank = np.zeros((112, 112, 3), np.uint8)
    pairs = [LfwPair(i, 1, True, Path("a"), Path("b"), i) for i in range(600)]
    covered = [patch_pair(blank, blank, grid_positions(pair, "uniform", 0))[1].mean() for pair in pairs]
    assert np.mean(covered) == pytest.approx(0.41, abs=0.01)


def test_exported_files_are_lossless_and_complete(tiny_lfw: Path, cache_folder: Path, tmp_path: Path) -> None:
    generator = _generator(tiny_lfw, cache_folder)
    pairs = generator.lfw.pairs[4:8]
    export_patch_lfw(generator, pairs, tmp_path)
    manifest = pd.read_parquet(tmp_path / "manifest.parquet")
    text = pd.read_csv(tmp_path / "manifest.csv")
    assert list(manifest["pair"]) == list(text["pair"]) == [pair.id for pair in pairs]
    for row, line, pair in zip(manifest.itertuples(), text.itertuples(), pairs, strict=True):
        made = generator.build(pair)
        assert made is not None
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row.patched_file)), made.patched)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row.mask_file)) == 255, made.mask)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row.probe_file)), made.original)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row.reference_file)), made.reference)
        assert json.loads(line.positions) == made.positions.tolist() == [list(xy) for xy in row.positions]
        assert row.coverage == line.coverage == made.coverage
        assert (row.genuine, row.fold, row.donor) == (pair.genuine, pair.fold, made.donor)


def test_an_interrupted_export_goes_on_and_refuses_other_settings(
    tiny_lfw: Path, cache_folder: Path, tmp_path: Path
) -> None:
    generator = _generator(tiny_lfw, cache_folder)
    pairs = generator.lfw.pairs[4:7]
    export_patch_lfw(generator, pairs, tmp_path)
    kept, lost = (tmp_path / "patched" / f"{pair.id}.png" for pair in pairs[:2])
    written, before = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    (tmp_path / "manifest.csv").unlink()
    export_patch_lfw(generator, pairs, tmp_path)
    assert lost.read_bytes() == before
    assert kept.stat().st_mtime_ns == written
    assert len(pd.read_csv(tmp_path / "manifest.csv")) == 3
    with pytest.raises(OutputError, match="other settings"):
        export_patch_lfw(_generator(tiny_lfw, cache_folder, seed=1), pairs, tmp_path)


def test_the_command_writes_the_set(tiny_lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["patch-lfw", "--lfw", str(tiny_lfw), "--output", str(tmp_path), "--pairs", "4", "--layout", "authors"]
    assert main(arguments) == 0
    assert "4 pairs of 4" in capsys.readouterr().out
    manifest = pd.read_parquet(tmp_path / "manifest.parquet")
    assert set(manifest["layout"]) == {"authors"}
    assert [list(xy) for xy in manifest["positions"][0]] == authors_positions(1)[0].tolist()
