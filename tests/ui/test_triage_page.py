"""The Triage page: uploads and shared folders, the rows and their links, and who may see what."""

from __future__ import annotations

import io
import os
import re
import shutil
import time
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.hostile import TEXTS
from ui.state import uploads
from ui.triage_runs import shared_folders
from xssab_core.models import FaceModel
from xssab_core.paths import ASSETS
from xssab_core.triage.pairs import Folder, read_list
from xssab_core.triage.runner import Settings, triage
from xssab_core.triage.store import FolderStore

APP = ASSETS.parent / "app.py"
SAMPLES = ASSETS / "samples"
NAMES = ("joe_biden_1.jpg", "barack_obama_1.jpg", "barack_obama_2.jpg")
ROWS = "\n".join(
    [
        "probe,reference,label",
        f"{NAMES[0]},{NAMES[1]},0",
        f"{NAMES[1]},{NAMES[2]},1",
        f"{NAMES[0]},{NAMES[2]},1",
        f"gone.jpg,{NAMES[0]},1",
    ]
)


def photographs_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in NAMES:
            archive.write(SAMPLES / name, f"photos/{name}")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def made(sface: FaceModel, tmp_path_factory) -> Path:
    """The triages of one list at two thresholds."""
    folder: Path = tmp_path_factory.mktemp("triages")
    pairs = read_list(ROWS.encode(), "pairs.csv", Folder(SAMPLES), SAMPLES)
    triage(pairs, Settings(threshold=0.3), FolderStore(folder / "first"), sface)
    triage(pairs, Settings(threshold=0.9, method="none"), FolderStore(folder / "second"), sface)
    return folder


@pytest.fixture
def shared(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with these two, named in `XSSAB_TRIAGE`."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    monkeypatch.setenv("XSSAB_TRIAGE", str(tmp_path))
    return tmp_path


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page(page)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    texts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning]
    return "\n".join(text.value.replace("\\", "").replace("\u00a0", " ") for text in texts)


@pytest.mark.slow
def test_a_shared_triage_shows_rows_problems_cohorts_and_the_other_model(shared: Path) -> None:
    app = opened("pages/triage.py")
    assert not app.exception
    assert "4 rows: 3 scored, 1 without a score." in said(app)
    assert "Of 3 scored with a label, 1 are decided wrongly." in said(app)
    frames = [frame.value for frame in app.dataframe]
    assert frames[0]["reason"].tolist() == ["Probe: 'gone.jpg' is not a file."]
    assert frames[1]["row"].tolist()[0] == 4
    assert "What the pairs of one outcome have in common" in [each.value for each in app.header]
    app.button_group(key="outcome").set_value(["correct match"]).run()
    assert app.dataframe[1].value["outcome"].tolist() == ["correct match"]
    app.selectbox(key="against").select("second").run()
    assert "they decide 1 differently" in said(app)
    assert not app.exception


@pytest.mark.slow
def test_a_row_opens_in_inspect_with_its_own_photographs(shared: Path) -> None:
    app = opened("pages/inspect.py", source="Triage", folder="first", row="3", threshold_sface="0.3000")
    assert not app.exception
    assert not app.error
    assert float(app.metric[1].value) == pytest.approx(0.3)
    (shared / "first" / "summary.json").write_text(
        (shared / "first" / "summary.json").read_text().replace(str(SAMPLES), str(shared))
    )
    for number, name in enumerate(NAMES[1:]):
        (shared / name).write_bytes((SAMPLES / NAMES[number]).read_bytes())
    assert "has changed since it was triaged" in said(
        opened("pages/inspect.py", source="Triage", folder="first", row="3")
    )
    assert "no scored row" in said(opened("pages/inspect.py", source="Triage", folder="first", row="5"))


@pytest.mark.parametrize("name", ["../first", "/etc", "", *TEXTS[:3]])
def test_a_folder_that_was_not_shared_cannot_be_named(shared: Path, name: str) -> None:
    found = opened("pages/inspect.py", source="Triage", folder=name, row="3")
    assert "There is no triage" in said(found)
    assert not found.exception


def test_only_finished_triages_in_the_named_folders_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b/inner", "c"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("a", "b/inner"):
        (tmp_path / name / "summary.json").write_text("{}")
    monkeypatch.setenv("XSSAB_TRIAGE", os.pathsep.join([str(tmp_path), str(tmp_path / "gone")]))
    assert list(shared_folders()) == ["a"]
    monkeypatch.setenv("XSSAB_TRIAGE", str(tmp_path / "b"))
    assert list(shared_folders()) == ["inner"]
    monkeypatch.delenv("XSSAB_TRIAGE")
    assert shared_folders() == {}


@pytest.mark.slow
def test_an_upload_is_triaged_beside_the_page_and_is_this_browsers_alone(
    sface: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XSSAB_TRIAGE", raising=False)
    app = opened("pages/triage.py")
    app.file_uploader(key="list_file").set_value(("pairs.csv", ROWS.encode(), "text/csv"))
    app.file_uploader(key="photos_file").set_value(("photos.zip", photographs_zip(), "application/zip"))
    app.run()
    app.button(key="start_triage").click().run()
    until = time.monotonic() + 120
    while "scored" not in said(app):
        assert time.monotonic() < until, said(app)
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert "4 rows: 3 scored, 1 without a score." in said(app)
    assert "'gone.jpg' is not in the ZIP file." in app.dataframe[0].value["reason"][0]
    ticket = app.query_params["run"][0]
    assert uploads().get("another browser", ticket) is None
    stranger = opened("pages/triage.py", run=ticket)
    assert "no longer kept here" in said(stranger)
    assert not re.search("scored", said(stranger))


@pytest.mark.parametrize(
    ("listed", "photos", "told"),
    [
        (b"a,b\n1,2\n", None, "no column 'probe'"),
        (ROWS.encode(), b"This is no ZIP.", "not a ZIP file"),
        (b"probe,reference\n" + b"a,b\n" * 2_001, None, "more than the 2,000 that the page takes"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_a_sentence(
    sface: FaceModel, monkeypatch: pytest.MonkeyPatch, listed: bytes, photos: bytes | None, told: str
) -> None:
    monkeypatch.delenv("XSSAB_TRIAGE", raising=False)
    app = opened("pages/triage.py")
    app.file_uploader(key="list_file").set_value(("pairs.csv", listed, "text/csv"))
    app.file_uploader(key="photos_file").set_value(("photos.zip", photos or photographs_zip(), "application/zip"))
    app.run()
    assert told in said(app)
    assert not app.exception


def test_a_second_file_whose_run_had_not_heard_of_the_first_loses_nothing(
    sface: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XSSAB_TRIAGE", raising=False)
    app = opened("pages/triage.py")
    app.file_uploader(key="list_file").set_value(("pairs.csv", ROWS.encode(), "text/csv")).run()
    ticket = app.query_params["list"]
    del app.query_params["list"]
    app.file_uploader(key="photos_file").set_value(("photos.zip", photographs_zip(), "application/zip")).run()
    assert not app.exception
    assert app.query_params["list"] == ticket
    assert app.button(key="start_triage")
    # What was removed does not come back.
    app.file_uploader(key="list_file").set_value([]).run()
    assert "list" not in app.query_params
