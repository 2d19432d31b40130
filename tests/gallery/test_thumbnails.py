"""Thumbnails: the pixels the model saw, made once, and the border of the patches."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.gallery.scores import PairScores
from xssab_core.gallery.thumbnails import outline, patched_png
from xssab_core.models import FaceModel
from xssab_core.patch_lfw.generator import PatchLfw


def test_a_thumbnail_is_the_patched_crop_and_is_made_once(
    tiny_lfw: Path, cache_folder: Path, sface: FaceModel, tmp_path: Path
) -> None:
    generator = PatchLfw(open_lfw(tiny_lfw), CropCache(cache_folder), sface.info.template)
    scores = PairScores(generator, sface, tmp_path)
    pair = generator.lfw.pairs[0]
    encoded = patched_png(scores, pair)
    built = generator.build(pair)
    assert encoded is not None
    assert built is not None
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded))), built.patched)
    np.testing.assert_array_equal(generator.mask(pair), built.mask)
    (kept,) = tmp_path.glob("thumbnails/*/*.png")
    written = kept.stat().st_mtime_ns
    assert patched_png(scores, pair) == encoded
    assert kept.stat().st_mtime_ns == written


def test_the_outline_goes_around_the_union_of_squares() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[1:3, 1:3] = mask[2:4, 2:4] = True
    assert sorted(re.findall(r"M(\d) (\d)([HV])(\d)", outline(mask))) == sorted(
        [
            *[("1", "1", "H", "3"), ("1", "3", "H", "2"), ("3", "2", "H", "4"), ("2", "4", "H", "4")],
            *[("1", "1", "V", "3"), ("2", "3", "V", "4"), ("3", "1", "V", "2"), ("4", "2", "V", "4")],
        ]
    )
    assert outline(np.zeros((6, 6), dtype=bool)) == ""


def test_the_outline_of_random_masks_encloses_their_pixels() -> None:
    mask = np.random.default_rng(0).random((9, 9)) < 0.5
    # Draw the lines between cells of a grid twice as fine and flood it from outside: what stays dry is the mask's.
    canvas = Image.new("L", (19, 19))
    draw = ImageDraw.Draw(canvas)
    for x, y, kind, stop in re.findall(r"M(\d+) (\d+)([HV])(\d+)", outline(mask)):
        end = (2 * int(stop), 2 * int(y)) if kind == "H" else (2 * int(x), 2 * int(stop))
        draw.line([(2 * int(x), 2 * int(y)), end], fill=255)
    lines = np.asarray(canvas) > 0
    np.testing.assert_array_equal(lines[1::2, 2:-2:2], mask[:, 1:] != mask[:, :-1])
    np.testing.assert_array_equal(lines[2:-2:2, 1::2], mask[1:] != mask[:-1])
