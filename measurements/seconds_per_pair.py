"""Seconds a pair of every method, as Table 3 of the paper: pairs one by one, mean and total, on the device there is.

Run: python measurements/seconds_per_pair.py [--model sface] [--pairs 100] [--slow-pairs 3] [--device cpu]

Slow methods, of more than 100 passes a pair, run on fewer pairs; their total is that of the pairs they ran on.
Results of other devices in the file are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import cycle, islice, permutations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from xssab_core import align_face, explain, load_model, open_photo
from xssab_core.device import choose_device
from xssab_core.explain import METHODS
from xssab_core.models import DEFAULT_MODEL
from xssab_core.paths import ASSETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--slow-pairs", type=int, default=3)
    parser.add_argument("--device", default=str(choose_device()))
    given = parser.parse_args()
    model = load_model(given.model, given.device)
    photographs = sorted((ASSETS / "samples").glob("*.jpg"))
    crops = [align_face(open_photo(path)).crop_for(model.info.template) for path in photographs]
    rows = {}
    print(f"{given.model} on {model.device_name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for method_id, method in METHODS.items():
        if method.unavailable(model):
            continue
        quick = method.info.is_quick  # its first pair warms up
        count = given.pairs + 1 if quick else given.slow_pairs
        seconds = []
        for number, (probe, reference) in enumerate(islice(cycle(permutations(crops, 2)), count)):
            started = time.perf_counter()
            explain(model, probe, reference, method_id, threshold=0.3)
            if number or not quick:
                seconds.append(time.perf_counter() - started)
        rows[method_id] = {"pairs": len(seconds), "mean": sum(seconds) / len(seconds), "total": sum(seconds)}
        print(f"{method_id:12s} {len(seconds):4d} pairs {rows[method_id]['mean']:9.4f} s a pair", flush=True)
    kept = Path(__file__).with_suffix(".json")
    results = json.loads(kept.read_text()) if kept.exists() else {}
    device = torch.cuda.get_device_name() if model.device_name.startswith("cuda") else model.device_name
    results[device] = {"model": given.model, "threads": torch.get_num_threads(), "methods": rows}
    kept.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
