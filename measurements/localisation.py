"""Localisation benchmark: average precision of each method's map against the patches that caused an error.

    python measurements/localisation.py --lfw DIR

Erroneous pairs of Patch-LFW type: 27 patches of 16 x 16 px on the probe, wrong at th_EER of the
unpatched data. In a false match the patches are what made the faces alike: pixels are ranked most similar first. In
a false non-match they are what made them differ: most dissimilar first. Pairs come from the folds whose identities
the xCos head did not see in training. What was measured before with the
same settings stays in the result file, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from xssab_core.benchmark.localisation import average_precision

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair, open_lfw
from xssab_core.explain import METHODS, Evidence, FaceMaps, method_of
from xssab_core.explain.base import decision_threshold
from xssab_core.models import load_model
from xssab_core.models.base import FaceModel

PATCHES, PATCH_SIZE = 27, 16
FOLDS = (6, 7)
RESULT = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, eq=False)
class ErroneousPair:
    """A patched pair on which the model is wrong.

    Attributes:
        pair: the official pair.
        probe: uint8 (S, S, 3), patched.
        reference: uint8 (S, S, 3).
        truth: bool (S, S), the patched pixels.
    """

    pair: LfwPair
    probe: np.ndarray
    reference: np.ndarray
    truth: np.ndarray


def patch(probe: np.ndarray, source: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The probe with patches from the same places of `source`, and the bool (S, S) mask of patched pixels."""
    side = len(probe)
    truth = np.zeros((side, side), dtype=bool)
    for y, x in generator.integers(0, side - PATCH_SIZE + 1, size=(PATCHES, 2)):
        truth[y : y + PATCH_SIZE, x : x + PATCH_SIZE] = True
    return np.where(truth[:, :, None], source, probe), truth


def erroneous_pairs(
    model: FaceModel, pairs: list[LfwPair], threshold: float, per_kind: int, seed: int
) -> Iterator[ErroneousPair]:
    """The first `per_kind` false matches and the first `per_kind` false non-matches, in a seeded random order."""
    cache, template = CropCache.default(), model.info.template
    found = {True: 0, False: 0}
    for index in np.random.default_rng(seed).permutation(len(pairs)):
        pair = pairs[index]
        if found[pair.genuine] == per_kind:
            continue
        generator = np.random.default_rng([seed, pair.index])
        strangers = [other for other in pairs if other.probe.parent not in (pair.probe.parent, pair.reference.parent)]
        source = strangers[generator.integers(len(strangers))].probe if pair.genuine else pair.reference
        crops = [cache.crop(path, template) for path in (pair.probe, pair.reference, source)]
        probe, reference, pixels = crops
        if probe is None or reference is None or pixels is None:
            continue
        patched, truth = patch(probe, pixels, generator)
        first, second = model.embed(np.stack([patched, reference]))
        if (float(first @ second) >= threshold) != pair.genuine:
            found[pair.genuine] += 1
            yield ErroneousPair(pair, patched, reference, truth)


def precisions(maps: FaceMaps, found: ErroneousPair, attention: bool) -> dict[str, float | None]:
    """Average precision by the combined map (as DPR ranks) and by the single map of the error's kind."""
    combined = maps.combined
    if found.pair.genuine and not attention and combined is not None:
        combined = -combined
    single = maps.dissimilarity if found.pair.genuine else maps.similarity
    named = {"combined": combined, "single": single}
    return {
        name: None if values is None else round(average_precision(found.truth, values), 5)
        for name, values in named.items()
    }


def measure(model: FaceModel, found: ErroneousPair, methods: list[str], threshold: float) -> dict[str, Any]:
    """Scores of each method on one pair; methods that share evidence share its cost."""
    evidence: dict[str, Evidence] = {}
    scores = {}
    for method in methods:
        explainer = method_of(method)
        if explainer.evidence_kind not in evidence:
            evidence[explainer.evidence_kind] = explainer.examine(model, found.probe, found.reference)
        maps, _ = explainer.maps(model, evidence[explainer.evidence_kind], threshold, blur=True)
        scores[method] = precisions(maps, found, explainer.info.attention)
    return scores


def summary(pairs: list[ErroneousPair], rows: dict[str, dict[str, float | None]]) -> dict[str, Any]:
    """Mean per kind of error and overall, with 95 % bootstrap intervals over the pairs measured so far."""
    measured = [found for found in pairs if found.pair.id in rows]
    genuine = np.array([found.pair.genuine for found in measured])
    result: dict[str, Any] = {"pairs": len(measured)}
    for name in ("combined", "single"):
        values = np.array([rows[found.pair.id][name] for found in measured], dtype=float)
        groups = {"all": values, "false_match": values[~genuine], "false_non_match": values[genuine]}
        result[name] = {kind: interval(group) for kind, group in groups.items()}
    return result


def interval(values: np.ndarray) -> dict[str, float] | None:
    """Mean with its 95 % bootstrap interval; None where the method has no such map."""
    if len(values) == 0 or np.isnan(values).any():
        return None
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(values.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--model", default="sface")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--pairs", type=int, default=40, help="half of them false matches, half false non-matches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()

    model = load_model(given.model)
    threshold = decision_threshold(model, "eer")
    lfw = open_lfw(given.lfw)
    pairs = [pair for pair in lfw.pairs if pair.fold in FOLDS]
    found = list(erroneous_pairs(model, pairs, threshold.value, given.pairs // 2, given.seed))
    settings = {
        "model": model.info.id,
        "weights_sha256": model.weights_sha256,
        "threshold": round(threshold.value, 6),
        "threshold_origin": threshold.origin,
        "data": f"LFW View 2, folds {', '.join(map(str, FOLDS))}, {PATCHES} patches of {PATCH_SIZE} px on the probe",
        "seed": given.seed,
        "blur": True,
        "pairs": [found_pair.pair.id for found_pair in found],
        "false_matches": sum(not found_pair.pair.genuine for found_pair in found),
        "false_non_matches": sum(found_pair.pair.genuine for found_pair in found),
        "random_expectation": round(float(np.mean([found_pair.truth.mean() for found_pair in found])), 4),
    }
    methods = [
        method for method in given.methods if not (reason := method_of(method).unavailable(model)) or print(reason)
    ]
    rows = {method: {} for method in METHODS}
    if given.output.exists() and (before := json.loads(given.output.read_text()))["settings"] == settings:
        rows |= before["rows"]
    for number, erroneous in enumerate(found, 1):
        missing = [method for method in methods if erroneous.pair.id not in rows[method]]
        for method, scores in measure(model, erroneous, missing, threshold.value).items():
            rows[method][erroneous.pair.id] = scores
        methods_done = {method: summary(found, of_method) for method, of_method in rows.items() if of_method}
        result = {"settings": settings, "methods": methods_done, "rows": rows}
        given.output.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{time.strftime('%H:%M:%S')} {number} of {len(found)} pairs", flush=True)
    for method, values in methods_done.items():
        print(f"{method:8}", *(f"{name}: {values[name]['all']}" for name in ("combined", "single")))


if __name__ == "__main__":
    main()
