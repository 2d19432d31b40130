"""Embed: from image files to crops to embeddings, in batches; the one way every score of a data set is made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair
from xssab_core.errors import PhotoError
from xssab_core.faces import Template
from xssab_core.models.base import FaceModel
from xssab_core.progress import Progress, State, ignore

# Images embedded in one call. Part of what decides the last bits of an embedding, so every run uses the same.
BATCH = 64

_log = logging.getLogger(__name__)


def images_of(pairs: Iterable[LfwPair]) -> tuple[Path, ...]:
    """Every image of the pairs once, sorted."""
    return tuple(sorted({path for pair in pairs for path in (pair.probe, pair.reference)}))


def batches(paths: Sequence[Path], size: int) -> Iterator[tuple[Path, ...]]:
    """The paths in groups of that size, in order."""
    waiting = iter(paths)
    while group := tuple(islice(waiting, size)):
        yield group


def crops_of(
    paths: Sequence[Path], cache: CropCache, template: Template, pulse: Callable[[], None] = lambda: None
) -> dict[Path, np.ndarray]:
    """uint8 (S, S, 3) crop of each image with a face, in order; images that are damaged are left out as well.

    Args:
        paths: image files.
        cache: where faces and crops are kept.
        template: of the model.
        pulse: called before each image, since finding faces takes most of the time; may raise CancelledError.
    """
    crops: dict[Path, np.ndarray] = {}
    for path in paths:
        pulse()
        try:
            crop = cache.crop(path, template)
        except PhotoError as error:
            _log.warning("Left out: %s", error)
            continue
        if crop is not None:
            crops[path] = crop
    return crops


def embed_together(
    model: FaceModel, paths: Sequence[Path], cache: CropCache, pulse: Callable[[], None] = lambda: None
) -> dict[Path, np.ndarray]:
    """float32 (D,) unit embedding of each image with a face, computed in one call; see `crops_of`."""
    crops = crops_of(paths, cache, model.info.template, pulse)
    if not crops:
        return {}
    return dict(zip(crops, model.embed(np.stack(list(crops.values()))), strict=True))


def embed_all(
    model: FaceModel, paths: Sequence[Path], cache: CropCache, progress: Progress = ignore
) -> dict[Path, np.ndarray]:
    """float32 (D,) unit embedding of each image with a face, batch by batch."""
    embeddings: dict[Path, np.ndarray] = {}
    for number, group in enumerate(batches(paths, BATCH)):
        embeddings |= embed_together(model, group, cache)
        progress(State(min((number + 1) * BATCH, len(paths)), len(paths), "images"))
    return embeddings
