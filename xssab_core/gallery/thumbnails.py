"""Thumbnails: the probe of a pair as the model saw it, encoded once, and the outline of its patches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from xssab_core.data.crops import encode_png
from xssab_core.data.lfw import LfwPair
from xssab_core.files import keep_if_possible
from xssab_core.gallery.scores import PairScores


def patched_png(scores: PairScores, pair: LfwPair) -> bytes | None:
    """The patched probe as a lossless PNG of the size of the crop, kept on disk by what decides its pixels; None
    where an image shows no face.

    Raises:
        PhotoError: an image is damaged.
        DataError: there is no stranger to take the patches from.
    """
    key = scores.key(pair, fresh=True)
    made_from = json.dumps([scores.settings, asdict(key) if key else None], sort_keys=True)
    name = hashlib.sha256(made_from.encode()).hexdigest()
    kept = scores.folder / "thumbnails" / name[:2] / f"{name}.png"
    if key is not None and kept.exists():
        return kept.read_bytes()
    patched = scores.generator.build(pair)
    if patched is None:
        return None
    encoded = encode_png(patched.patched)
    if key is not None:
        keep_if_possible(kept, encoded)
    return encoded


def outline(mask: np.ndarray) -> str:
    """The border of the True pixels of a bool (S, S) mask as an SVG path, in pixels from the top left corner."""
    padded = np.pad(mask, 1)
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]
    down = padded[1:-1, 1:] != padded[1:-1, :-1]
    lines = [f"M{start} {y}H{stop}" for y, start, stop in _runs(across)]
    return "".join(lines + [f"M{x} {start}V{stop}" for x, start, stop in _runs(down.T)])


def _runs(edges: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Line, start and stop of each unbroken run of True along the lines of a bool (n, S) array."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return ((int(line), int(start), int(stop)) for (line, start), (_, stop) in zip(starts, stops, strict=True))
