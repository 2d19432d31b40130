"""What xSSAB costs: a warm pair against the bare network passes it is made of, against the authors' procedure, and
against the layered method; and a threshold move.

Run: python measurements/xssab_cost.py [--model sface] [--rounds 15]
All are timed alternately in one process, so that a busy machine slows both alike; medians are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from xssab_core import align_face, explain, open_photo
from xssab_core.engine import Engine
from xssab_core.faces import Pair
from xssab_core.models import DEFAULT_MODEL, TorchFaceModel
from xssab_core.paths import ASSETS


def bare(model: TorchFaceModel, crops: torch.Tensor) -> None:
    """One batched forward of both images and two bare backward passes; nothing else."""
    pixels = crops.clone().requires_grad_()
    embeddings = model.network(pixels)
    for _ in range(2):
        torch.autograd.grad(embeddings, pixels, torch.ones_like(embeddings), retain_graph=True)


def authors(model: TorchFaceModel, crops: torch.Tensor, threshold: float) -> None:
    """The procedure of the authors' code: for each map and sign three forward passes and one backward, through a
    network whose weights require gradients."""
    model.network.requires_grad_(True)
    for one, other in ((0, 1), (1, 0)):
        for is_positive in (True, False):
            pixels = crops[one : one + 1].clone().requires_grad_()
            with torch.no_grad():
                rows = [torch.nn.functional.normalize(model.network(crops[i : i + 1]), dim=1) for i in (one, other)]
            products = rows[0] * rows[1]
            chosen = (products >= threshold / products.shape[1]) == is_positive
            unit = torch.nn.functional.normalize(model.network(pixels), dim=1)
            torch.autograd.backward((unit * rows[1] * chosen).sum())
            assert pixels.grad is not None
            pixels.grad.abs().mean(dim=1).numpy()
    model.network.requires_grad_(False)
    for weight in model.network.parameters():
        weight.grad = None


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    engine = Engine("cpu")
    model = engine.model(given.model)
    assert isinstance(model, TorchFaceModel)
    faces = [align_face(open_photo(ASSETS / "samples" / f"{n}.jpg")) for n in ("barack_obama_1", "joe_biden_1")]
    crops = [face.crop_for(model.info.template) for face in faces]
    pixels = torch.cat([model.pixels(crop[None]) for crop in crops])
    forwards: list[int] = []
    handle = model.network.register_forward_hook(lambda module, inputs, output: forwards.append(len(output)))
    engine.explain(model, Pair(*faces), threshold=0.3)
    pair, move, reference, procedure, layered, moved = [], [], [], [], [], 0
    for index in range(given.rounds):
        reference.append(timed(lambda: bare(model, pixels)))
        pair.append(timed(lambda: explain(model, crops[0], crops[1], threshold=0.3)))
        procedure.append(timed(lambda: authors(model, pixels, 0.3)))
        layered.append(timed(lambda: explain(model, crops[0], crops[1], "layered", threshold=0.3)))
        before = len(forwards)
        move.append(timed(partial(engine.explain, model, Pair(*faces), threshold=0.2 + index / 100)))
        moved += len(forwards) - before
    handle.remove()
    bare_median = statistics.median(reference)
    result = json.dumps(
        {
            "model": given.model,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "bare_forward_and_two_backwards_ms": round(1e3 * bare_median, 1),
            "pair_ms": round(1e3 * statistics.median(pair), 1),
            "threshold_move_ms": round(1e3 * statistics.median(move), 1),
            "authors_procedure_ms": round(1e3 * statistics.median(procedure), 1),
            "layered_pair_ms": round(1e3 * statistics.median(layered), 1),
            "pair_over_bare": round(statistics.median(pair) / bare_median, 3),
            "authors_procedure_over_pair": round(statistics.median(procedure) / statistics.median(pair), 2),
            "layered_over_pair": round(statistics.median(layered) / statistics.median(pair), 3),
            "threshold_move_over_bare": round(statistics.median(move) / bare_median, 3),
            "forward_passes_of_threshold_moves": moved,
        },
        indent=2,
    )
    Path(__file__).with_suffix(".json").write_text(result + "\n")
    print(result)


if __name__ == "__main__":
    main()
