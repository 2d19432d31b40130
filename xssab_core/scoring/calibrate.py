"""Calibrate: score pairs with known labels to find a model's thresholds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import Lfw, LfwPair
from xssab_core.errors import DataError
from xssab_core.metrics import cosine, percent
from xssab_core.models.base import FaceModel
from xssab_core.models.calibration import FMR_TARGETS, Calibration
from xssab_core.progress import Progress, ignore
from xssab_core.scoring.embed import embed_all, images_of
from xssab_core.scoring.likelihood import likelihood_ratios


def calibrate_on_lfw(model: FaceModel, lfw: Lfw, cache: CropCache, progress: Progress = ignore) -> Calibration:
    """Score all pairs that a copy of LFW covers; see `calibrate`."""
    return calibrate(model, lfw.pairs, cache, lfw.title, lfw.pairs_expected, progress)


def calibrate(
    model: FaceModel,
    pairs: Sequence[LfwPair],
    cache: CropCache,
    data_set: str,
    pairs_expected: int,
    progress: Progress = ignore,
) -> Calibration:
    """Score pairs with known labels.

    Args:
        model: to be calibrated.
        pairs: with known labels; those with an image without a face are not scored.
        cache: where faces and crops are kept.
        data_set: name of where the pairs come from, kept with the scores.
        pairs_expected: how many pairs the data set has.
        progress: told of images.

    Raises:
        DataError: no genuine or no impostor pair could be scored.
    """
    embeddings = embed_all(model, images_of(pairs), cache, progress)
    return calibration_from(model, pairs, embeddings, data_set, pairs_expected)


def calibration_from(
    model: FaceModel,
    pairs: Sequence[LfwPair],
    embeddings: Mapping[Path, np.ndarray],
    data_set: str,
    pairs_expected: int,
) -> Calibration:
    """The calibration that follows from the embeddings (D,) of the images of pairs; see `calibrate`."""
    scores: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for pair in pairs:
        probe, reference = embeddings.get(pair.probe), embeddings.get(pair.reference)
        if probe is not None and reference is not None:
            scores[pair.genuine].append((cosine(probe, reference), pair.fold))
    if not scores[True] or not scores[False]:
        raise DataError("Calibration needs genuine and impostor pairs with a face in each image.")
    return Calibration(
        model=model.info.id,
        weights_sha256=model.weights_sha256,
        data_set=data_set,
        date=datetime.date.today().isoformat(),
        pairs_expected=pairs_expected,
        genuine=np.array([score for score, _ in scores[True]]),
        impostor=np.array([score for score, _ in scores[False]]),
        genuine_folds=np.array([fold for _, fold in scores[True]]),
        impostor_folds=np.array([fold for _, fold in scores[False]]),
    )


def summary(result: Calibration) -> list[str]:
    """What a calibration found, as lines of text."""
    lines = [
        f"{result.model}, weights sha256 {result.weights_sha256[:12]}..., {result.date}",
        f"{result.data_set}: {result.coverage} ({len(result.genuine):,} genuine, {len(result.impostor):,} impostor)",
    ]
    known = result.thresholds()
    for threshold in known:
        lines.append(f"threshold {threshold.value:.4f} ({threshold.name}): {result.rates(threshold.value)}")
    missing = [f"{target:.0e}".replace("e-0", "e-") for target in FMR_TARGETS]
    missing = [name for name in missing if f"fmr-{name}" not in {threshold.name for threshold in known}]
    if missing:
        lines.append(f"too few impostor pairs for a threshold at FMR {', '.join(missing)}")
    accuracy = result.fold_accuracy()
    if accuracy is not None:
        lines.append(
            f"accuracy over {len(accuracy.folds)} folds, each at the threshold best on the others: "
            f"{percent(accuracy.mean)}, standard error {percent(accuracy.standard_error)}"
        )
    ratios = likelihood_ratios(result)
    return [*lines, ratios if isinstance(ratios, str) else f"Likelihood ratios: {ratios}"]
