"""Seconds a pair of every method, as Table 3 of the paper: pairs one by one, mean and total, on the device there is.

Run: python measurements/seconds_per_pair.py [--model sface] [--pairs 100] [--methods xssab,layered] [--device cpu]

A first pair of each method warms up and is not counted. Each method's row is kept as soon as it is there; rows of other
methods and devices in the file stay.
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


def keep(device: str, about: dict[str, object], method_id: str, row: dict[str, float]) -> None:
    """Put a row into the file beside this one."""
    kept = Path(__file__).with_suffix(".json")
    results = json.loads(kept.read_text()) if kept.exists() else {}
    rows = results.get(device, {}).get("methods", {}) | {method_id: row}
    results[device] = about | {"methods": rows}
    kept.write_text(json.dumps(results, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--device", default=str(choose_device()))
    given = parser.parse_args()
    model = load_model(given.model, given.device)
    device = torch.cuda.get_device_name() if model.device_name.startswith("cuda") else model.device_name
    about = {"model": given.model, "threads": torch.get_num_threads()}
    photographs = sorted((ASSETS / "samples").glob("*.jpg"))
    crops = [align_face(open_photo(path)).crop_for(model.info.template) for path in photographs]
    print(f"{given.model} on {device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for method_id in given.methods.split(","):
        if METHODS[method_id].unavailable(model):
            continue
        seconds = []
        for probe, reference in islice(cycle(permutations(crops, 2)), given.pairs + 1):
            started = time.perf_counter()
            explain(model, probe, reference, method_id, threshold=0.3)
            seconds.append(time.perf_counter() - started)
        counted = seconds[1:]
        row = {"pairs": len(counted), "mean": sum(counted) / len(counted), "total": sum(counted)}
        keep(device, about, method_id, row)
        print(f"{method_id:12s} {len(counted):4d} pairs {row['mean']:9.4f} s a pair {row['total']:8.1f} s", flush=True)


if __name__ == "__main__":
    main()
