"""Passes whose outcome depends on the crop alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from xssab_core.models.base import FaceModel, embed_batches


def embed_each(model: FaceModel, crops: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """float32 (D,) unit embeddings of uint8 (S, S, 3) crops, asked for as they are needed.

    Each crop is a batch of its own, which on a CPU means on one thread: neither the crops beside it nor the number of
    threads move its last bits, so that a decision close to the threshold is the same whenever it is asked for.
    """
    return (rows[0] for rows in embed_batches(model, (crop[None] for crop in crops)))
