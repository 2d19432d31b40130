"""One real case file for all tests of the room: a photograph with EXIF and a place, hostile names and notes."""

import io
import zipfile

import pytest
from PIL import Image

from tests.hostile import TEXTS
from xssab_core.casefile.filing import case_file
from xssab_core.casefile.format import COMPONENTS, locked
from xssab_core.engine import Engine
from xssab_core.faces import Pair, align_face, open_photo
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
def case_pair() -> Pair:
    probe = open_photo(photograph_with_a_place(), NAME)
    return Pair(align_face(probe), align_face(open_photo(SAMPLES / "barack_obama_2.jpg")))


@pytest.fixture(scope="session")
def case(sface, case_pair) -> bytes:
    """The ZIP of a match whose decision pixels can turn, with its originals."""
    said = {name: f"{name}: <i>alike</i>" for name in COMPONENTS}
    blind = locked(said, [face.photo.sha256 for face in case_pair], "2026-01-02T03:04:05+00:00")
    methods = ("xssab", "layered")
    return case_file(Engine("cpu"), sface, case_pair, methods, "eer", originals=True, notes=NOTES, blind=blind)


def members_of(archive: bytes) -> dict[str, bytes]:
    """The members of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(members: dict[str, bytes]) -> bytes:
    """A ZIP of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()
