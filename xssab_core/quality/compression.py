"""Compression: the quality with which a JPEG was saved last, read from its quantisation table."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# Of luminance at quality 50, in rows (ITU-T T.81, table K.1).
_BASE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()


def jpeg_quality(data: bytes) -> int | None:
    """1..100 on the scale of libjpeg: that whose table of luminance is nearest to the file's; None for other formats.

    It tells of the last time the file was saved, and of encoders with tables of their own only about.

    Args:
        data: the bytes of a photograph that was opened before.
    """
    try:
        tables = getattr(Image.open(io.BytesIO(data)), "quantization", None)
    except Exception:  # as many kinds as there are damages; without metadata it may have been read all the same
        return None
    found = np.array(tables[0]) if tables and len(tables.get(0, ())) == 64 else None
    if found is None:
        return None
    return min(range(1, 101), key=lambda quality: int(np.abs(_table(quality) - found).sum()))


def _table(quality: int) -> np.ndarray:
    """int64 (64,): libjpeg's table of luminance at a quality (its jcparam.c)."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((_BASE * scale + 50) // 100, 1, 255))
