"""The budget of decoding: cheap files that would cost much are refused by the limit they break, and at once."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from xssab_core.errors import PhotoError
from xssab_core.faces import decoding, open_photo
from xssab_core.faces.decoding import MAX_PARTS, MAX_SCANS, Metered, without_metadata

SECONDS = 2.0


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encoded(kind: str, size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg_of_many_scans() -> bytes:
    """The last scan of a progressive JPEG over and over, in a picture of 7700 pixels a side."""
    data = encoded("JPEG", (7700, 7700), progressive=True, quality=30)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 400 + data[-2:]


def jpeg_of_many_segments() -> bytes:
    data = encoded("JPEG")
    return data[:2] + b"\xff\xfe\x00\x02" * (MAX_PARTS + 1) + data[2:]


def png_of_many_chunks() -> bytes:
    data = encoded("PNG")
    return data[:33] + chunk(b"teSt", b"") * 3_000_000 + data[33:]


def tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    page = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + page + struct.pack("<I", following)


GREY = ((256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))


def tiff_of_many_pages() -> bytes:
    pages, length = 400_000, 2 + 12 * 7 + 4
    body = struct.pack("<H", 7) + b"".join(
        struct.pack("<HHII", *entry) for entry in (*GREY, (273, 4, 1, 8), (279, 4, 1, 4096))
    )
    starts = (8 + length * number for number in range(1, pages + 1))
    ends = (start if number < pages - 1 else 0 for number, start in enumerate(starts))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(body + struct.pack("<I", end) for end in ends)


def tiff_of_many_strips() -> bytes:
    strips = 10_000_000
    return tiff(*GREY, (273, 4, strips, 100), (278, 4, 1, 1)) + b"\x10\0\0\0" * strips


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (jpeg_of_many_scans, f"{MAX_SCANS} scans"),
        (jpeg_of_many_segments, f"{MAX_PARTS:,} segments"),
        (png_of_many_chunks, f"{MAX_PARTS:,} chunks"),
        (tiff_of_many_pages, "2 frames or pages"),
        (tiff_of_many_strips, f"{MAX_PARTS:,} strips or tiles"),
        (lambda: b"II+\0" + encoded("TIFF")[4:], "BigTIFF"),
        (lambda: encoded("PNG", (60_000, 32)), "50 times as long as wide"),
    ],
)
def test_a_file_that_costs_much_is_refused_at_once_with_the_limit_named(make, limit: str) -> None:
    data = make()
    started = time.thread_time()
    with pytest.raises(PhotoError, match=rf"^costly\.x: .*{limit}.*(try again|open that)\.$"):
        open_photo(data, "costly.x")
    assert time.thread_time() - started < SECONDS


def test_reading_ends_once_the_time_is_spent(monkeypatch: pytest.MonkeyPatch, sample_path) -> None:
    monkeypatch.setattr(decoding, "MAX_SECONDS", -1.0)
    with pytest.raises(PhotoError, match="seconds to decode"):
        open_photo(sample_path)
    with pytest.raises(PhotoError, match="seconds to decode"):
        Metered(b"any").read()


def test_too_little_memory_is_not_called_damage(monkeypatch: pytest.MonkeyPatch, sample_path) -> None:
    def fail(image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.Image.Image.load", fail)
    with pytest.raises(PhotoError, match="more memory to decode than there is"):
        open_photo(sample_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_without_its_metadata_has_the_same_pixels(kind: str, sample_path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    with Image.open(sample_path) as picture:
        buffer = io.BytesIO()
        picture.save(buffer, kind, exif=exif, icc_profile=b"profile" * 100, comment="a comment")
    plain = without_metadata(buffer.getvalue())
    assert len(plain) < len(buffer.getvalue())
    assert {"exif", "icc_profile"}.isdisjoint(Image.open(io.BytesIO(plain)).info)
    np.testing.assert_array_equal(open_photo(plain).pixels, np.asarray(Image.open(buffer)))


def test_progressive_photographs_are_within_the_budget(sample_path) -> None:
    with Image.open(sample_path) as picture:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", progressive=True, quality=95)
    assert open_photo(buffer.getvalue()).notes == ()
