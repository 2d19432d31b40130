"""Pictures in the app: always lossless, always with alternative text."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from ui.state import engine
from xssab_core.faces import AlignedFace, DetectedFace, Photo
from xssab_core.faces.align import ARCFACE, similarity_transform
from xssab_core.render import enlarge, png

_MARK = (0, 200, 255)


def show_picture(encoded: bytes, alt: str, caption: str | None = None) -> None:
    """Show a PNG file as wide as its column.

    It travels inside the page: `st.image` would put it where whoever has its address gets it, from any browser.
    """
    below = f'<figcaption style="font-size: 0.875rem; opacity: 0.7">{escape(caption)}</figcaption>' if caption else ""
    image = (
        f'<img src="{png_url(encoded)}" alt="{escape(alt)}" style="width: 100%; display: block; border-radius: 4px">'
    )
    st.html(f'<figure style="margin: 0">{image}{below}</figure>')


def data_url(picture: np.ndarray) -> str:
    """A uint8 picture as a PNG data URL."""
    return png_url(png(picture, quick=True))


def png_url(encoded: bytes) -> str:
    """A PNG file as a data URL."""
    return "data:image/png;base64," + base64.b64encode(encoded).decode()


def reduced(pixels: np.ndarray, longest: int = 640) -> tuple[np.ndarray, float]:
    """A uint8 (H, W, 3) picture no longer than that on a side, and the factor it was scaled by."""
    factor = min(1.0, longest / max(pixels.shape[:2]))
    if factor == 1.0:
        return np.array(pixels), 1.0
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)), factor


def view_of(photo: Photo, region: tuple[int, int, int, int], longest: int = 640) -> dict[str, object]:
    """A region (left, top, right, bottom) of a photograph, reduced where it is longer than that, as components take
    it."""
    left, top, right, bottom = region

    def draw() -> np.ndarray:
        return reduced(photo.pixels[top:bottom, left:right], longest)[0]

    picture = png_url(engine().drawn((photo.key, region, longest), draw))
    return {"picture": picture, "x": left, "y": top, "width": right - left, "height": bottom - top}


def photo_with_landmarks(face: AlignedFace) -> bytes:
    """PNG of the photograph with the five landmarks, and the detector's box where there is one."""
    box = None if face.box is None else face.box.tobytes()
    return engine().drawn((face.key, box, "photograph"), lambda: _photo_with_landmarks(face))


def _photo_with_landmarks(face: AlignedFace) -> np.ndarray:
    pixels, factor = reduced(face.photo.pixels)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    line = max(2, max(image.size) // 130)
    if face.box is not None:
        draw.rectangle([float(v) for v in face.box * factor], outline=_MARK, width=line)
    _draw_points(draw, face.landmarks * factor, 2.0 * line)
    return np.asarray(image)


def crop_with_landmarks(face: AlignedFace) -> bytes:
    """PNG of the aligned crop, enlarged pixel by pixel, with the landmarks where alignment put them."""
    return engine().drawn((face.key, "crop"), lambda: _crop_with_landmarks(face))


def _crop_with_landmarks(face: AlignedFace, factor: int = 4) -> np.ndarray:
    matrix = similarity_transform(face.landmarks, np.array(ARCFACE.points))
    points = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    image = Image.fromarray(enlarge(face.crop, factor))
    _draw_points(ImageDraw.Draw(image), (points + 0.5) * factor, 1.5 * factor)
    return np.asarray(image)


def photo_with_faces(photo: Photo) -> bytes:
    """PNG of the photograph with a numbered box around each of its faces, 1 = largest."""
    return engine().drawn((photo.key, "faces"), lambda: _photo_with_faces(photo, engine().faces(photo)))


def _photo_with_faces(photo: Photo, faces: tuple[DetectedFace, ...]) -> np.ndarray:
    pixels, factor = reduced(photo.pixels)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    size = max(14, max(image.size) // 24)
    for number, face in enumerate(faces, start=1):
        x0, y0, x1, y1 = (float(v) for v in face.box * factor)
        draw.rectangle((x0, y0, x1, y1), outline=_MARK, width=max(2, size // 8))
        draw.rectangle((x0, y0, x0 + size, y0 + size * 1.2), fill=_MARK)
        draw.text((x0 + size / 2, y0 + size * 0.6), str(number), fill="black", font_size=size, anchor="mm")
    return np.asarray(image)


def _draw_points(draw: ImageDraw.ImageDraw, points: np.ndarray, radius: float) -> None:
    for x, y in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_MARK, outline=(0, 0, 0))
