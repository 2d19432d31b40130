"""Batch triage: bad rows stop nothing, a killed run goes on to the same result, the order, the files it writes."""

from __future__ import annotations

import csv
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xssab_core import align_face, explain, open_photo
from xssab_core.errors import CancelledError, DataError, OutputError
from xssab_core.explain import CAUTION
from xssab_core.findings.regions import NAMES, regions_of
from xssab_core.metrics import cosine
from xssab_core.models import FaceModel
from xssab_core.models.calibration import calibration_of
from xssab_core.progress import State
from xssab_core.render import png
from xssab_core.triage.cohort import versus
from xssab_core.triage.pairs import Folder, PairList, open_pairs, read_list
from xssab_core.triage.photographs import Wanted
from xssab_core.triage.results import Triage, read_triage
from xssab_core.triage.runner import Settings, triage
from xssab_core.triage.store import FolderStore, MemoryStore
from xssab_core.triage.table import ERRORS, csv_of, ordered, parquet_of
from xssab_core.triage.tasks import Looked, LookTask, MapTask, Setup, Task, pack, perform, perform_remotely

COLUMNS = ["probe", "reference", "label", "fold", "probe_face", "reference_face"]
# Far above every threshold of the model: genuine pairs fall short of it, so that there are errors to sort.
THRESHOLD = 0.8
FILES = ("triage.csv", "triage.parquet", "problems.csv", "problems.parquet", "cohorts.npz")


def write_csv(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


@pytest.fixture(scope="module")
def photographs(tiny_lfw: Path, two_faces_folder: Path, tmp_path_factory) -> Path:
    """20 photographs of three people, and others that cannot be used, each in its own way."""
    folder = tmp_path_factory.mktemp("photographs")
    for path in (tiny_lfw / "lfw-deepfunneled").rglob("*.jpg"):
        shutil.copy(path, folder / path.name)
    whole = (folder / "Joe_Biden_0001.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "text.jpg").write_text("This is no photograph.")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "copy.jpg").write_bytes(whole)
    (folder / "folder.jpg").mkdir()
    shutil.copy(two_faces_folder, folder / "two.png")
    Image.new("RGB", (250, 250), "grey").save(folder / "grey.png")
    Image.new("RGB", (16, 16), "grey").save(folder / "tiny.png")
    Image.new("RGB", (4000, 40), "grey").save(folder / "strip.png")
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    return folder


@pytest.fixture(scope="module")
def two_faces_folder(tmp_path_factory, samples) -> Path:
    canvas = Image.new("RGB", (700, 320), "grey")
    for name, left in (("joe_biden_1", 0), ("barack_obama_3", 380)):
        picture = Image.fromarray(np.array(samples[name].photo.pixels))
        picture.thumbnail((320, 320))
        canvas.paste(picture, (left, 0))
    path = tmp_path_factory.mktemp("two") / "two.png"
    canvas.save(path)
    return path


A, B = "Joe_Biden_0001.jpg", "Joe_Biden_0002.jpg"
# The row, the kind of its problem, and a part of the reason.
BAD: list[tuple[list[object], str, str]] = [
    (["gone.jpg", A, 1], "missing", "'gone.jpg' is not a file"),
    ([A, "../gone.jpg", 1], "missing", "'../gone.jpg' is not a file"),
    (["folder.jpg", A, 1], "missing", "'folder.jpg' is not a file"),
    (["", A, 1], "missing", "'' is not a file"),
    (["x" * 5000, A, 1], "missing", "is not a file"),
    (["text.jpg", A, 1], "photograph", "not an image"),
    ([A, "cut.jpg", 1], "photograph", "damaged or cut short"),
    (["empty.jpg", A, 1], "photograph", "empty.jpg"),
    (["tiny.png", A, 1], "photograph", "16 x 16 pixels is too small"),
    (["strip.png", A, 1], "photograph", "more than 50 times as long as wide"),
    (["moving.gif", A, 1], "photograph", "at least 2 frames"),
    (["grey.png", A, 0], "face", "no face was found"),
    ([A, "two.png", 1], "several faces", "2 faces"),
    ([A, B, 1, 0, 3, 1], "face", "no face number 3"),
    ([A, B, "perhaps"], "row", "The label 'perhaps'"),
    ([A, B, 1, "one"], "row", "The fold 'one'"),
    ([A, B, 1, 1, "left"], "row", "The probe face 'left'"),
    ([A, "copy.jpg", 1], "repeated", "the same face of the same file"),
    (["copy.jpg", "Barack_Obama_0001.jpg", 0], "repeated", "Asks the same as row"),
    (["Joe_Biden_0001.jpg", "Barack_Obama_0001.jpg", 1], "repeated", "with another label"),
]


@pytest.fixture(scope="module")
def list_of_200(photographs: Path) -> Path:
    """200 rows, the 20 bad ones among them, spread over the file."""
    names = sorted(path.name for path in photographs.glob("*_0*.jpg"))
    good = [[a, b, int(a[:4] == b[:4]), n % 10 + 1] for n, (a, b) in enumerate(combinations(names, 2))][:180]
    rows: list[list[object]] = [list(row) for row in good]
    for number, (bad, _, _) in enumerate(BAD):
        # After the row it repeats, so near the end.
        rows.insert(90 + 5 * number, bad)
    path = photographs / "pairs.csv"
    write_csv(path, rows)
    return path


@pytest.mark.slow
def test_200_rows_with_20_bad_ones_survive_a_kill_and_end_with_the_same_files(
    sface: FaceModel, list_of_200: Path, tmp_path: Path
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "xssab_core", "triage", str(list_of_200), "--output", str(killed)]
    command += ["--threshold", str(THRESHOLD), "--faces", "refuse", "--method", "gradcam"]
    running = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True)
    try:
        _wait_for(killed / "work" / "maps" / "00000.npz", running)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert not (killed / "summary.json").exists()
    done_before = {path: path.stat().st_mtime_ns for path in (killed / "work").rglob("*.npz")}
    pairs, settings = open_pairs(list_of_200, tmp_path), Settings(threshold=THRESHOLD, method="gradcam", faces="refuse")
    told: list[State] = []
    resumed = triage(pairs, settings, FolderStore(killed), progress=told.append)
    assert {path: path.stat().st_mtime_ns for path in done_before} == done_before
    assert told[0].done == told[0].total  # no photograph was looked at again
    triage(pairs, settings, FolderStore(whole))
    for name in FILES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    _has_all_200(resumed)


def _wait_for(path: Path, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert running.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.02)


def _has_all_200(found: Triage) -> None:
    assert found.summary.rows == 200
    assert len(found.table) == 180
    listed = found.refused.set_index("row")
    lines = {91 + 5 * number + 1: (kind, reason) for number, (_, kind, reason) in enumerate(BAD)}
    assert sorted(listed.index) == sorted(lines)
    for line, (kind, reason) in lines.items():
        assert listed.loc[line, "kind"] == kind
        assert reason in listed.loc[line, "reason"]
    assert Counter(found.table["outcome"])["FNM"] > 0
    assert sum(cohort.pairs for cohort in found.cohorts.values()) == 180


@pytest.fixture(scope="module")
def small(sface: FaceModel, photographs: Path) -> tuple[Triage, PairList]:
    """Six rows: of each outcome that there is, without a label too."""
    rows: list[list[object]] = [
        ["Joe_Biden_0001.jpg", "Joe_Biden_0003.jpg", 1, 1],
        ["Barack_Obama_0001.jpg", "Barack_Obama_0002.jpg", "genuine", 2],
        ["Barack_Obama_0001.jpg", "Joe_Biden_0001.jpg", "impostor", 3],
        ["Barack_Obama_0002.jpg", "Eileen_Collins_0001.jpg", 1],
        ["Barack_Obama_0003.jpg", "Joe_Biden_0002.jpg"],
        ["two.png", "Joe_Biden_0002.jpg", 0, "", 2],
    ]
    path = photographs / "small.csv"
    write_csv(path, rows)
    pairs = open_pairs(path, path.parent)
    return triage(pairs, Settings(threshold=0.3), MemoryStore(), sface), pairs


@pytest.mark.slow
def test_scores_decisions_and_regions_are_those_of_the_library(
    sface: FaceModel, small: tuple[Triage, PairList], photographs: Path
) -> None:
    table = small[0].table.set_index("row")
    for line in table.itertuples():
        faces = [
            align_face(open_photo(photographs / getattr(line, side)), face=getattr(line, f"{side}_face") - 1)
            for side in ("probe", "reference")
        ]
        embeddings = sface.embed(np.stack([face.crop for face in faces]))
        assert line.score == pytest.approx(cosine(*embeddings), abs=1e-5)
        assert line.decision == ("match" if line.score >= 0.3 else "non-match")
        found = explain(sface, *faces, "layered", 0.3)
        for side, maps in found.by_side():
            assert maps.combined is not None
            values = maps.combined.astype(np.float64)
            shares = regions_of(sface.info.template).sums(values) / np.abs(values).sum()
            told = [getattr(line, f"{side}_{name.replace(' ', '_')}") for name in NAMES]
            assert told == pytest.approx(shares, abs=1e-4)
            best = shares.argmax() if line.decision == "match" else shares.argmin()
            assert getattr(line, f"{side}_region") == NAMES[best]
    assert table.loc[7, "probe_face"] == 2
    assert "2 faces in this photograph" in table.loc[7, "warnings"]


def test_a_score_is_inside_the_interval_where_both_rates_there_are(small: tuple[Triage, PairList]) -> None:
    found = small[0]
    calibration = calibration_of(found.summary.model, found.summary.weights_sha256)
    assert calibration is not None
    known = calibration.rates(0.3)
    for line in found.table.itertuples():
        fmr, fnmr = np.mean(calibration.impostor >= line.score), np.mean(calibration.genuine < line.score)
        (a, b), (c, d) = known.false_match.interval, known.false_non_match.interval
        assert line.inside_interval == (a <= fmr <= b and c <= fnmr <= d)


def test_mean_maps_are_the_means_of_the_scaled_maps(sface: FaceModel, small: tuple[Triage, PairList], samples) -> None:
    found = small[0]
    assert {name: cohort.pairs for name, cohort in found.cohorts.items()} == dict(Counter(found.table["outcome"]))
    of_kind = found.table[found.table["outcome"] == "correct match"]
    expected = np.zeros((2, 112, 112))
    for line in of_kind.itertuples():
        crops = []
        for side in ("probe", "reference"):
            png = found.crop_png(line, side)
            assert png is not None
            crops.append(np.asarray(Image.open(io.BytesIO(png))))
        for number, (_, maps) in enumerate(explain(sface, *crops, "layered", 0.3).by_side()):
            assert maps.combined is not None
            expected[number] += maps.combined / np.abs(maps.combined).sum(dtype=np.float64) / len(of_kind)
    assert found.cohorts["correct match"].maps == pytest.approx(expected, abs=1e-7)


def _frame(rows: list[tuple[int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["row", "outcome", "margin"])


def test_wrong_decisions_come_first_the_farthest_first_then_the_closest() -> None:
    table = _frame(
        [
            (2, "correct match", 0.2),
            (3, "FM", 0.01),
            (4, "FNM", -0.3),
            (5, "match, no label", 0.05),
            (6, "correct non-match", -0.05),
            (7, "FM", 0.3),
            (8, "non-match, no label", -0.001),
        ]
    )
    assert ordered(table)["row"].tolist() == [4, 7, 3, 8, 5, 6, 2]


def test_parquet_and_csv_hold_the_table_and_the_caution(small: tuple[Triage, PairList]) -> None:
    table = small[0].table
    data = parquet_of(table)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(data)), table)
    assert CAUTION.encode() in data
    first, _, rest = csv_of(table).decode().partition("\n")
    assert CAUTION in first
    read = pd.read_csv(io.StringIO(rest))
    assert read["score"].tolist() == table["score"].tolist()
    assert read["row"].tolist() == table["row"].tolist()
    assert read["label"].isna().sum() == 1


def test_a_spreadsheet_finds_no_formula_in_the_csv() -> None:
    texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "a=b"]
    lines = list(csv.reader(io.StringIO(csv_of(pd.DataFrame({"probe": texts, "n": -1.5})).decode())))[2:]
    assert [line[0] for line in lines] == ["'" + text for text in texts[:-1]] + ["a=b"]
    assert {line[1] for line in lines} == {"-1.5"}


class Elements(HTMLParser):
    """What a browser makes of an HTML text: its elements, their attributes, and where its pictures come from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name == "src"]


HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}.jpg'


def test_a_report_shows_hostile_file_names_letter_by_letter(sface: FaceModel, photographs: Path) -> None:
    data = f'probe,reference,label\n"{HOSTILE.replace(chr(34), chr(34) * 2)}",{A},1\ngone{HOSTILE[2:]},{A},1\n'.encode()

    def source(name: str) -> Path:
        return photographs / B if name == HOSTILE else Folder(photographs)(name)

    store = MemoryStore()
    found = triage(read_list(data, f"<b>{HOSTILE}", source), Settings(method="none"), store, sface)
    html = store.files["report.html"].decode()
    assert found.table["probe"].tolist() == [HOSTILE]
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(2)&lt;/script&gt;{{7*7}}.jpg" in html
    assert html.count("<img ") == html.count('<img src="data:image/png;base64,') == 2
    assert CAUTION in html
    found_in = Elements(html)
    assert found_in.tags.isdisjoint({"script", "b", "iframe", "object", "link", "a", "form"})
    assert found_in.attributes.isdisjoint({"onerror", "onload", "href"})
    assert all(source.startswith("data:image/png;base64,") for source in found_in.sources)


@pytest.mark.slow
def test_a_stopped_triage_keeps_what_it_finished_and_other_settings_are_refused(
    sface: FaceModel, photographs: Path, tmp_path: Path
) -> None:
    pairs = open_pairs(photographs / "small.csv", tmp_path)

    def stop(state: State) -> None:
        if state.what == "pairs explained":
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        triage(pairs, Settings(), FolderStore(tmp_path), sface, progress=stop)
    assert (tmp_path / "work" / "photographs" / "00000.npz").exists()
    with pytest.raises(DataError, match="no finished triage"):
        read_triage(FolderStore(tmp_path))
    with pytest.raises(OutputError, match=r"threshold: .* then, 0\.5 now"):
        triage(pairs, Settings(threshold=0.5), FolderStore(tmp_path), sface)
    (tmp_path / "work" / "photographs" / "00000.npz").write_bytes(b"damaged")
    finished = triage(pairs, Settings(), FolderStore(tmp_path), sface)
    again = read_triage(FolderStore(tmp_path))
    pd.testing.assert_frame_equal(again.table, finished.table)
    pd.testing.assert_frame_equal(again.refused, finished.refused)


@pytest.mark.parametrize("name", ["summary.json", "triage.parquet", "problems.parquet", "cohorts.npz"])
@pytest.mark.parametrize("damage", [b"", b"{}", b"PAR1 cut short"])
def test_a_damaged_triage_is_refused_in_a_sentence(small: tuple[Triage, PairList], name: str, damage: bytes) -> None:
    store = small[0].store
    assert isinstance(store, MemoryStore)
    with pytest.raises(DataError, match="Run it again"):
        read_triage(MemoryStore(store.files | {name: damage}))
    other = parquet_of(pd.DataFrame({"row": [1]}))
    with pytest.raises(DataError, match="has no column probe"):
        read_triage(MemoryStore(store.files | {"triage.parquet": other}))


def test_what_is_kept_in_memory_is_packed_without_its_records(small: tuple[Triage, PairList]) -> None:
    store = small[0].store
    assert isinstance(store, MemoryStore)
    again = MemoryStore.unpacked(store.packed())
    assert {name for name in store.files if not name.startswith("work/")} == set(again.files)
    pd.testing.assert_frame_equal(read_triage(again).table, small[0].table)


def test_a_task_travels_to_a_worker_and_gives_the_same_there(sface: FaceModel, photographs: Path) -> None:
    setup = Setup("sface", 0.3, "layered", "largest", aligned=False)
    wanted = tuple(Wanted(name, photographs / name, (0,)) for name in (A, B, "text.jpg"))
    looking: Task = LookTask(0, wanted)
    here, there = perform(sface, setup, looking), perform_remotely(*pickle.loads(pickle.dumps((setup, looking))))
    assert isinstance(here, Looked)
    assert isinstance(there, Looked)
    assert there.photographs == here.photographs
    assert there.crops == here.crops
    assert np.array_equal(there.embeddings, here.embeddings)
    mapping: Task = MapTask(0, (("match", here.crops[0], here.crops[1]),))
    here_mapped = perform(sface, setup, mapping)
    there_mapped = perform_remotely(*pickle.loads(pickle.dumps((setup, mapping))))
    assert pack(here_mapped) == pack(there_mapped)


def test_two_models_are_compared_row_by_row() -> None:
    def table(outcomes: str, margins: list[float]) -> pd.DataFrame:
        names = {"m": "correct match", "n": "correct non-match", "F": "FM", "N": "FNM"}
        return pd.DataFrame(
            {
                "row": range(2, 2 + len(outcomes)),
                "probe": "a",
                "reference": "b",
                "label": ["genuine" if each in "mN" else "impostor" for each in outcomes],
                "score": margins,
                "margin": margins,
                "decision": ["match" if margin >= 0 else "non-match" for margin in margins],
                "outcome": [names[each] for each in outcomes],
            }
        )

    found = versus(table("mNFn", [0.1, -0.2, 0.3, -0.4]), table("mmFF", [0.2, 0.1, 0.1, 0.5]))
    assert (found.pairs, found.labelled) == (4, 4)
    assert (found.both_wrong, found.only_a_wrong, found.only_b_wrong) == (1, 1, 1)
    assert found.p == 1.0
    assert found.rows["row"].tolist() == [5, 3]
    assert set(ERRORS) & set(found.rows["outcome_a"]) == {"FNM"}


def test_a_report_against_another_model_says_where_they_differ(
    sface: FaceModel, small: tuple[Triage, PairList], photographs: Path
) -> None:
    first, pairs = small
    store = MemoryStore()
    triage(pairs, Settings(threshold=0.9, method="none"), store, sface, against=first)
    html = store.files["report.html"].decode()
    assert "Both scored 6 rows; they decide" in html
    other = read_list(b"probe,reference\na,b\n", "other.csv", Folder(photographs))
    with pytest.raises(DataError, match="another list"):
        triage(other, Settings(), MemoryStore(), sface, against=first)


@pytest.fixture
def lists(tmp_path: Path) -> Callable[[bytes], PairList]:
    return lambda data: read_list(data, "list.csv", Folder(tmp_path))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no column 'probe'"),
        (b"probe,label\na,1\n", "no column 'reference'"),
        (b"probe,reference\n", "no pairs below its first line"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'probe,reference\n"a,b\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_a_sentence(
    lists: Callable[[bytes], PairList], data: bytes, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        lists(data)


def test_a_list_without_one_usable_row_is_a_finished_triage(sface: FaceModel, tmp_path: Path, run) -> None:
    (tmp_path / "list.csv").write_text("probe,reference,label\na,b,1\n,,\n")
    code, out, _ = run("triage", tmp_path / "list.csv", "--output", tmp_path / "out")
    assert code == 0
    assert "2 rows: 0 scored, 2 without a score." in out
    assert read_triage(FolderStore(tmp_path / "out")).table.empty


@pytest.mark.slow
def test_pairs_txt_and_a_verification_set_are_read_as_lists(
    sface: FaceModel, samples, tiny_lfw: Path, tmp_path: Path, store: Path, run
) -> None:
    pairs = open_pairs(tiny_lfw, tmp_path)
    assert (len(pairs.rows), pairs.policy, pairs.rows[0].genuine, pairs.rows[0].fold) == (24, "middle", True, 1)
    crops = [samples[name].crop for name in ("joe_biden_1", "barack_obama_1")]
    data = [png(crop) for crop in crops]
    (tmp_path / "set.bin").write_bytes(pickle.dumps((data, [False])))
    code, _, err = run("triage", tmp_path / "set.bin", "--output", tmp_path / "out", "--method", "none")
    assert code == 0, err
    found = read_triage(FolderStore(tmp_path / "out"))
    expected = cosine(*sface.embed(np.stack(crops)))
    assert found.summary.aligned
    assert found.table["score"].tolist() == pytest.approx([expected], abs=1e-4)
