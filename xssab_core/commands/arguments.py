"""What several commands read from the command line, and what they say when something is wrong."""

from __future__ import annotations

from xssab_core.errors import XssabError

# What helps, in terms of the command line, by the kind of `Cure`.
_PHRASES = {
    "fetch": "Run: xssab models fetch {subject}",
    "add": "Run: xssab models add --id {subject} --weights FILE",
    "remove": "Run: xssab models remove {subject}",
    "replace": "To replace it, add --replace.",
    "architecture": "Say what it is with --architecture {subject}.",
    "onnx": "An ONNX file is added with --onnx.",
    "size": "The size is given with --size.",
    "normalisation": "The mean and the standard deviation are given with --mean and --std.",
    "output-name": "An output is named with --output-name.",
    "timeout": "The limit is given with --timeout.",
    "output": "Another place is given with --output.",
    "methods": "Methods are named with --methods.",
    "download": "To fetch LFW there first, add --download.",
}


def sentence(error: XssabError) -> str:
    """What the command line says of an error."""
    phrase = _PHRASES.get(error.cure.kind) if error.cure else None
    return f"{error} {phrase.format(subject=error.cure.subject)}" if error.cure and phrase else str(error)


def threshold_from(text: str) -> float | str:
    """A cosine, or the name of a threshold."""
    try:
        return float(text)
    except ValueError:
        return text
