"""`calibrate`: score pairs with known labels and keep the thresholds that follow."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.data.pair_list import read_pairs
from xssab_core.errors import DataError
from xssab_core.models import DEFAULT_MODEL, load_model
from xssab_core.models.calibration import FMR_TARGETS, Calibration, calibration_path
from xssab_core.progress import Line
from xssab_core.scoring.calibrate import calibrate, calibrate_on_lfw


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("calibrate", help="find a model's thresholds on pairs with known labels")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--lfw", type=Path, metavar="DIR", help="a copy of LFW with pairs.txt; its official pairs")
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="FILE.csv",
        help="your own pairs instead: probe,reference,label (genuine or impostor); paths relative to the file or to "
        "--lfw",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to keep it, if not in the store")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Calibrate a model, keep the result and print it."""
    if given.lfw is None and given.pairs is None:
        raise DataError("Say which pairs to score: --lfw DIR, or --pairs FILE.csv for your own.")
    cache = CropCache.default()
    if given.pairs is not None:
        pairs = read_pairs(given.pairs, given.lfw)
        model = load_model(given.model, progress=Line("MiB"))
        result = calibrate(model, pairs, cache, given.pairs.name, len(pairs), Line())
    else:
        lfw = open_lfw(given.lfw)
        model = load_model(given.model, progress=Line("MiB"))
        result = calibrate_on_lfw(model, lfw, cache, progress=Line())
    path = given.output or calibration_path(model.info.id)
    result.save(path)
    print("\n".join(summary(result)))
    print(f"kept in {path}")


def summary(result: Calibration) -> list[str]:
    """What a calibration found, as lines of text."""
    lines = [
        f"{result.model}, weights sha256 {result.weights_sha256[:12]}..., {result.date}",
        f"{result.data_set}: {result.coverage} ({len(result.genuine):,} genuine, {len(result.impostor):,} impostor)",
    ]
    known = result.thresholds()
    for threshold in known:
        false_match, false_non_match = result.rates(threshold.value)
        lines.append(f"threshold {threshold.value:.4f} ({threshold.name}): FMR {false_match}; FNMR {false_non_match}")
    missing = [f"{target:.0e}".replace("e-0", "e-") for target in FMR_TARGETS]
    missing = [name for name in missing if f"fmr-{name}" not in {threshold.name for threshold in known}]
    if missing:
        lines.append(f"too few impostor pairs for a threshold at FMR {', '.join(missing)}")
    accuracy = result.fold_accuracy()
    if accuracy is not None:
        lines.append(
            f"accuracy over {len(accuracy.folds)} folds, each at the threshold best on the others: "
            f"{accuracy.mean:.2%}, standard error {accuracy.standard_error:.2%}"
        )
    return lines
