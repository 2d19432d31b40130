"""Foreign text reaches Markdown through `plain` and `code` alone."""

import ast
import re
import string
from collections.abc import Iterator

import pytest

from tests.hostile import TEXTS
from ui.words import JOINER, code, plain
from xssab_core.paths import ASSETS

ROOT = ASSETS.parent
FILES = [ROOT / "app.py", *sorted((ROOT / "ui").glob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]
# What Streamlit reads as Markdown: these functions' texts, and these arguments of any of its functions.
READ_AS_MARKDOWN = {
    *("markdown", "caption", "title", "header", "subheader", "write", "info", "warning", "error", "success", "toast"),
    *("metric", "button", "download_button", "link_button", "expander", "popover", "spinner", "status", "progress"),
    *("pills", "segmented_control", "radio", "checkbox", "toggle", "tabs", "table", "badge", "html"),
}
ARGUMENTS = {"help", "caption", "captions"}
# Values whose text may be another's, by the attribute that holds it and by the name of a variable.
FOREIGN = {
    *("name", "title", "short_title", "source", "origin", "licence", "loss", "training_set", "architecture", "id"),
    *(
        "normalisation",
        "data_set",
        "coverage",
        "date",
        "error",
        "images",
        "set",
        "reference",
        "identity",
        "device_name",
    ),
}
FOREIGN_VARIABLES = {"error", "reason", "model_id", "donor", "warning", "sentence"}
SAFE = {"plain", "code", "escape", "len", "sum"}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def _texts(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call of Streamlit that it reads as Markdown."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in READ_AS_MARKDOWN:
        yield from call.args[: 2 if name == "metric" else 1]
    if name in {"pills", "segmented_control", "radio"}:
        yield from (word.value for word in call.keywords if word.arg == "format_func")
    yield from (word.value for word in call.keywords if word.arg in ARGUMENTS)


def _foreign(node: ast.AST) -> Iterator[str]:
    """Names of foreign text in an expression that go through no helper."""
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called in SAFE:
            return
        if called == "str":
            yield "str()"
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None and _is_number(node.format_spec):
        return
    if isinstance(node, ast.Attribute) and node.attr in FOREIGN:
        yield node.attr
    if isinstance(node, ast.Name) and node.id in FOREIGN_VARIABLES and isinstance(node.ctx, ast.Load):
        yield node.id
    if isinstance(node, ast.Compare):  # it asks, and shows nothing
        return
    for child in ast.iter_child_nodes(node):
        yield from _foreign(child)


def _is_number(spec: ast.expr) -> bool:
    return re.search(r"[,%def]", ast.unparse(spec)[2:-1]) is not None


def _unwrapped(source: str) -> list[str]:
    """Line and name of each foreign text that reaches Markdown as it is, also by way of a local variable."""
    tree = ast.parse(source)
    found = []
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    outside = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], [])
    for scope in [*functions, outside]:
        assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                assigned.setdefault(node.targets[0].id, []).append(node.value)
        for call in _calls(scope):
            for text in _texts(call):
                values = [text, *(v for n in _bare_names(text) for v in assigned.get(n, []))]
                found += [f"{call.lineno}: {name}" for value in values for name in _foreign(value)]
    return sorted(set(found))


def _bare_names(node: ast.AST) -> Iterator[str]:
    """Variables of an expression that go through no helper."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAFE:
        return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _bare_names(child)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_foreign_text_is_read_as_markdown(path) -> None:
    assert _unwrapped(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "st.markdown(photo.name)",
        "st.error(str(error))",
        "st.caption(f'{info.title}, {1:.2f}')",
        "column.metric('Model', model.id)",
        "st.button('x', help=known.origin)",
        "st.pills('x', ids, format_func=lambda i: METHODS[i].info.short_title)",
        "def f():\n    text = f'Score of {pair.title}'\n    st.info(text)",
        "st.markdown(plain(a.name) + b.name)",
    ],
)
def test_the_search_finds_what_is_not_wrapped(line: str) -> None:
    assert _unwrapped(line)


def test_no_page_lets_html_through() -> None:
    for path in FILES:
        assert "unsafe_allow_html" not in path.read_text(), path


@pytest.mark.parametrize("text", TEXTS)
def test_plain_text_has_no_bare_punctuation_and_only_its_own_letters(text: str) -> None:
    made = plain(text)
    escaped = re.compile(rf"\\([{re.escape(string.punctuation)}])")
    assert set(escaped.sub("", made)).isdisjoint(string.punctuation)
    letters = escaped.sub(r"\1", made).replace(JOINER, "")
    assert letters == " ".join(re.sub(r"[\x00-\x1f]", " ", text).split())


def test_code_cannot_be_left() -> None:
    assert code("models fetch sface") == "`models fetch sface`"
    assert code("a `b` ``c``\n# d") == "``` a `b` ``c`` # d ```"
