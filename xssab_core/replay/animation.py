"""A replay as a moving picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from xssab_core.explain import CAUTION
from xssab_core.metrics import compared, percent
from xssab_core.render import enlarge
from xssab_core.replay import dpr
from xssab_core.replay.case import Replay

FRAMES = 41
_SIDE = 336
_GAP = 12
_CHART = 200
_MILLISECONDS = 160
_PAUSE = 1600
_BACKGROUND, _TEXT, _GRID = "#ffffff", "#1b211a", "#d9dcd8"
_METHOD, _RANDOM, _INVERSE = "#3b7dd8", "#8a8f98", "#e07b00"


def animation(replay: Replay, title: str) -> bytes:
    """Animated WebP, lossless, 41 frames of 2.5 %: the probe beside the reference, and the scores in step.

    Crops are enlarged pixel by pixel. Scores are those measured at the last step before each frame. Every frame ends
    with the caution.

    Args:
        replay: what to show; random orders are drawn where they were computed.
        title: what pair this is.
    """
    size = len(replay.case.start)
    factor = max(1, _SIDE // size)
    counts = dpr.step_counts(size, FRAMES, replay.cells)
    shown = dpr.frames(replay.case.start, replay.case.end, replay.order, counts)
    reference = enlarge(replay.case.reference, factor)
    pictures = [
        _frame(replay, enlarge(probe, factor), reference, number / (FRAMES - 1), title)
        for number, probe in enumerate(shown)
    ]
    durations = [_MILLISECONDS] * FRAMES
    durations[0] = durations[-1] = _PAUSE
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = f"{title}. {CAUTION}"  # ImageDescription
    pictures[0].save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        lossless=True,
        exif=exif,
    )
    return buffer.getvalue()


def _frame(replay: Replay, probe: np.ndarray, reference: np.ndarray, share: float, title: str) -> Image.Image:
    side = len(probe)
    width = 2 * side + 3 * _GAP
    top = _GAP + 44
    picture = Image.new("RGB", (width, top + side + _CHART + 92), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    step = int(share * (len(replay.scores) - 1) + 1e-9)
    score = replay.scores[step]
    decision = "match" if replay.explanation.threshold.is_match(score) else "non-match"
    method = replay.explanation.order_title
    shown = compared(score, replay.explanation.threshold.value).score
    draw.text((_GAP, _GAP), title, fill=_TEXT, font_size=15)
    # Pillow's own typeface has no space that does not break.
    told = f"{method} on {replay.explanation.model.id}: {percent(share, 1)} replaced, score {shown}, {decision}"
    draw.text((_GAP, _GAP + 20), told.replace("\u00a0", " "), fill=_TEXT, font_size=15)
    picture.paste(Image.fromarray(probe), (_GAP, top))
    picture.paste(Image.fromarray(reference), (2 * _GAP + side, top))
    _chart(draw, replay, share, (_GAP + 40, top + side + _GAP, width - _GAP, top + side + _CHART))
    below = top + side + _CHART + 6
    names = [(_METHOD, method), (_INVERSE, "inverse order"), (_TEXT, "threshold")]
    names += [(_RANDOM, "random, mean")] if replay.random is not None else []
    x = float(_GAP + 40)
    for colour, name in names:
        draw.line((x, below + 9, x + 20, below + 9), fill=colour, width=3)
        draw.text((x + 26, below), name, fill=_TEXT, font_size=14)
        x += 48 + draw.textlength(name, font_size=14)
    first, second = CAUTION.split(". ", 1)
    draw.text((_GAP, below + 30), f"{first}.", fill=_TEXT, font_size=13)
    draw.text((_GAP, below + 48), second, fill=_TEXT, font_size=13)
    return picture


def _chart(draw: ImageDraw.ImageDraw, replay: Replay, share: float, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    curves = [(replay.inverse, _INVERSE), (replay.scores, _METHOD)]
    if replay.random is not None:
        curves.insert(0, (replay.random.mean(0), _RANDOM))
    threshold = replay.explanation.threshold.value
    values = np.concatenate([scores for scores, _ in curves] + [np.array([threshold])])
    low, high = values.min() - 0.03, values.max() + 0.03

    def y(value: float) -> float:
        return float(bottom - (value - low) / (high - low) * (bottom - top))

    draw.rectangle(box, outline=_GRID)
    for value in (low + 0.03, threshold, high - 0.03):
        draw.text((left - 4, y(value)), f"{value:.2f}", fill=_TEXT, font_size=13, anchor="rm")
    draw.line((left, y(threshold), right, y(threshold)), fill=_TEXT, width=1)
    for scores, colour in curves:
        points = [(left + s * (right - left), y(v)) for s, v in zip(replay.shares, scores, strict=True)]
        draw.line(points, fill=colour, width=3)
    at = left + share * (right - left)
    draw.line((at, top, at, bottom), fill=_TEXT, width=2)
