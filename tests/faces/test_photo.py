"""Decode: every kind of file a user may bring becomes upright RGB or a sentence on what to do."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from xssab_core.errors import PhotoError
from xssab_core.faces import open_photo
from xssab_core.faces.photo import MAX_PIXELS


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return Image.fromarray(values)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_files_give_their_own_pixels(picture: Image.Image, kind: str) -> None:
    data = encoded(picture, kind)
    photo = open_photo(data)
    np.testing.assert_array_equal(photo.pixels, np.asarray(picture))
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert photo.size == (80, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_remembered(picture: Image.Image, orientation: int) -> None:
    turns = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: np.rot90,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_photo(encoded(picture, exif=exif))
    assert photo.exif_orientation == orientation
    np.testing.assert_array_equal(photo.pixels, turns[orientation](np.asarray(picture)))


def test_sixteen_bit_greyscale_keeps_its_brightness() -> None:
    values = (np.arange(64 * 64, dtype=np.uint32).reshape(64, 64) * 16).astype(np.uint16)
    photo = open_photo(encoded(Image.fromarray(values)))
    np.testing.assert_array_equal(photo.pixels[:, :, 0], np.round(values / 257).astype(np.uint8))
    assert "16" in photo.notes[0]


def test_transparent_areas_become_white_and_are_noted(picture: Image.Image) -> None:
    layered = picture.convert("RGBA")
    layered.putalpha(Image.fromarray(np.where(np.arange(80) < 40, 0, 255).astype(np.uint8)[None].repeat(60, 0)))
    photo = open_photo(encoded(layered))
    assert (photo.pixels[:, :40] == 255).all()
    np.testing.assert_array_equal(photo.pixels[:, 40:], np.asarray(picture)[:, 40:])
    assert photo.notes == ("Transparent areas were filled with white.",)


def test_cmyk_is_converted_and_noted(picture: Image.Image) -> None:
    photo = open_photo(encoded(picture.convert("CMYK"), "JPEG"))
    assert photo.pixels.shape == (60, 80, 3)
    assert "CMYK" in photo.notes[0]


def test_greyscale_and_palette_files_become_rgb(picture: Image.Image) -> None:
    grey = open_photo(encoded(picture.convert("L")))
    np.testing.assert_array_equal(grey.pixels[:, :, 0], np.asarray(picture.convert("L")))
    assert open_photo(encoded(picture.convert("P"))).pixels.shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"", "cannot|not an image"),
        (b"%PDF-1.7 not a picture", "JPEG, PNG"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 100, "fresh copy|not an image"),
    ],
)
def test_rubbish_is_refused_with_advice(data: bytes, advice: str) -> None:
    with pytest.raises(PhotoError, match=advice):
        open_photo(data)


def test_a_file_cut_short_is_refused(sample_path) -> None:
    with pytest.raises(PhotoError, match="fresh copy"):
        open_photo(sample_path.read_bytes()[:8000])


def test_an_animation_is_refused_with_advice(picture: Image.Image) -> None:
    data = encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)])
    with pytest.raises(PhotoError, match=r"2 frames.*PNG"):
        open_photo(data)


def test_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    data = encoded(Image.new("1", (MAX_PIXELS // 1000 + 1, 1000)))
    assert len(data) < 100_000
    with pytest.raises(PhotoError, match="megapixels"):
        open_photo(data)


def test_a_tiny_picture_is_refused() -> None:
    with pytest.raises(PhotoError, match="too small"):
        open_photo(encoded(Image.new("RGB", (20, 200))))


def test_a_missing_path_is_a_sentence(tmp_path) -> None:
    with pytest.raises(PhotoError, match="Check the path"):
        open_photo(tmp_path / "nobody.jpg")


def test_pixels_cannot_be_changed_by_accident(picture: Image.Image) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_photo(encoded(picture)).pixels[0, 0] = 0
