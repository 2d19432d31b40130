"""The threshold as a slider: what it means follows in the browser while it is dragged; the page, when it is let go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import streamlit as st

from ui.components import component, packed
from xssab_core.models import FaceModel
from xssab_core.models.calibration import Calibration, calibration_of

_KEY = "threshold_slider"
# The slider begins and ends at multiples of this.
_ENDS = 0.05
_component = component("threshold")


def threshold_slider(
    label: str,
    value: float,
    model: FaceModel,
    known: Iterable[float],
    score: float | None,
    choose: Callable[[float], None],
) -> None:
    """Show the slider.

    Args:
        label: its name for those who cannot see it.
        value: where it stands.
        model: whose error rates follow, where it is calibrated.
        known: thresholds with an origin; a place that reads like one of them means that one.
        score: of the pair in hand, whose decision follows.
        choose: called with the threshold at which it was let go.
    """
    calibration = calibration_of(model.info.id, model.weights_sha256)
    low, high = _range(calibration, value)
    _component(
        key=_KEY,
        data={
            "label": label,
            "value": value,
            "low": low,
            "high": high,
            "known": list(known),
            "score": score,
            "genuine": None if calibration is None else packed(np.sort(calibration.genuine)),
            "impostor": None if calibration is None else packed(np.sort(calibration.impostor)),
        },
        on_value_change=lambda: _take(choose),
    )


def _range(calibration: Calibration | None, value: float) -> tuple[float, float]:
    """Where the scores of known pairs lie, and the threshold in hand."""
    if calibration is None:
        return -1.0, 1.0
    scores = [*calibration.genuine, *calibration.impostor, value]
    low, high = math.floor(min(scores) / _ENDS) * _ENDS, math.ceil(max(scores) / _ENDS) * _ENDS
    return round(max(low, -1.0), 2), round(min(high, 1.0), 2)


def _take(choose: Callable[[float], None]) -> None:
    value = st.session_state[_KEY].value
    if isinstance(value, int | float) and -1 <= value <= 1:
        choose(float(value))
