"""What several commands read from the command line, and what they say when something is wrong."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xssab_core.errors import ExplainError, FaceError, XssabError
from xssab_core.faces import SIDES, TURNS, AlignedFace, Pair, align_face, open_photo, turned
from xssab_core.findings.several import Further
from xssab_core.models import DEFAULT_MODEL
from xssab_core.patch_lfw.generator import LAYOUTS

# What `--aligned` says of itself.
ALIGNED = "the images are crops that are already aligned: take them as they are"

# In JSON.
_BETWEEN_PAIRS = re.compile(r"\]\s*,\s*\[")
# A value that argparse would take for an option: none of ours begins like it.
_NEGATIVE = re.compile(r"-\.?\d")

# What helps, by the kind of `Cure`: the option it needs (said by commands that have it only), and the phrase.
_PHRASES = {
    "fetch": ("", "Run: xssab models fetch {subject}"),
    "add": ("", "Run: xssab models add --id {subject} --weights FILE"),
    "remove": ("", "Run: xssab models remove {subject}"),
    "replace": ("replace", "To replace it, add --replace."),
    "architecture": ("architecture", "Say what it is with --architecture {subject}."),
    "onnx": ("onnx", "An ONNX file is added with --onnx."),
    "size": ("size", "The size is given with --size."),
    "normalisation": ("mean", "The mean and the standard deviation are given with --mean and --std."),
    "output-name": ("output_name", "An output is named with --output-name."),
    "timeout": ("timeout", "The limit is given with --timeout."),
    "output": ("output", "Another place is given with --output."),
    "methods": ("methods", "Methods are named with --methods."),
    "lfw": ("download", "To fetch LFW there first, add --download."),
    "originals": ("originals", "Name them with --originals FILE FILE."),
    "turn": ("probe_turn", "To turn it, add --probe-turn {subject} or --reference-turn {subject}."),
}


def add_pair_options(parser: argparse.ArgumentParser) -> None:
    """Two photographs, which face of each is meant, and the model and threshold that decide."""
    parser.add_argument("probe", type=Path, metavar="PROBE")
    parser.add_argument("reference", type=Path, metavar="REFERENCE")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threshold", help='a cosine, or the name of a known threshold such as "eer"')
    for side in SIDES:
        _add_side(parser, side)
    for side in SIDES:
        parser.add_argument(
            f"--{side}-also",
            type=Path,
            nargs="+",
            default=[],
            metavar="FILE",
            help=f"further photographs of the person in {side.upper()}, their largest faces: what the means score, and "
            "which photograph carries that; maps are of PROBE and REFERENCE",
        )


def _add_side(parser: argparse.ArgumentParser, side: str) -> None:
    parser.add_argument(
        f"--{side}-turn", type=int, default=0, choices=TURNS, help="degrees to turn it clockwise, before all else"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(f"--{side}-face", type=int, default=1, metavar="N", help="which face, 1 = largest")
    which.add_argument(
        f"--{side}-landmarks",
        metavar="X,Y;X,Y;X,Y;X,Y;X,Y",
        help="left eye, right eye, nose, left and right mouth corner as seen in the picture, or as a record has them",
    )
    which.add_argument(
        f"--{side}-aligned", action="store_true", help="it is a crop that is already aligned: take it as it is"
    )


def with_negative_values(arguments: Sequence[str]) -> list[str]:
    """Arguments with values such as -9,52 joined to the options they follow."""
    joined: list[str] = []
    for argument in arguments:
        before = joined[-1] if joined else ""
        if before.startswith("--") and "=" not in before and _NEGATIVE.match(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def pair_from(given: argparse.Namespace) -> Pair:
    """The faces that `add_pair_options` asked for.

    Raises:
        XssabError: a photograph cannot be opened, or shows no such face.
    """
    return Pair(*(_face(given, side) for side in SIDES))


def further_from(given: argparse.Namespace) -> Further:
    """The faces of the further photographs that `add_pair_options` asked for.

    Raises:
        XssabError: a photograph cannot be opened, or shows no face.
    """
    return {side: [align_face(open_photo(path)) for path in getattr(given, f"{side}_also")] for side in SIDES}


def threshold_of(given: argparse.Namespace) -> float | str | None:
    """The threshold given, see `threshold_from`; None for the model's own."""
    return None if given.threshold is None else threshold_from(given.threshold)


def _face(given: argparse.Namespace, side: str) -> AlignedFace:
    def said(what: str) -> Any:
        return getattr(given, f"{side}_{what}")

    photo = turned(open_photo(getattr(given, side)), said("turn"))
    landmarks = None if said("landmarks") is None else _points(said("landmarks"))
    return align_face(photo, landmarks, said("face") - 1, aligned=said("aligned"))


def _points(text: str) -> list[tuple[float, float]]:
    """Pairs as they are typed, `x,y;x,y`, or as a record has them, `[[x, y], [x, y]]`."""
    typed = _BETWEEN_PAIRS.sub(";", text).strip("[] \n")
    try:
        return [(float(x), float(y)) for x, y in (pair.split(",") for pair in typed.split(";"))]
    except ValueError as error:
        raise FaceError(f"{text!r} is not five x,y pairs such as 38,52;74,51;56,72;42,92;71,92.") from error


def add_patch_lfw_options(parser: argparse.ArgumentParser) -> None:
    """Which pairs of which copy of LFW are patched how, and where results go."""
    parser.add_argument("--lfw", type=Path, required=True, metavar="DIR", help="a copy of LFW with its pairs.txt")
    parser.add_argument("--download", action="store_true", help="fetch LFW into --lfw first if it is not there")
    parser.add_argument("--aligned", action="store_true", help=ALIGNED)
    parser.add_argument("--pairs", type=int, metavar="N", help="so many pairs, half of them genuine; all unless given")
    parser.add_argument("--folds", metavar="1-7", help="of LFW's ten; all that are there unless given")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="uniform",
        help="of the patches: uniform (default), authors, or hard, whose patches equal pixels do not give away",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")


def sentence(error: XssabError, given: argparse.Namespace) -> str:
    """What the command that was `given` says of an error; it advises no option that the command does not have."""
    option, phrase = _PHRASES.get(error.cure.kind, ("", "")) if error.cure else ("", "")
    if error.cure is None or not phrase or (option and option not in given):
        return str(error)
    return f"{error} {phrase.format(subject=error.cure.subject).replace(' .', '.')}"


def threshold_from(text: str) -> float | str:
    """A cosine, or the name of a threshold.

    Raises:
        ExplainError: a cosine with a decimal comma or in percent, with what to write instead.
    """
    number, percent, _ = text.strip().partition("%")
    try:
        value = float(number.replace(",", "."))
    except ValueError:
        return text
    if percent:
        raise ExplainError(f"{text} is a percentage. A threshold is a cosine: write {value / 100:g}.")
    if "," in number:
        raise ExplainError(f"{text} has a decimal comma. Write it with a point: {value:g}.")
    return value
