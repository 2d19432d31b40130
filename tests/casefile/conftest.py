"""One real case file for all tests of the room: a photograph with EXIF and a place, hostile names and notes."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.findings.tiny import tiny_face_model
from tests.hostile import TEXTS
from xssab_core.casefile.filing import case_file
from xssab_core.casefile.format import COMPONENTS, locked
from xssab_core.cli import main
from xssab_core.engine import Engine
from xssab_core.faces import Pair
from xssab_core.patch_lfw.change import Change
from xssab_core.patch_lfw.generator import PatchedFace
from xssab_core.paths import ASSETS

SAMPLES = ASSETS / "samples"
NAME = "<img src=x onerror=alert(1)>\u202egpj.exe \u6f22 \u0416.jpg"
SCRIPT = "<script>document.title = 'broken'</script>"
NOTES = "\n".join([SCRIPT, *TEXTS, "{{ 7 * 7 }} {% raw %}", "\u0434\u0430, \u6f22"])


def photograph_with_a_place() -> bytes:
    """A sample with EXIF: a camera, an orientation, and where it was taken."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Kamera <b>&amp;</b> GmbH", 1
    exif.get_ifd(0x8769)[0x9003] = "2020:02:29 12:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 59.0), 3: "E", 4: (16.0, 22.0, 31.0)})
    buffer = io.BytesIO()
    Image.open(SAMPLES / "barack_obama_1.jpg").save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def case(sface, tmp_path_factory) -> bytes:
    """The ZIP that `xssab report` writes of a match whose decision pixels can turn, with two photographs a side and its
    originals; made once, also where several processes run tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared-case"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "case.zip").exists():
            _file_case(folder)
        return (folder / "case.zip").read_bytes()


def _file_case(folder: Path) -> None:
    (folder / NAME).write_bytes(photograph_with_a_place())
    (folder / "notes.txt").write_bytes(NOTES.encode())
    one, two, three = (str(SAMPLES / f"barack_obama_{number}.jpg") for number in (1, 2, 3))
    photographs = [str(folder / NAME), two, "--probe-also", three, "--reference-also", one, "--originals"]
    methods = ["--threshold", "eer", "--method", "xssab", "--method", "layered"]
    written = ["--notes", str(folder / "notes.txt"), "--output", str(folder)]
    assert main(["report", *photographs, *methods, *written]) == 0


@pytest.fixture(scope="session")
def patched_pair(samples) -> Pair:
    probe, reference = samples["joe_biden_1"], samples["barack_obama_2"]
    positions = np.array([[3, 9], [50, 40], [96, 90]])
    change = Change(1.5, 1.01, (0.5, -0.5), 1.1, -3.0, 0.4)
    return Pair(PatchedFace.of(probe, samples["eileen_collins_1"], positions, change=change), reference)


@pytest.fixture(scope="session")
def patched_case(patched_pair) -> bytes:
    """The ZIP of a patched pair on a tiny model without calibration, with notes that were made blind."""
    said = {name: f"{name}: <i>alike</i>" for name in COMPONENTS}
    blind = locked(said, [face.photo.sha256 for face in patched_pair], "2026-01-02T03:04:05+00:00")
    model = tiny_face_model()
    return case_file(Engine("cpu"), model, patched_pair, ("xssab",), 0.1, originals=True, blind=blind)


def members_of(archive: bytes) -> dict[str, bytes]:
    """The members of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
