"""Four users at work while an xFace runs: how long does each wait for a fast explanation?

Run: python measurements/load.py [--seconds 60] [--think 2]

One engine, as in the app. A user explains a pair nobody has seen, by xSSAB and by the layered method, looks at it for a
while, and goes on to the next. First one user alone, then four and an xFace in the background.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from xssab_core import align_face, open_photo
from xssab_core.device import Urgency, with_urgency
from xssab_core.engine import Engine
from xssab_core.errors import CancelledError
from xssab_core.faces import AlignedFace, Pair
from xssab_core.models import DEFAULT_MODEL
from xssab_core.patch_lfw.generator import PatchedFace, uniform_positions
from xssab_core.paths import ASSETS
from xssab_core.progress import State

METHODS = ("xssab", "layered")
USERS = 4


def new_pair(faces: list[AlignedFace], generator: np.random.Generator) -> Pair:
    """A pair that no cache knows: patches at places of its own."""
    probe, reference = (faces[i] for i in generator.permutation(len(faces))[:2])
    return Pair(PatchedFace.of(probe, reference, uniform_positions(generator)), reference)


def user(engine: Engine, faces: list[AlignedFace], seed: int, given: argparse.Namespace, waited: list[float]) -> None:
    """Explain, look, and so on."""
    generator = np.random.default_rng(seed)
    model, ends = engine.model(DEFAULT_MODEL), time.monotonic() + given.seconds
    time.sleep(generator.uniform(0, given.think))
    while time.monotonic() < ends:
        pair = new_pair(faces, generator)
        started = time.perf_counter()
        for method in METHODS:
            engine.explain(model, pair, method, threshold=0.3)
        waited.append(time.perf_counter() - started)
        time.sleep(generator.uniform(0.5, 1.5) * given.think)


def at_work(engine: Engine, faces: list[AlignedFace], users: int, given: argparse.Namespace) -> list[float]:
    """Seconds that so many users waited."""
    waited: list[float] = []
    threads = [
        threading.Thread(target=user, args=(engine, faces, users * 100 + number, given, waited))
        for number in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waited


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=2)
    given = parser.parse_args()
    engine = Engine("cpu")
    faces = [align_face(open_photo(path)) for path in sorted((ASSETS / "samples").glob("*.jpg"))]
    model, over = engine.model(DEFAULT_MODEL), threading.Event()
    for method in METHODS:
        engine.explain(model, new_pair(faces, np.random.default_rng(99)), method, threshold=0.3)
    alone = at_work(engine, faces, 1, given)

    def tell(_: State) -> None:
        if over.is_set():
            raise CancelledError("The measurement has ended.")

    def occlude() -> None:
        generator = np.random.default_rng(7)
        while not over.is_set():
            try:
                with with_urgency(Urgency.ASKED):  # as the app's jobs are
                    engine.explain(model, new_pair(faces, generator), "xface2", threshold=0.3, progress=tell)
            except CancelledError:
                return

    slow = threading.Thread(target=occlude)
    slow.start()
    together = at_work(engine, faces, USERS, given)
    over.set()
    slow.join()
    result = {
        "alone": {
            "explanations": len(alone),
            "median": float(np.median(alone)),
            "p95": float(np.quantile(alone, 0.95)),
        },
        "four_users_and_an_xface": {
            "explanations": len(together),
            "median": float(np.median(together)),
            "p95": float(np.quantile(together, 0.95)),
        },
        "p95_over_p95_alone": float(np.quantile(together, 0.95) / np.quantile(alone, 0.95)),
        "p95_over_median_alone": float(np.quantile(together, 0.95) / np.median(alone)),
    }
    text = json.dumps(result, indent=1)
    Path(__file__).with_suffix(".json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
