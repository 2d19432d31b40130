"""Detect and align: the five landmarks land where the template says."""

import numpy as np
import pytest

from xssab_core.errors import FaceError
from xssab_core.faces import ARCFACE, Photo, align_face, best_turn, detect_faces, turned
from xssab_core.faces.align import share_outside, similarity_transform, warp

TEMPLATE = np.array(ARCFACE.points)


def photo_of(pixels: np.ndarray) -> Photo:
    return Photo("test", np.ascontiguousarray(pixels, dtype=np.uint8), "0" * 64, "PNG")


def test_a_known_similarity_is_recovered_exactly() -> None:
    angle, scale, shift = 0.4, 1.7, np.array([12.0, -5.0])
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    source = (TEMPLATE - shift) @ np.linalg.inv(rotation).T
    matrix = similarity_transform(source, TEMPLATE)
    np.testing.assert_allclose(matrix, np.column_stack([rotation, shift]), atol=1e-10)


def test_the_transform_equals_umeyamas_closed_form_on_noisy_points() -> None:
    source = TEMPLATE * 1.3 + np.random.default_rng(1).normal(0, 4, (5, 2))
    a, b = source - source.mean(0), TEMPLATE - TEMPLATE.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / 5)
    sign = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / a.var(0).sum()
    shift = TEMPLATE.mean(0) - scale * rotation @ source.mean(0)
    expected = np.column_stack([scale * rotation, shift])
    np.testing.assert_allclose(similarity_transform(source, TEMPLATE), expected, atol=1e-10)


def test_landmarks_on_the_template_give_the_picture_itself() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align_face(photo_of(pixels), TEMPLATE).crop, pixels)


def test_a_place_on_the_crop_is_found_on_the_photograph(samples) -> None:
    scale, shift = 1.6, np.array([150.25, 40.5])
    rotation = scale * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    landmarks = (TEMPLATE + 0.5) @ rotation.T + shift - 0.5
    face = align_face(photo_of(samples["joe_biden_1"].photo.pixels), landmarks)
    to_photo = face.crop_to_photo(ARCFACE)
    np.testing.assert_allclose(to_photo, np.column_stack([rotation, shift]), atol=1e-9)
    # The photograph there has the colour of the crop, interpolated between the middles of its pixels.
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(112) + 0.5, np.arange(112) + 0.5))
    there = to_photo @ np.stack([x, y, np.ones_like(x)]) - 0.5
    (left, top), (right, down) = np.floor(there).astype(int), there % 1
    pixels = face.photo.pixels.astype(np.float64)
    above = pixels[top, left] * (1 - right)[:, None] + pixels[top, left + 1] * right[:, None]
    below = pixels[top + 1, left] * (1 - right)[:, None] + pixels[top + 1, left + 1] * right[:, None]
    expected = above * (1 - down)[:, None] + below * down[:, None]
    assert np.abs(face.crop.reshape(-1, 3) - expected).mean() < 0.6  # OpenCV rounds places to 1/32 of a pixel


@pytest.mark.parametrize("factor", [2, 5])
def test_a_large_face_is_averaged_down_not_sampled(factor: int) -> None:
    small = np.random.default_rng(3).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    large = small.repeat(factor, 0).repeat(factor, 1).astype(np.int64)
    noise = np.random.default_rng(4).integers(-20, 21, (112, factor, 112, factor, 3))
    noise -= noise.mean((1, 3), keepdims=True).round().astype(np.int64)
    noisy = np.clip(large + noise.reshape(large.shape), 0, 255)
    landmarks = (TEMPLATE + 0.5) * factor - 0.5
    crop = warp(noisy.astype(np.uint8), landmarks, ARCFACE)
    assert np.abs(crop.astype(int) - small).mean() < 4.0


def test_detection_is_in_pixels_of_the_photograph_whatever_its_size(samples) -> None:
    face = samples["joe_biden_1"]
    doubled = photo_of(face.photo.pixels.repeat(4, 0).repeat(4, 1))
    found = detect_faces(doubled)
    assert len(found) == 1
    eyes = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
    assert np.abs(found[0].landmarks / 4 - face.landmarks).max() < 0.05 * eyes


def test_faces_come_largest_first(samples) -> None:
    left, right = samples["joe_biden_1"].photo.pixels, samples["barack_obama_1"].photo.pixels
    canvas = np.full((700, 1400, 3), 128, dtype=np.uint8)
    canvas[: right.shape[0] // 2, 700 : 700 + right.shape[1] // 2] = right[: right.shape[0] // 2 * 2 : 2, ::2]
    canvas[: left.shape[0], : left.shape[1]] = left
    found = detect_faces(photo_of(canvas))
    assert len(found) == 2
    assert found[0].box[0] < 700 < found[1].box[0]
    assert (found[1].box[2] - found[1].box[0]) < (found[0].box[2] - found[0].box[0])
    second = align_face(photo_of(canvas), face=1, detected=found)
    assert "2 faces" in " ".join(second.warnings)


def test_no_face_is_a_sentence_that_says_what_to_do() -> None:
    with pytest.raises(FaceError, match="by hand"):
        align_face(photo_of(np.full((200, 200, 3), 90)))


def test_landmarks_by_hand_are_used_and_said_to_be_so(samples) -> None:
    detected = samples["eileen_collins_1"]
    by_hand = align_face(detected.photo, detected.landmarks.tolist())
    np.testing.assert_array_equal(by_hand.crop, detected.crop)
    assert by_hand.landmarks_origin == "by hand"
    assert by_hand.confidence is None
    assert any("by hand" in warning for warning in by_hand.warnings)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (TEMPLATE[:4], "five x,y pairs"),
        (np.full((5, 2), np.nan), "five x,y pairs"),
        (TEMPLATE + 500, "far outside"),
        (TEMPLATE - 300, "far outside"),
        (np.full((5, 2), 50.0), "one spot"),
        (TEMPLATE[[1, 0, 2, 4, 3]], "do not form a face"),
        ("eyes", "numbers"),
    ],
)
def test_unusable_landmarks_are_refused(landmarks, message: str) -> None:
    with pytest.raises(FaceError, match=message):
        align_face(photo_of(np.zeros((112, 112, 3))), landmarks)


def test_a_small_face_warns(samples) -> None:
    pixels = samples["joe_biden_1"].photo.pixels
    small = photo_of(pixels[: len(pixels) // 4 * 4 : 4, ::4])
    assert any("Small face" in warning for warning in align_face(small).warnings)


def test_a_crop_said_to_be_aligned_is_taken_as_it_is(samples) -> None:
    crop = samples["joe_biden_1"].crop
    face = align_face(photo_of(crop), aligned=True)
    np.testing.assert_array_equal(face.crop, crop)
    assert face.landmarks_origin == face.record()["landmarks_origin"] == "already aligned"
    assert not face.looks_aligned
    with pytest.raises(FaceError, match="is square"):
        align_face(photo_of(crop[:100]), aligned=True)


def test_a_larger_aligned_crop_is_the_same_crop(samples) -> None:
    crop = samples["joe_biden_1"].crop
    np.testing.assert_array_equal(align_face(photo_of(crop.repeat(2, 0).repeat(2, 1)), aligned=True).crop, crop)


@pytest.mark.parametrize("name", ["barack_obama_1", "barack_obama_3", "eileen_collins_1", "joe_biden_1"])
def test_an_aligned_crop_is_recognised_and_its_landmarks_are_close(samples, name: str) -> None:
    face = samples[name]
    matrix = similarity_transform(face.landmarks, TEMPLATE)
    truth = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    found = align_face(photo_of(face.crop))
    assert np.sqrt(((found.landmarks - truth) ** 2).sum(1).mean()) < 5.0
    assert found.looks_aligned
    assert "already aligned" in found.warnings[0]
    assert not face.looks_aligned


def test_ordinary_photographs_are_neither_aligned_nor_turned_nor_cut(samples) -> None:
    for face in samples.values():
        assert (face.warnings, face.looks_aligned, face.better_turn) == ((), False, 0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_turn_that_shows_the_face_is_offered(samples, degrees: int) -> None:
    photo = samples["barack_obama_1"].photo
    wrong = turned(photo, degrees)
    assert best_turn(wrong) == 360 - degrees
    face = align_face(wrong)
    assert face.better_turn == 360 - degrees
    assert f"clockwise by {360 - degrees} degrees" in " ".join(face.warnings)
    assert align_face(turned(wrong, face.better_turn)).better_turn == 0


def test_a_face_found_only_in_another_turn_is_refused_with_that_turn(samples) -> None:
    with pytest.raises(FaceError, match="clockwise by 180 degrees") as refusal:
        align_face(turned(samples["barack_obama_1"].photo, 180), detected=())
    assert refusal.value.cure is not None
    assert (refusal.value.cure.kind, refusal.value.cure.subject) == ("turn", "180")


def test_the_share_outside_is_that_of_the_crop() -> None:
    assert share_outside(TEMPLATE, (112, 112)) == 0.0
    assert share_outside(TEMPLATE - (56, 0), (112, 112)) == pytest.approx(0.5)
    assert share_outside(TEMPLATE[:, ::-1] - (0, 28), (112, 112)) > 0.2


def test_landmarks_outside_and_rolled_are_used_with_warnings() -> None:
    cut = align_face(photo_of(np.zeros((112, 112, 3))), TEMPLATE - (56, 0))
    assert any("50\u00a0% of the crop lies outside" in warning for warning in cut.warnings)
    rolled = align_face(photo_of(np.zeros((112, 112, 3))), np.stack([111 - TEMPLATE[:, 1], TEMPLATE[:, 0]], 1))
    assert any("turned 90 degrees from level" in warning for warning in rolled.warnings)
