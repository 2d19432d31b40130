"""Memory of the benchmark command: does its peak grow with the number of pairs?

    python measurements/memory.py --lfw DIR [--pairs 60,4200] [--methods random] [--steps 21]

Runs the command once for each number of pairs, each time as a process of its own in an empty folder, and reads the peak
resident memory that the kernel reports for it and for the processes it waited for. The threshold is the model's own, so
that only the images of the pairs are embedded. Crops come from the store's cache: a first run fills it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).with_suffix(".json")


def measured(lfw: Path, model: str, methods: str, pairs: int, steps: int, output: Path) -> dict[str, Any]:
    """Peak memory in MiB and seconds of one run of the command.

    Raises:
        SystemExit: the command failed; it has said why.
    """
    command = [sys.executable, "-m", "xssab_core", "benchmark", "--lfw", str(lfw), "--model", model]
    command += ["--methods", methods, "--pairs", str(pairs), "--threshold", "eer"]
    command += ["--steps", str(steps), "--output", str(output)]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"The benchmark of {pairs} pairs failed.")
    done = json.loads((output / "results.json").read_text())["data"]["pairs_selected"]
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    return {
        "pairs": done,
        "peak_mib": round(used.ru_maxrss / unit, 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True, help="a copy of LFW with its pairs.txt")
    parser.add_argument("--pairs", default="60,4200", help="numbers of pairs, the first one is what others are held to")
    parser.add_argument("--model", default="sface")
    parser.add_argument("--methods", default="random")
    parser.add_argument("--steps", type=int, default=21, help="points of a curve; fewer are quicker")
    parser.add_argument("--result", type=Path, default=RESULT)
    given = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for pairs in map(int, given.pairs.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            run = measured(given.lfw.resolve(), given.model, given.methods, pairs, given.steps, Path(folder))
        runs.append(run | {"ratio": round(run["peak_mib"] / (runs or [run])[0]["peak_mib"], 3)})
        print(f"{run['pairs']:,} pairs: {run['peak_mib']:,.0f} MiB at most, {runs[-1]['ratio']:.3f} of the first run")
    record = {"model": given.model, "methods": given.methods, "steps": given.steps, "runs": runs}
    given.result.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
