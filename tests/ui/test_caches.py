"""What the app caches: Streamlit leaves arguments that begin with an underscore out of the key."""

import ast
from pathlib import Path

from ui import state

UI = Path(state.__file__).parent


def is_cached(function: ast.FunctionDef) -> bool:
    return any("st.cache_" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_every_argument_of_a_cached_function_is_part_of_its_key() -> None:
    cached = [
        (path.name, node.name, [argument.arg for argument in node.args.args + node.args.kwonlyargs])
        for path in sorted(UI.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and is_cached(node)
    ]
    assert len(cached) > 4
    assert [entry for entry in cached if any(name.startswith("_") for name in entry[2])] == []
