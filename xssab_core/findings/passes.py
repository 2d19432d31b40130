"""Passes whose outcome depends on the crop alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from xssab_core.models.base import FaceModel, TorchFaceModel, embed_batches


def at_once(model: FaceModel) -> int:
    """How many crops make a batch: one, so that neither the crops beside it nor the number of CPU threads move the last
    bits of its embedding. A black box, which may start anew for each batch, gets as many as it takes."""
    return 1 if isinstance(model, TorchFaceModel) else model.batch_size


def embed_each(model: FaceModel, crops: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """float32 (D,) unit embeddings of uint8 (S, S, 3) crops, asked for as they are needed, `at_once` in a batch. So a
    decision close to the threshold is the same whenever it is asked for."""
    waiting = iter(crops)
    batches = (np.stack(batch) for batch in iter(lambda: list(islice(waiting, at_once(model))), []))
    return chain.from_iterable(embed_batches(model, batches))
