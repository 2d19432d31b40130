"""Calibrate: score pairs with known labels to find a model's thresholds."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from xssab_core.benchmark.crops import CropCache
from xssab_core.benchmark.lfw import Lfw, LfwPair
from xssab_core.errors import DataError
from xssab_core.models.base import FaceModel
from xssab_core.models.calibration import Calibration

BATCH = 64


def embed_images(
    model: FaceModel,
    pairs: Sequence[LfwPair],
    cache: CropCache,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, np.ndarray]:
    """float32 (D,) embedding of every image of the pairs by path; images without a face are left out."""
    images = sorted({path for pair in pairs for path in (pair.probe, pair.reference)})
    embeddings: dict[str, np.ndarray] = {}
    for start in range(0, len(images), BATCH):
        embeddings |= embed_paths(model, images[start : start + BATCH], cache)
        if progress:
            progress(min(start + BATCH, len(images)), len(images))
    return embeddings


def embed_paths(model: FaceModel, paths: Sequence[Path], cache: CropCache) -> dict[str, np.ndarray]:
    """float32 (D,) embedding of each image by path, computed in one call; images without a face are left out."""
    crops = {str(path): crop for path in paths if (crop := cache.crop(path, model.info.template)) is not None}
    if not crops:
        return {}
    return dict(zip(crops, model.embed(np.stack(list(crops.values()))), strict=True))


def calibrate_on_lfw(
    model: FaceModel,
    lfw: Lfw,
    cache: CropCache,
    pairs: Sequence[LfwPair] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Score LFW pairs (all covered ones unless given).

    Raises:
        DataError: no genuine or no impostor pair could be scored.
    """
    pairs = lfw.pairs if pairs is None else pairs
    embeddings = embed_images(model, pairs, cache, progress)
    scored = [
        (pair, float(np.dot(embeddings[str(pair.probe)].astype(np.float64), embeddings[str(pair.reference)])))
        for pair in pairs
        if str(pair.probe) in embeddings and str(pair.reference) in embeddings
    ]
    genuine = [(score, pair.fold) for pair, score in scored if pair.genuine]
    impostor = [(score, pair.fold) for pair, score in scored if not pair.genuine]
    if not genuine or not impostor:
        raise DataError("Calibration needs genuine and impostor pairs with a face in each image.")
    folds = sorted({pair.fold for pair, _ in scored})
    return Calibration(
        model=model.info.id,
        weights_sha256=model.weights_sha256,
        data_set=f"LFW View 2 ({lfw.images.name}), folds {', '.join(map(str, folds))}",
        date=datetime.date.today().isoformat(),
        pairs_expected=lfw.pairs_expected,
        genuine=np.array([score for score, _ in genuine]),
        impostor=np.array([score for score, _ in impostor]),
        genuine_folds=np.array([fold for _, fold in genuine]),
        impostor_folds=np.array([fold for _, fold in impostor]),
    )
