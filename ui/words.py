"""Foreign text: names and sentences from files, packages and folders, shown as they are wherever Streamlit reads
Markdown."""

from __future__ import annotations

import re

# Line breaks and runs of space would begin new blocks; controls and marks of direction would change what stands beside.
# A space that does not break is kept: it holds numbers and their units together.
_UNSHOWN = re.compile(r"(?:(?!\u00a0)[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069])+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Streamlit looks for these after it has read the Markdown, when escapes are gone: addresses, e-mail, :icons: and
# arrows. A word joiner, which has no width, stands in their way.
_READ_LATER = re.compile(r"[:@](?=\S)|www(?=\.)|[-<>~](?=[->=])", re.IGNORECASE)
JOINER = "\u2060"


def code(text: str) -> str:
    """Markdown that shows one line of a foreign text as code."""
    line = _UNSHOWN.sub(" ", text).strip()
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def plain(text: object) -> str:
    """Markdown that shows a foreign text, or the text of an error, letter by letter on one line: no link, picture,
    icon, formula or HTML comes of it."""
    line = _UNSHOWN.sub(" ", str(text)).strip()
    return _PUNCTUATION.sub(r"\\\1", _READ_LATER.sub(rf"\g<0>{JOINER}", line))
