"""`explain`: why a model gave two photographs their score."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from xssab_core.commands.arguments import threshold_from
from xssab_core.engine import Engine
from xssab_core.errors import FaceError
from xssab_core.explain import CAUTION, METHODS, Explanation
from xssab_core.faces import SIDES, TURNS, AlignedFace, Pair, align_face, open_photo, turned
from xssab_core.files import write_folder
from xssab_core.findings.flip import flip_set, telling_fill
from xssab_core.findings.ledger import ledger
from xssab_core.metrics import compared
from xssab_core.models import DEFAULT_MODEL, FaceModel
from xssab_core.models.calibration import rates_at
from xssab_core.progress import Line
from xssab_core.report import bundle, maps_npz, pictures, record


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("explain", help="explain the score of two photographs")
    parser.add_argument("probe", type=Path, metavar="PROBE")
    parser.add_argument("reference", type=Path, metavar="REFERENCE")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--method", default="xssab", help=f"one of {', '.join(METHODS)}")
    parser.add_argument("--threshold", help='a cosine, or the name of a known threshold such as "eer"')
    parser.add_argument("--no-blur", dest="blur", action="store_false", help="leave the 5x5 Gaussian blur out")
    for side in SIDES:
        _add_side(parser, side)
    parser.add_argument(
        "--findings",
        action="store_true",
        help="also measure what hiding each region does and what would flip the decision, in about 200 forward passes",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def _add_side(parser: argparse.ArgumentParser, side: str) -> None:
    parser.add_argument(
        f"--{side}-turn", type=int, default=0, choices=TURNS, help="degrees to turn it clockwise, before all else"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(f"--{side}-face", type=int, default=1, metavar="N", help="which face, 1 = largest")
    which.add_argument(
        f"--{side}-landmarks",
        metavar="X,Y;X,Y;X,Y;X,Y;X,Y",
        help="left eye, right eye, nose, left and right mouth corner as seen in the picture, or as a record has them; "
        f"where the first is negative: --{side}-landmarks=-9,52;...",
    )
    which.add_argument(
        f"--{side}-aligned", action="store_true", help="it is a crop that is already aligned: take it as it is"
    )


def run(given: argparse.Namespace) -> None:
    """Explain a pair and write result.json, maps.npz and the pictures."""
    engine = Engine()
    started = time.perf_counter()
    pair = Pair(*(_face(given, side) for side in SIDES))
    aligned = time.perf_counter()
    model = engine.model(given.model, Line("MiB"))
    loaded = time.perf_counter()
    threshold = None if given.threshold is None else threshold_from(given.threshold)
    explanation = engine.explain(model, pair, given.method, threshold, given.blur)
    seconds = {"align": aligned - started, "load_model": loaded - aligned}
    result = record(explanation, pair, model.device_name, seconds)
    write_folder(bundle(result, maps_npz(explanation), pictures(explanation, pair)), given.output)
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
    if given.findings:
        _find(model, pair, explanation, given.output)


def _find(model: FaceModel, pair: Pair, explanation: Explanation, folder: Path) -> None:
    """Write findings.json and regions.csv, and say what they say."""
    regions = ledger(model, pair, explanation, Line())
    flip = flip_set(model, pair, explanation, telling_fill(explanation), Line())
    found = {"caution": CAUTION, "regions": regions.record(), "flip": flip.record()}
    write_folder({"findings.json": json.dumps(found, indent=2).encode(), "regions.csv": regions.csv()}, folder)
    for sentence in (*regions.sentences(), *flip.sentences()):
        print(sentence)


def _face(given: argparse.Namespace, side: str) -> AlignedFace:
    def said(what: str) -> Any:
        return getattr(given, f"{side}_{what}")

    photo = turned(open_photo(getattr(given, side)), said("turn"))
    landmarks = None if said("landmarks") is None else _points(said("landmarks"))
    return align_face(photo, landmarks, said("face") - 1, aligned=said("aligned"))


def _points(text: str) -> list[tuple[float, float]]:
    try:
        return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split(";"))]
    except ValueError as error:
        raise FaceError(f"{text!r} is not five x,y pairs such as 38,52;74,51;56,72;42,92;71,92.") from error


def _offers(side: str, face: AlignedFace) -> list[str]:
    """What the warnings of a face advise, as it is said here."""
    offers = [f"To turn it, add --{side}-turn {face.better_turn}."] if face.better_turn else []
    return offers + ([f"To take it as it is, add --{side}-aligned."] if face.looks_aligned else [])
