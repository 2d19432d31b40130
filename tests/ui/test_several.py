"""Several uploaded photographs of a side: which maps are of, what is removed, and who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.e2e.small_model import add_small_model
from ui.jobs import jobs
from ui.state import uploads
from xssab_core import paths
from xssab_core.casefile.archive import read_archive
from xssab_core.faces import align_face, open_photo
from xssab_core.findings.several import compare_several
from xssab_core.models import TorchFaceModel
from xssab_core.models.adding import Description
from xssab_core.paths import ASSETS

SAMPLES = ASSETS / "samples"
NAMES = ("barack_obama_1", "barack_obama_2", "barack_obama_3", "joe_biden_1")
HEADER = "All photographs of each side"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_goes_on() -> Iterator[None]:
    """What a page began beside itself ends with the test."""
    yield
    for job in (left := list(jobs()._jobs.values())):
        job.is_stopping = True
    wait([job.outcome for job in left], 60)


def _open(several: bool = False, **query: str) -> AppTest:
    app = AppTest.from_file(str(ASSETS.parent / "app.py"), default_timeout=240).switch_page("pages/inspect.py")
    app.session_state["_browser"] = "me"
    app.session_state["probe_several"] = several
    for key, value in {"source": "Upload", **query}.items():
        app.query_params[key] = value
    return app.run()


def _file(name: str) -> tuple[str, bytes, str]:
    return f"{name}.jpg", (SAMPLES / f"{name}.jpg").read_bytes(), "image/jpeg"


def _tickets(app: AppTest) -> list[str]:
    return str(app.query_params["probe"]).split(",")


def _score(app: AppTest, label: str) -> float:
    return float(next(metric.value for metric in app.metric if metric.label == label))


def _kept(tickets: list[str]) -> list[bool]:
    return [uploads().get("me", ticket) is not None for ticket in tickets]


def test_further_photographs_join_the_first_and_go_when_they_are_taken_away(
    sface: TorchFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    faces = [align_face(open_photo(SAMPLES / f"{name}.jpg")) for name in NAMES]
    expected = compare_several(sface, faces[:3], faces[3:], sface.thresholds[0])
    first = {
        side: uploads().put("me", *_file(name)[:2]) for side, name in (("probe", NAMES[0]), ("reference", NAMES[3]))
    }
    app = _open(several=True, **first)
    assert HEADER not in [header.value for header in app.header]
    # The first one again does not count twice.
    app.file_uploader(key="probe_files_0").set_value([_file(name) for name in NAMES[:3]]).run()
    tickets = _tickets(app)
    assert _kept(tickets) == [True] * 3
    assert _score(app, "Score of the means") == round(expected.score, 4)
    table = next(frame.value for frame in app.dataframe if "means without it" in frame.value)
    assert list(table["photograph"]) == [f"{name}.jpg" for name in NAMES]

    app.button(key=f"probe_remove_{tickets[0]}").click().run()
    assert _kept(tickets) == [False, True, True]
    assert _tickets(app) == tickets[1:]
    app.toggle(key="probe_several").set_value(False).run()
    assert _kept(tickets) == [False, True, False]
    assert _tickets(app) == [tickets[1]]
    assert _score(app, "Score (cosine)") == pytest.approx(expected.singles[1, 0], abs=1e-4)
    assert HEADER not in [header.value for header in app.header]
    assert not app.exception


def test_a_case_file_has_them_and_is_forgotten_with_each_of_them(
    sface: TorchFaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "sface").symlink_to(paths.home() / "models" / "sface")
    monkeypatch.setenv("XSSAB_HOME", str(tmp_path))
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    add_small_model("quick", Description("Quick"), "these tests", tmp_path)
    tickets = {name: uploads().put("me", *_file(name)[:2]) for name in NAMES}
    probe, reference = (",".join(tickets[name] for name in names) for names in (NAMES[:2], NAMES[2:]))
    app = _open(probe=probe, reference=reference, model="Quick")
    app.button(key="start_case").click().run()
    # The latest, since other tests may have left one.
    filing = [job for job in jobs()._jobs.values() if isinstance(job.key, tuple) and job.key[0] == "case"][-1]
    case = read_archive(filing.outcome.result(120)).case
    files = {role: photograph.file.removesuffix(".jpg") for role, photograph in case.photographs.items()}
    assert files == dict(zip(("probe", "probe-2", "reference", "reference-2"), NAMES, strict=True))
    assert case.measured.several is not None
    assert case.measured.several["score"] == pytest.approx(_score(app, "Score of the means"), abs=1e-4)
    app.button(key=f"reference_remove_{tickets[NAMES[3]]}").click().run()
    assert filing not in jobs()._jobs.values()
    assert not app.exception


def test_an_address_brings_them_back_to_their_browser_alone(
    sface: TorchFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    mine, others = ({name: uploads().put(owner, *_file(name)[:2]) for name in NAMES} for owner in ("me", "another"))
    for kept, number in ((mine, "2"), (others, "2"), (dict.fromkeys(NAMES, ",,"), "9")):
        probe = ",".join(kept[name] for name in NAMES[:3])
        app = _open(probe=probe, reference=kept[NAMES[3]], probe_photo=number)
        assert not app.exception
        assert any("is no longer kept here" in warning.value for warning in app.warning) == (kept is others)
        assert bool(app.metric) == (kept is mine)
        if kept is mine:  # the address says which one maps are of
            shown = sface.embed(np.stack([align_face(open_photo(SAMPLES / f"{NAMES[n]}.jpg")).crop for n in (1, 3)]))
            assert _score(app, "Score (cosine)") == pytest.approx(float(shown[0] @ shown[1]), abs=1e-4)
