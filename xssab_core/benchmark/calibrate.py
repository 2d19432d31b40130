"""Calibrate: score pairs with known labels to find a model's thresholds."""

from __future__ import annotations

import csv
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
_LABELS = {"genuine": True, "1": True, "impostor": False, "0": False}


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


def read_pairs(path: Path, images: Path | None = None) -> tuple[LfwPair, ...]:
    """A user's own pairs from a CSV file with the columns `probe,reference,label`, and `fold` if there is one.

    Args:
        path: the file. Its paths are relative to its folder, or to `images`; labels are genuine/impostor or 1/0.
        images: another folder to look for the images in.

    Raises:
        DataError: the file cannot be read, or rows are wrong; the message names the first of them.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip().lower() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            missing = [name for name in ("probe", "reference", "label") if name not in columns]
            if missing:
                raise DataError(
                    f"{path.name} has no column {missing[0]!r}. Its first line must be: probe,reference,label"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}.") from error
    roots = [path.parent, *([images] if images else [])]
    pairs, wrong = [], []
    for index, (line, row) in enumerate(rows):
        try:
            pairs.append(_pair(index, row, roots))
        except DataError as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        more = f" {len(wrong) - 3} more rows are wrong." if len(wrong) > 3 else ""
        raise DataError(f"{path.name}, {'; '.join(wrong[:3])}.{more} Correct the file and try again.")
    if not pairs:
        raise DataError(f"{path.name} has no pairs below its first line.")
    return tuple(pairs)


def _pair(index: int, row: dict[str, str | None], roots: Sequence[Path]) -> LfwPair:
    label = (row["label"] or "").strip().lower()
    if label not in _LABELS:
        raise DataError(f"the label {label!r} is not genuine, impostor, 1 or 0")
    fold = (row.get("fold") or "0").strip()
    if not fold.isdecimal():
        raise DataError(f"the fold {fold!r} is not a number")

    def image(column: str) -> Path:
        name = (row[column] or "").strip()
        found = next((root / name for root in roots if name and (root / name).is_file()), None)
        if found is None:
            raise DataError(f"the {column} {name!r} is not a file")
        return found

    return LfwPair(index, int(fold), _LABELS[label], image("probe"), image("reference"))


def embed_paths(
    model: FaceModel, paths: Sequence[Path], cache: CropCache, pulse: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    """float32 (D,) embedding of each image by path, computed in one call; images without a face are left out.

    Finding faces takes most of the time: `pulse` is called before each image and may raise CancelledError.
    """
    crops: dict[str, np.ndarray] = {}
    for path in paths:
        pulse()
        crop = cache.crop(path, model.info.template)
        if crop is not None:
            crops[str(path)] = crop
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
    folds = ", ".join(str(fold) for fold in sorted({pair.fold for pair in pairs}))
    data_set = f"LFW View 2 ({lfw.images.name}), folds {folds}"
    return calibrate(model, pairs, cache, data_set, lfw.pairs_expected, progress)


def calibrate(
    model: FaceModel,
    pairs: Sequence[LfwPair],
    cache: CropCache,
    data_set: str,
    pairs_expected: int,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Score pairs with known labels.

    Args:
        data_set: name of where they come from, kept with the scores.
        pairs_expected: how many pairs the data set has; pairs with an image without a face are not scored.

    Raises:
        DataError: no genuine or no impostor pair could be scored.
    """
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
    return Calibration(
        model=model.info.id,
        weights_sha256=model.weights_sha256,
        data_set=data_set,
        date=datetime.date.today().isoformat(),
        pairs_expected=pairs_expected,
        genuine=np.array([score for score, _ in genuine]),
        impostor=np.array([score for score, _ in impostor]),
        genuine_folds=np.array([fold for _, fold in genuine]),
        impostor_folds=np.array([fold for _, fold in impostor]),
    )
