"""Decode: every kind of file a user may bring becomes upright RGB or a sentence on what to do."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from xssab_core.errors import PhotoError
from xssab_core.faces import open_photo, turned
from xssab_core.faces.photo import MAX_PIXELS, SUFFIXES


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


GREY = np.arange(64 * 64, dtype=np.float64).reshape(64, 64) % 256


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((GREY / 255).astype(np.float32), "fractions of 0 to 1"),
        (GREY.astype(np.float32), "8 bits"),
        (GREY.astype(np.int32), "8 bits"),
        (np.round(GREY / 255 * 4095).astype(np.uint16), "12 bits"),
        (np.round(GREY / 255 * 65535).astype(np.int32), "16 bits"),
    ],
)
def test_grey_values_of_any_range_give_the_same_picture_and_a_note(values: np.ndarray, found: str) -> None:
    photo = open_photo(encoded(Image.fromarray(values), "TIFF"))
    assert np.abs(photo.pixels[:, :, 1] - GREY).max() <= 1
    assert f"read as {found}" in photo.notes[0]


@pytest.mark.parametrize("values", [GREY - 300, GREY * 1e6, np.full((64, 64), np.nan)])
def test_a_range_that_no_photograph_has_is_named(values: np.ndarray) -> None:
    with pytest.raises(PhotoError, match=r"holds values from .* to .*8-bit JPEG or PNG"):
        open_photo(encoded(Image.fromarray(values.astype(np.float32)), "TIFF"))


def test_a_colour_profile_is_applied_and_noted(picture: Image.Image) -> None:
    swapped = swapped_channels()
    photo = open_photo(encoded(picture, icc_profile=swapped))
    expected = ImageCms.profileToProfile(
        picture, ImageCms.ImageCmsProfile(io.BytesIO(swapped)), ImageCms.createProfile("sRGB")
    )
    np.testing.assert_array_equal(photo.pixels, np.asarray(expected))
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture)).mean() > 20
    assert photo.notes == ("Converted to sRGB by the colour profile in the file.",)


def profile_of(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def swapped_channels() -> bytes:
    """The profile of sRGB with red and blue exchanged."""
    return profile_of("sRGB").replace(b"rXYZ", b"#XYZ").replace(b"bXYZ", b"rXYZ").replace(b"#XYZ", b"bXYZ")


@pytest.mark.parametrize(
    ("profile", "notes"),
    [
        (profile_of("sRGB"), ()),
        (profile_of("LAB"), ("The colour profile in the file could not be used.",)),
        (b"none", ("The colour profile in the file could not be used.",)),
    ],
)
def test_a_profile_that_is_srgb_or_unfit_changes_no_pixel(
    picture: Image.Image, profile: bytes, notes: tuple[str, ...]
) -> None:
    photo = open_photo(encoded(picture, icc_profile=profile))
    np.testing.assert_array_equal(photo.pixels, np.asarray(picture))
    assert photo.notes == notes


def test_senseless_metadata_leave_pixels_and_orientation_as_they_are(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x011A] = TiffImagePlugin.IFDRational(1, 0)
    photo = open_photo(encoded(picture, exif=exif))
    np.testing.assert_array_equal(photo.pixels, np.rot90(np.asarray(picture), -1))
    assert "Metadata" in photo.notes[0]


def test_a_long_text_is_left_out_and_noted(picture: Image.Image) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("comment", "a" * 2**21, zip=True)
    photo = open_photo(encoded(picture, pnginfo=text))
    np.testing.assert_array_equal(photo.pixels, np.asarray(picture))
    assert "Metadata" in photo.notes[0]


def test_a_turn_is_clockwise_and_adds_up(picture: Image.Image) -> None:
    photo = open_photo(encoded(picture))
    right = turned(photo, 90)
    np.testing.assert_array_equal(right.pixels, np.rot90(photo.pixels, -1))
    back = turned(right, 270)
    np.testing.assert_array_equal(back.pixels, photo.pixels)
    assert (right.turn, back.turn) == (90, 0)
    assert right.key != photo.key == back.key
    with pytest.raises(PhotoError, match="90, 180 or 270"):
        turned(photo, 45)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_every_format_that_is_read_has_its_suffixes_on_the_list(picture: Image.Image, kind: str) -> None:
    Image.init()
    assert open_photo(encoded(picture, kind)).format == kind
    usual = {suffix for suffix, format_name in Image.registered_extensions().items() if format_name == kind}
    assert {suffix.removeprefix(".") for suffix in usual} - {"apng", "dib", "pfm"} <= set(SUFFIXES)
