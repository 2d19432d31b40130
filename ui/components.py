"""The components that are written in JavaScript: the modules in `frontend`, as Streamlit takes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

import numpy as np
import streamlit as st

FOLDER = Path(__file__).parent / "frontend"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:function|class|const) (\w+))", re.MULTILINE)


def component(name: str) -> Callable[..., Any]:
    """The component of `frontend/<name>.js` and `<name>.css`; it draws in an element of the class `<name>`."""
    return st.components.v2.component(
        f"xssab_{name}",
        html=f'<div class="{name}"></div>',
        css=(FOLDER / f"{name}.css").read_text(encoding="utf-8"),
        js=script(FOLDER / f"{name}.js"),
    )


def packed(values: np.ndarray) -> str:
    """An array as `shared/decode.js` reads it, row by row. Its type is the reader's: uint8, little-endian int32 or
    float32."""
    return base64.b64encode(values.tobytes()).decode()


def script(entry: Path) -> str:
    """A module and all that it imports as one module, each import in a scope of its own.

    Streamlit serves modules that import each other for installed packages only, and xSSAB also runs from a clone.
    What is joined imports by name (`import { a, b } from "./other.js";`), from the entry's folder or below, and exports
    functions, classes and constants where they are declared; the entry alone has a default export.
    """
    scopes: dict[str, str] = {}
    main = _linked(entry.name, entry.parent, scopes)
    return "\n".join(["const modules = {};", *scopes.values(), main])


def _linked(name: str, folder: Path, scopes: dict[str, str]) -> str:
    """The module with its imports taken from `modules`; the scopes of those not there yet are added."""

    def link(found: re.Match[str]) -> str:
        needed = normpath(join(dirname(name), found[2]))
        if needed not in scopes:
            scopes[needed] = _scope(needed, _linked(needed, folder, scopes))
        return f'const {found[1]} = modules["{needed}"];'

    return _IMPORT.sub(link, (folder / name).read_text(encoding="utf-8"))


def _scope(name: str, source: str) -> str:
    exported = ", ".join(_EXPORT.findall(source))
    return f'modules["{name}"] = (() => {{\n{_EXPORT.sub("", source)}return {{ {exported} }};\n}})();'
