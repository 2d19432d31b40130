"""The figures: what is measured of a face in a photograph, each a number with a plain meaning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np

from xssab_core.faces import ARCFACE, AlignedFace
from xssab_core.faces.align import share_outside
from xssab_core.faces.quality import eye_distance, roll
from xssab_core.findings.regions import NAMES, regions_of
from xssab_core.quality.compression import jpeg_quality
from xssab_core.quality.pose import yaw_and_pitch

Worse = Literal["low", "high", "both", "neither"]


@dataclass(frozen=True)
class Kind:
    """A figure.

    Attributes:
        title, unit: as they are said.
        digits: shown after the point.
        worse: the end, or ends, of its range at which a face is hard to compare, if that follows from LFW's faces.
        meaning: a sentence.
    """

    title: str
    unit: str
    digits: int
    worse: Worse
    meaning: str


KINDS: dict[str, Kind] = {
    "eye_distance": Kind("Eye distance", "pixels", 0, "low", "Between the eyes, in pixels of the photograph."),
    "enlarged": Kind(
        "Enlarged by",
        "times",
        1,
        "high",
        "How many times smaller the face could be stored and still show as much: it was enlarged, or is not sharp.",
    ),
    "fine_eye_distance": Kind(
        "Eye distance that holds detail", "pixels", 0, "low", "Eye distance divided by that enlargement."
    ),
    "sharpness": Kind(
        "Sharpness",
        "grey levels",
        1,
        "low",
        "Standard deviation of the Laplacian of the luminance of the aligned face.",
    ),
    "brightness": Kind("Brightness", "%", 0, "both", "Mean luminance of the face."),
    "clipped": Kind(
        "Clipped", "%", 1, "high", "Share of the face that is black or white, within 5 of 255 grey levels."
    ),
    "contrast": Kind("Contrast", "%", 0, "low", "Standard deviation of the luminance of the face."),
    "colour": Kind("Colour", "%", 1, "low", "Mean difference of the largest and smallest of red, green and blue."),
    "yaw": Kind("Yaw", "degrees", 0, "both", "Estimated; positive where the face looks to the right of the picture."),
    "pitch": Kind("Pitch", "degrees", 0, "both", "Estimated; positive where the face looks up."),
    "roll": Kind(
        "Roll", "degrees", 0, "neither", "Of the line of the eyes, positive clockwise; alignment turns it back."
    ),
    "jpeg_quality": Kind("JPEG quality", "of 100", 0, "neither", "With which the file was saved last, estimated."),
    "outside": Kind(
        "Outside the photograph", "%", 1, "high", "Share of the crop that no pixel of the photograph fills."
    ),
}

_CLIPPED = 5
# The square around the landmarks whose detail is looked at has this many eye distances to each side, and at most so
# many pixels: its middle says enough.
_AROUND, _MOST_PIXELS = 1.25, 1024
# Detail beyond a frequency is none if it makes up less than this share of the deviation.
_UNSEEN = 0.03
_MOST_ENLARGED = 16.0


def measure(face: AlignedFace) -> dict[str, float]:
    """The figures of a face by their names in `KINDS`; those that the photograph does not have are absent."""
    eyes, enlarged = eye_distance(face.landmarks), enlargement(face)
    yaw, pitch = yaw_and_pitch(face.landmarks)
    found = {
        "eye_distance": eyes,
        "enlarged": enlarged,
        "fine_eye_distance": eyes / enlarged,
        **_of_pixels(face.crop),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll(face.landmarks),
        "outside": 100 * share_outside(face.landmarks, face.photo.size),
    }
    quality = jpeg_quality(face.photo.data)
    return found if quality is None else found | {"jpeg_quality": float(quality)}


def _of_pixels(crop: np.ndarray) -> dict[str, float]:
    """What the face in a uint8 (112, 112, 3) crop shows, without what lies around it."""
    shown, grey = _face_mask(), _luminance(crop)
    face, colours = grey[shown], crop[shown].astype(np.float64)
    clipped = (face <= _CLIPPED) | (face >= 255 - _CLIPPED)
    return {
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_64F)[shown].std()),
        "brightness": 100 * float(face.mean()) / 255,
        "clipped": 100 * float(clipped.mean()),
        "contrast": 100 * float(face.std()) / 255,
        "colour": 100 * float(np.ptp(colours, axis=1).mean()) / 255,
    }


@cache
def _face_mask() -> np.ndarray:
    return np.asarray(regions_of(ARCFACE).labels != NAMES.index("outside the face"))


def _luminance(pixels: np.ndarray) -> np.ndarray:
    """float64 (H, W), 0..255 (ITU-R BT.601)."""
    return np.asarray(pixels.astype(np.float64) @ (0.299, 0.587, 0.114))


def enlargement(face: AlignedFace) -> float:
    """1..16: the finest detail around the landmarks, in units of the finest that the pixels could hold.

    It is the lowest frequency, as a share of Nyquist's and along either side, beyond which the luminance has less than
    3 % of its deviation, turned upside down. Photographs that were enlarged, or are not sharp, have more than others.
    """
    grey = _around(face)
    if grey is None:
        return 1.0
    window = np.outer(*(np.hanning(side) for side in grey.shape))
    spectrum = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    spectrum[0, 0] = 0.0  # the mean, which is no detail
    down, across = (2 * np.abs(np.fft.fftfreq(side)) for side in grey.shape)
    frequencies = np.maximum(down[:, None], across[None]).ravel()
    order = np.argsort(frequencies)
    beyond = spectrum.ravel()[order][::-1].cumsum()[::-1]
    seen = frequencies[order][beyond > _UNSEEN**2 * beyond[0]]
    return float(1 / seen[-1].clip(1 / _MOST_ENLARGED, 1)) if len(seen) else _MOST_ENLARGED


def _around(face: AlignedFace) -> np.ndarray | None:
    """The luminance of the square around the landmarks that lies in the photograph; None where hardly any does."""
    half = min(_AROUND * eye_distance(face.landmarks), _MOST_PIXELS / 2)
    low, high = (face.landmarks.mean(0) + sign * half for sign in (-1, 1))
    width, height = face.photo.size
    left, top = (max(0, int(value)) for value in low)
    right, bottom = min(width, int(high[0]) + 1), min(height, int(high[1]) + 1)
    if min(right - left, bottom - top) < 8:
        return None
    return _luminance(face.photo.pixels[top:bottom, left:right])
