"""`explain`: why a model gave two photographs their score."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from xssab_core.commands.arguments import add_pair_options, further_from, pair_from, threshold_of
from xssab_core.engine import Engine
from xssab_core.explain import CAUTION, METHODS, Explanation
from xssab_core.faces import AlignedFace, Pair
from xssab_core.files import write_folder
from xssab_core.findings.flip import telling_fill
from xssab_core.findings.ledger import ledger
from xssab_core.findings.several import Several, compare_several, sides_of
from xssab_core.metrics import compared
from xssab_core.models import FaceModel
from xssab_core.models.calibration import rates_at
from xssab_core.progress import Line
from xssab_core.report import bundle, maps_npz, pictures, record


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("explain", help="explain the score of two photographs")
    add_pair_options(parser)
    parser.add_argument("--method", default="xssab", help=f"one of {', '.join(METHODS)}")
    parser.add_argument("--no-blur", dest="blur", action="store_false", help="leave the 5x5 Gaussian blur out")
    parser.add_argument(
        "--findings",
        action="store_true",
        help="also measure what hiding each region does and what would flip the decision, in about 200 forward passes",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Explain a pair and write result.json, maps.npz and the pictures."""
    engine = Engine()
    started = time.perf_counter()
    pair = pair_from(given)
    aligned = time.perf_counter()
    model = engine.model(given.model, Line("MiB"))
    loaded = time.perf_counter()
    explanation = engine.explain(model, pair, given.method, threshold_of(given), given.blur)
    several = _compare_several(given, engine, model, pair, explanation)
    seconds = {"align": aligned - started, "load_model": loaded - aligned}
    result = record(explanation, pair, model.device_name, seconds)
    files = bundle(result, maps_npz(explanation), pictures(explanation, pair))
    if several is not None:
        files["photographs.json"] = json.dumps({"caution": CAUTION, **several.record()}, indent=2).encode()
    write_folder(files, given.output)
    for warning in pair.warnings:
        print(warning)
    for side, face in pair.by_side():
        for warning in face.warnings:
            print(f"{face.photo.name}: {warning}")
        for offer in _offers(side, face):
            print(offer)
    shown = compared(explanation.score, explanation.threshold.value)
    sign = ">=" if explanation.is_match else "<"
    print(
        f"{result['decision']}: score {shown.score} {sign} threshold {shown.threshold}, margin {shown.margin} "
        f"({explanation.threshold.name}); {given.output}"
    )
    rates = rates_at(explanation.model.id, explanation.weights_sha256, explanation.threshold.value)
    print(
        f"At this threshold: {rates} on {rates.origin}." if rates else "Error rates: not known without a calibration."
    )
    print(" ".join(result["likelihood_ratio"]["sentences"]))
    if several is not None:
        print("\n".join(several.sentences()))
    if given.findings:
        _find(engine, model, pair, explanation, given.output)


def _compare_several(
    given: argparse.Namespace, engine: Engine, model: FaceModel, pair: Pair, explanation: Explanation
) -> Several | None:
    """The sides with their further photographs; None where none is given."""
    further = further_from(given)
    if not any(further.values()):
        return None
    sides, threshold = sides_of(pair, further), explanation.threshold
    return compare_several(model, *sides, threshold, lambda crops: engine.embed(model, crops))


def _find(engine: Engine, model: FaceModel, pair: Pair, explanation: Explanation, folder: Path) -> None:
    """Write findings.json and regions.csv, and say what they say."""
    regions = ledger(model, pair, explanation, Line())
    flip = engine.flip_set(model, pair, engine.ordering(model, pair, explanation), telling_fill(explanation), Line())
    found = {"caution": CAUTION, "regions": regions.record(), "flip": flip.record()}
    write_folder({"findings.json": json.dumps(found, indent=2).encode(), "regions.csv": regions.csv()}, folder)
    for sentence in (*regions.sentences(), *flip.sentences()):
        print(sentence)


def _offers(side: str, face: AlignedFace) -> list[str]:
    """What the warnings of a face advise, as it is said here."""
    offers = [f"To turn it, add --{side}-turn {face.better_turn}."] if face.better_turn else []
    return offers + ([f"To take it as it is, add --{side}-aligned."] if face.looks_aligned else [])
