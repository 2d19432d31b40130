"""A tiny float64 network on the crop of a whole face."""

from __future__ import annotations

from dataclasses import replace

from tests.explain.tiny import SIDE, CountingModel, tiny_model
from xssab_core.models.adding import template_for


def tiny_face_model() -> CountingModel:
    """Of random weights, on ArcFace's template at 40 pixels."""
    model = tiny_model(seed=3)
    model.info = replace(model.info, template=template_for(SIDE))
    return model
