"""Sheets of pairs and exported rows: what is drawn and written is what was chosen."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from tests.gallery.test_selection import DECIDED, TABLE
from tests.hostile import TEXTS
from xssab_core.explain import CAUTION
from xssab_core.gallery.export import exported, rows_csv, rows_parquet
from xssab_core.gallery.selection import Selection, agreement, decided, with_others
from xssab_core.gallery.sheet import Entry, Face, sheet_of
from xssab_core.gallery.thumbnails import outline
from xssab_core.render import png

SVG = "{http://www.w3.org/2000/svg}"
# Under another model: agrees on pairs 0 and 4, differs on 1 and 2, has no score of 3, and knows nothing of 5.
OTHER = decided(TABLE.assign(score=[0.9, 0.95, 0.1, np.nan, 0.2, 0.1]).iloc[:5], "score", 0.5)
BOTH = with_others(DECIDED, {"b-1": OTHER})


def test_where_two_models_differ_is_worked_out_at_each_ones_threshold() -> None:
    assert list(BOTH["differs"]) == [False, True, True, False, False, False]
    assert list(BOTH["other_b-1_outcome"]) == [
        *("correct match", "correct match", "correct non-match", "no score", "correct non-match", "no score")
    ]
    assert BOTH["other_b-1_margin"][1] == pytest.approx(0.45)
    assert list(Selection(differing=True, order="official").of(BOTH)["index"]) == [1, 2]
    found = agreement(BOTH, "b-1")
    assert (found.both, found.first_only, found.second_only, found.neither, found.total) == (2, 0, 2, 0, 4)


def test_of_several_models_one_that_decides_otherwise_is_enough() -> None:
    third = decided(TABLE.assign(score=[0.1, 0.9, 0.9, 0.1, 0.1, 0.9]), "score", 0.5)
    all_three = with_others(DECIDED, {"b-1": OTHER, "c": third})
    # Pair 0 differs by the third alone, 2 by the second alone; of 5 the third alone has a score.
    assert list(all_three["differs"]) == [True, True, True, False, False, False]
    assert agreement(all_three, "c").total == 5


def test_exported_rows_are_the_rows_and_say_what_they_are() -> None:
    rows = Selection(order="lowest").of(BOTH)
    text = rows_csv(rows, ("LFW; a model\n# not a line", "beside it another")).decode()
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head == [f"# {CAUTION}", "# LFW; a model # not a line", "# beside it another"]
    read = pd.read_csv(io.StringIO(text), skiprows=len(head))
    assert list(read["index"]) == [4, 1, 3, 2, 0, 5]
    assert list(read.columns) == list(exported(rows).columns)
    assert "distance" not in read
    np.testing.assert_allclose(read["other_b-1_margin"], rows["other_b-1_margin"], equal_nan=True)
    parquet = pd.read_parquet(io.BytesIO(rows_parquet(rows, ("LFW",))))
    pd.testing.assert_frame_equal(parquet, exported(rows))
    assert parquet.attrs == {"caution": CAUTION, "about": ["LFW"]}


def entry(title: str, rows: int = 1) -> Entry:
    random = np.random.default_rng(0)
    crop = png(random.integers(0, 256, (112, 112, 3), dtype=np.uint8))
    mask = np.zeros((112, 112), dtype=bool)
    mask[10:30, 20:50] = True
    pair = Face(title, crop, 112, outline(mask)), Face(title, None, 112)
    return Entry([pair] * rows, ["Correct match, score 0.9"])


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_sheet_holds_every_pair_once_inside_its_size(count: int) -> None:
    sheet = sheet_of([entry(f"pair {n}", rows=1 + n % 2) for n in range(count)], ("LFW", CAUTION), "pairs")
    drawn = ElementTree.fromstring(sheet.svg)
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert [text for text in texts if text is not None and text.startswith("pair ")] == [
        f"pair {n}" for n in range(count) for _ in range(2)
    ]
    assert CAUTION in " ".join(text or "" for text in texts)
    assert len(list(drawn.iter(f"{SVG}image"))) == sum(1 + n % 2 for n in range(count))
    assert all(0 <= float(each.get("x", "")) < sheet.width for each in drawn.iter(f"{SVG}text"))
    assert all(0 < float(each.get("y", "")) < sheet.height for each in drawn.iter(f"{SVG}text"))
    data = sheet.pdf()
    assert data.startswith(b"%PDF-")
    assert f"/MediaBox [0 0 {sheet.width * 0.75:.2f} {sheet.height * 0.75:.2f}]".encode() in data


def test_hostile_names_are_text_on_a_sheet() -> None:
    for text in ("</text><script>alert(1)</script>", *TEXTS):
        sheet = sheet_of([entry(text)], (text,), text)
        tags = {each.tag.removeprefix(SVG) for each in ElementTree.fromstring(sheet.svg).iter()}
        assert tags == {"svg", "text", "g", "path", "image"}
    assert sheet_of([entry("ü \u6f22 \U0001f600")], (), "letters that the font may lack").pdf().startswith(b"%PDF-")
