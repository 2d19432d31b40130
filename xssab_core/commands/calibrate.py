"""`calibrate`: score pairs with known labels and keep the thresholds that follow."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xssab_core.commands.arguments import ALIGNED
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair, open_lfw
from xssab_core.data.pair_list import read_pairs
from xssab_core.data.verification_set import SUFFIX, read_verification_set, unpacked
from xssab_core.errors import DataError
from xssab_core.models import DEFAULT_MODEL, load_model
from xssab_core.models.calibration import Calibration, calibration_path
from xssab_core.progress import Line
from xssab_core.scoring.calibrate import calibrate, calibrate_on_lfw, summary
from xssab_core.scoring.embed import images_of


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("calibrate", help="find a model's thresholds on pairs with known labels")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--lfw", type=Path, metavar="DIR", help="a copy of LFW with pairs.txt; its official pairs")
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="FILE",
        help="your own pairs instead: a CSV file with probe,reference,label (genuine or impostor) and paths relative "
        "to it or to --lfw, or a verification set of InsightFace (.bin)",
    )
    parser.add_argument("--aligned", action="store_true", help=ALIGNED)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to keep it, if not in the store")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Calibrate a model, keep the result and print it."""
    if given.lfw is None and given.pairs is None:
        raise DataError("Say which pairs to score: --lfw DIR, or --pairs FILE for your own.")
    if given.pairs is None:
        result = _on_lfw(given)
    elif given.pairs.suffix.lower() == SUFFIX:
        result = _on_verification_set(given)
    else:
        result = _on_pairs(given, read_pairs(given.pairs, given.lfw), given.aligned)
    path = given.output or calibration_path(result.model)
    result.save(path)
    print("\n".join(summary(result)))
    print(f"kept in {path}")


def _on_lfw(given: argparse.Namespace) -> Calibration:
    lfw = open_lfw(given.lfw)
    model = load_model(given.model, progress=Line("MiB"))
    return calibrate_on_lfw(model, lfw, _cache(lfw.pairs, given.aligned), progress=Line())


def _on_verification_set(given: argparse.Namespace) -> Calibration:
    pairs = read_verification_set(given.pairs)
    with tempfile.TemporaryDirectory() as folder:
        return _on_pairs(given, unpacked(pairs, Path(folder)), aligned=True)


def _on_pairs(given: argparse.Namespace, pairs: Sequence[LfwPair], aligned: bool) -> Calibration:
    model = load_model(given.model, progress=Line("MiB"))
    return calibrate(model, pairs, _cache(pairs, aligned), given.pairs.name, len(pairs), Line())


def _cache(pairs: Sequence[LfwPair], aligned: bool) -> CropCache:
    """Where the crops come from; says so where the images look like crops and are not taken as such."""
    cache = CropCache.default(aligned)
    if cache.look_aligned(images_of(pairs)):
        print(
            "These images look like crops that are already aligned. Without surroundings their landmarks are found a "
            "few pixels off, which moves the threshold. To take them as they are, add --aligned."
        )
    return cache
