"""`explain`: why a model gave two photographs their score."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from xssab_core.commands.arguments import threshold_from
from xssab_core.engine import Engine
from xssab_core.errors import FaceError
from xssab_core.explain import METHODS
from xssab_core.faces import AlignedFace, Pair, align_face, open_photo
from xssab_core.files import write_folder
from xssab_core.models import DEFAULT_MODEL
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
    for side in ("probe", "reference"):
        parser.add_argument(
            f"--{side}-landmarks",
            metavar="X,Y;X,Y;X,Y;X,Y;X,Y",
            help="left eye, right eye, nose, left and right mouth corner as seen in the picture",
        )
        parser.add_argument(f"--{side}-face", type=int, default=1, metavar="N", help="which face, 1 = largest")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Explain a pair and write result.json, maps.npz and the pictures."""
    engine = Engine()
    started = time.perf_counter()
    pair = Pair(
        _face(given.probe, given.probe_landmarks, given.probe_face),
        _face(given.reference, given.reference_landmarks, given.reference_face),
    )
    aligned = time.perf_counter()
    model = engine.model(given.model, Line("MiB"))
    loaded = time.perf_counter()
    threshold = None if given.threshold is None else threshold_from(given.threshold)
    explanation = engine.explain(model, pair, given.method, threshold, given.blur)
    seconds = {"align": aligned - started, "load_model": loaded - aligned}
    result = record(explanation, pair, model.device_name, seconds)
    write_folder(bundle(result, maps_npz(explanation), pictures(explanation, pair)), given.output)
    for face in pair:
        for warning in face.warnings:
            print(f"{face.photo.name}: {warning}")
    sign = ">=" if explanation.is_match else "<"
    print(
        f"{result['decision']}: score {explanation.score:.4f} {sign} threshold {explanation.threshold.value:.4f} "
        f"({explanation.threshold.name}); {given.output}"
    )


def _face(path: Path, landmarks: str | None, number: int) -> AlignedFace:
    photo = open_photo(path)
    if landmarks is None:
        return align_face(photo, face=number - 1)
    try:
        points = [(float(x), float(y)) for x, y in (pair.split(",") for pair in landmarks.split(";"))]
    except ValueError as error:
        raise FaceError(f"{landmarks!r} is not five x,y pairs such as 38,52;74,51;56,72;42,92;71,92.") from error
    return align_face(photo, landmarks=points)
