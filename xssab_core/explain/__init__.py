"""Explanation methods: one file a method, one registry that app, command line and benchmark read."""

from __future__ import annotations

import time

import numpy as np

from xssab_core.errors import ExplainError
from xssab_core.explain.base import (
    CAUTION,
    AnyExplainer,
    Evidence,
    Explainer,
    Explanation,
    FaceMaps,
    MethodInfo,
    decision_threshold,
)
from xssab_core.explain.layered import Layered
from xssab_core.explain.peers import PEERS
from xssab_core.explain.plugins import installed
from xssab_core.explain.random import Random
from xssab_core.explain.xcos import XCos
from xssab_core.explain.xface import XFace
from xssab_core.explain.xssab import XSSAB
from xssab_core.faces import AlignedFace
from xssab_core.metrics import cosine
from xssab_core.models.base import FaceModel, Threshold
from xssab_core.progress import Progress, ignore

ENTRY_POINTS = "xssab.methods"
_OURS: tuple[AnyExplainer, ...] = (XSSAB(), Layered(), XFace(1), XFace(2), XFace(3), XCos("s"), XCos("w"), Random())
METHODS: dict[str, AnyExplainer] = {method.info.id: method for method in (*_OURS, *PEERS)} | installed(ENTRY_POINTS)


def method_of(method_id: str) -> AnyExplainer:
    """The method of that id; ExplainError names those there are."""
    if method_id not in METHODS:
        raise ExplainError(f"There is no method {method_id!r}. Known methods: {', '.join(METHODS)}.")
    return METHODS[method_id]


def crop_of(model: FaceModel, face: AlignedFace | np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) crop of a face on the model's template; arrays are taken as such crops."""
    return face.crop_for(model.info.template) if isinstance(face, AlignedFace) else face


def explain(
    model: FaceModel,
    probe: AlignedFace | np.ndarray,
    reference: AlignedFace | np.ndarray,
    method: str = "xssab",
    threshold: float | str | Threshold | None = None,
    blur: bool = True,
    progress: Progress = ignore,
    evidence: Evidence | None = None,
) -> Explanation:
    """Explain why a model gave two faces their score.

    Args:
        model: an FR model.
        probe, reference: aligned faces, or uint8 (S, S, 3) RGB crops on the model's template.
        method: id of one of `METHODS`.
        threshold: th_d, a name such as "eer", or None for the model's default.
        blur: apply the 5x5 Gaussian blur of the method to its maps.
        progress: told of the share done; may raise CancelledError.
        evidence: what `Explainer.examine` returned for this pair before, to compute only what the threshold changes.

    Raises:
        ExplainError: unknown method, a method that cannot run on this model, or no threshold.
        ModelError: crops or embeddings that cannot be used.
    """
    explainer = method_of(method)
    decided = decision_threshold(model, threshold)
    started = time.perf_counter()
    if evidence is None:
        evidence = explainer.examine(model, crop_of(model, probe), crop_of(model, reference), progress)
    examined = time.perf_counter()
    maps = explainer.maps(model, evidence, decided.value, blur)
    ended = time.perf_counter()
    return Explanation(
        method=explainer.info,
        model=model.info,
        weights_sha256=model.weights_sha256,
        score=cosine(*evidence.embeddings),
        threshold=decided,
        embeddings=evidence.embeddings,
        probe=maps[0],
        reference=maps[1],
        blur=blur,
        seconds={"examine": examined - started, "maps": ended - examined},
        numbers=explainer.numbers(model, evidence, decided.value),
    )


__all__ = [
    "CAUTION",
    "METHODS",
    "PEERS",
    "AnyExplainer",
    "Evidence",
    "Explainer",
    "Explanation",
    "FaceMaps",
    "MethodInfo",
    "crop_of",
    "explain",
    "method_of",
]
