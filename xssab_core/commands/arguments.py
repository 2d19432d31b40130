"""What several commands read from the command line, and what they say when something is wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

from xssab_core.errors import ExplainError, XssabError
from xssab_core.patch_lfw.generator import LAYOUTS

# What `--aligned` says of itself.
ALIGNED = "the images are crops that are already aligned: take them as they are"

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
    "turn": ("probe_turn", "To turn it, add --probe-turn {subject} or --reference-turn {subject}."),
}


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
