"""Results to files: the record, the raw maps and the pictures of an explanation."""

from __future__ import annotations

import datetime
import io
import json
import platform
import zipfile
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
import torch

import xssab_core
from xssab_core.explain import CAUTION, Explanation
from xssab_core.faces import Pair
from xssab_core.faces.align import ALIGNER_VERSION
from xssab_core.faces.detect import DETECTOR
from xssab_core.models.calibration import calibration_of, rates_at
from xssab_core.render import DEFAULT_OPACITY, DEFAULT_PALETTE, colour_layer, enlarge, overlay, png, scales
from xssab_core.scoring.likelihood import likelihood_record
from xssab_core.trust.checks import Trust
from xssab_core.trust.words import verdict

# Pictures are written this many times larger than the maps, pixel by pixel.
PICTURE_FACTOR = 4
_COMMENT = {"Comment": CAUTION}


def record(
    explanation: Explanation, pair: Pair, device: str, seconds: dict[str, float], trust: Trust | None = None
) -> dict[str, Any]:
    """Everything needed to understand and repeat a result, ready for JSON.

    Args:
        explanation: the result.
        pair: the faces it is about.
        device: what computed it.
        seconds: wall time of stages before the explanation, such as "align".
        trust: what a check of the map found, if there was one.
    """
    return {
        "caution": CAUTION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "score": explanation.score,
        "threshold": explanation.threshold.value,
        "threshold_name": explanation.threshold.name,
        "threshold_origin": explanation.threshold.origin,
        "margin": explanation.margin,
        **_rates(explanation),
        "likelihood_ratio": _likelihood(explanation),
        "decision": "match" if explanation.is_match else "non-match",
        "model": explanation.model.id,
        "model_title": explanation.model.title,
        "weights_sha256": explanation.weights_sha256,
        "embedding_size": explanation.model.embedding_size,
        "method": explanation.method.id,
        "method_reference": explanation.method.reference,
        "method_parameters": dict(explanation.method.parameters),
        "method_numbers": explanation.numbers,
        "blur": explanation.blur,
        "argument_threshold": explanation.argument_threshold,
        "positive_arguments": int((explanation.arguments >= explanation.argument_threshold).sum()),
        "trust_check": _trust(trust),
        **{side: face.record() for side, face in pair.by_side()},
        "detector": DETECTOR,
        "aligner_version": ALIGNER_VERSION,
        "versions": versions(),
        "device": device,
        "seconds": {stage: round(value, 4) for stage, value in (seconds | explanation.seconds).items()},
    }


def _trust(trust: Trust | None) -> dict[str, Any]:
    """The verdict on the map, and the numbers behind it."""
    found: dict[str, Any] = {"verdict": verdict(trust).word}
    if trust is not None:
        found |= {"stability": [asdict(change) for change in trust.stability], "randomised": trust.randomised}
    return found


def _rates(explanation: Explanation) -> dict[str, Any]:
    """Both error rates of the model at the threshold, each None for an uncalibrated model."""
    rates = rates_at(explanation.model.id, explanation.weights_sha256, explanation.threshold.value)
    names = ("false_match_rate", "false_non_match_rate")
    if rates is None:
        return dict.fromkeys(names)
    found = zip(names, (rates.false_match, rates.false_non_match), strict=True)
    return {
        name: {
            "value": rate.value,
            "interval_95": rate.interval,
            "errors": rate.errors,
            "pairs": rate.trials,
            "data_set": rates.origin,
        }
        for name, rate in found
    }


def _likelihood(explanation: Explanation) -> dict[str, Any]:
    """What the score is worth, see `likelihood_record`."""
    calibration = calibration_of(explanation.model.id, explanation.weights_sha256)
    return likelihood_record(calibration, explanation.score)


def versions() -> dict[str, str]:
    """Versions of what computed a result."""
    return {
        "xssab": xssab_core.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def maps_npz(explanation: Explanation) -> bytes:
    """The raw maps as npz: float32 (S, S) arrays named `probe_combined`, `reference_similarity`, ...

    The caution is the comment of the archive that an npz is.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **explanation.maps())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = CAUTION.encode()
    return buffer.getvalue()


def pictures(
    explanation: Explanation,
    pair: Pair,
    palette: str = DEFAULT_PALETTE,
    opacity: float = DEFAULT_OPACITY,
) -> dict[str, bytes]:
    """PNG files by name: both crops, and each map over its crop, on the scales of `scales`."""
    maps = explanation.maps()
    full = scales(maps)
    crops = {side: face.crop_for(explanation.model.template) for side, face in pair.by_side()}
    files = {f"{side}_crop.png": crop_png(crop) for side, crop in crops.items()}
    for name, values in maps.items():
        about = _COMMENT | {
            "Description": f"{explanation.method.title} on {explanation.model.id}, "
            f"full colour at |value| {full[name]:.3e}",
        }
        layer = colour_layer(values, full[name], palette, dissimilar=name.endswith("dissimilarity"))
        shown = overlay(crops[name.split("_")[0]], layer, opacity)
        files[f"{name}.png"] = png(enlarge(shown, PICTURE_FACTOR), about)
    return files


def crop_png(crop: np.ndarray) -> bytes:
    """A uint8 (S, S, 3) crop as PNG, pixel by pixel."""
    return png(enlarge(crop, PICTURE_FACTOR), _COMMENT)


def bundle(result: dict[str, Any], npz: bytes, images: dict[str, bytes]) -> dict[str, bytes]:
    """All files of a result by name."""
    return {"result.json": json.dumps(result, indent=2, ensure_ascii=False).encode(), "maps.npz": npz, **images}


def zipped(files: dict[str, bytes]) -> bytes:
    """The files as one zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
