"""What xFace costs: its stages through the folded network against one batch of `embed` after the other.

Run: python measurements/xface_cost.py [--model sface] [--rounds 5] [--stride 15]
Both look at the same squares, alternately in one process, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from xssab_core import align_face, load_model, open_photo
from xssab_core.errors import CancelledError
from xssab_core.explain.xface import OccludedEmbeddings, XFace, occluders
from xssab_core.models import DEFAULT_MODEL, FaceModel
from xssab_core.paths import ASSETS
from xssab_core.progress import State

_SIZES = (7, 14, 28)


def loop(model: FaceModel, crops: list[np.ndarray], stride: int) -> OccludedEmbeddings:
    """One face after the other, one square after the other."""
    squares = occluders(len(crops[0]), _SIZES, stride, True)
    rows = []
    for crop in crops:
        for start in range(0, len(squares), model.batch_size):
            batch = np.repeat(crop[None], len(squares[start : start + model.batch_size]), axis=0)
            for hidden, square in zip(batch, squares[start:], strict=False):
                hidden[square.window] = 0
            rows.append(model.embed(batch))
    occluded = np.concatenate(rows).reshape(2, len(squares), -1)
    return OccludedEmbeddings(model.embed(np.stack(crops)), occluded, squares, len(crops[0]))


def first_stage(model: FaceModel, crops: list[np.ndarray]) -> float:
    """Seconds until the first maps of both faces, with the published parameters."""

    def until_partial(state: State) -> None:
        if state.partial is not None:
            method.maps(model, state.partial, 0.0)
            raise CancelledError("enough")

    method, started = XFace(2), time.perf_counter()
    with contextlib.suppress(CancelledError):
        method.examine(model, crops[0], crops[1], until_partial)
    return time.perf_counter() - started


def furthest(model: FaceModel, one: OccludedEmbeddings, other: OccludedEmbeddings) -> dict[str, float]:
    """The largest difference between embeddings, and between maps, also as a share of the largest value."""
    differences, shares = [], []
    for variant in (1, 2, 3):
        method = XFace(variant)
        for a, b in zip(method.maps(model, one, 0.0), method.maps(model, other, 0.0), strict=True):
            assert a.combined is not None
            assert b.combined is not None
            differences.append(float(np.abs(a.combined - b.combined).max()))
            shares.append(differences[-1] / float(np.abs(b.combined).max()))
    return {
        "embeddings_differ_by": float(np.abs(one.occluded - other.occluded).max()),
        "maps_differ_by": max(differences),
        "maps_differ_by_share": max(shares),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stride", type=int, default=15)
    given = parser.parse_args()
    model = load_model(given.model, "cpu")
    faces = [align_face(open_photo(ASSETS / "samples" / f"{n}.jpg")) for n in ("barack_obama_1", "joe_biden_1")]
    crops = [face.crop_for(model.info.template) for face in faces]
    started = time.perf_counter()
    first = [first_stage(model, crops) for _ in range(given.rounds)]
    method = XFace(2, sizes=_SIZES, stride=given.stride)
    before, now = [], []
    for _ in range(given.rounds):
        started = time.perf_counter()
        looped = loop(model, crops, given.stride)
        before.append(time.perf_counter() - started)
        started = time.perf_counter()
        staged = method.examine(model, crops[0], crops[1])
        now.append(time.perf_counter() - started)
    passes = method.info.forward_passes
    result = {
        "model": given.model,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "passes": passes,
        "loop_passes_a_second": round(passes / statistics.median(before), 1),
        "passes_a_second": round(passes / statistics.median(now), 1),
        "times_as_fast": round(statistics.median(b / n for b, n in zip(before, now, strict=True)), 2),
        "first_stage_s": [round(seconds, 2) for seconds in first],
        **furthest(model, staged, looped),
    }
    text = json.dumps(result, indent=2)
    Path(__file__).with_suffix(".json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
