"""The house as its imports draw it: arrows go one way, between files and between rooms, and no room is too full.

A room is a folder; each module that lies beside the folders of the library is a room of its own.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "xssab_core"
MOST_MODULES = 10
Graph = Mapping[str, set[str]]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {_name(path): path for folder in (LIBRARY, "ui") for path in (ROOT / folder).rglob("*.py")}


def _imports(path: Path) -> Iterator[str]:
    """What a file imports, also inside functions: the file's module where there is one, else the name as written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by dots"
            assert node.module
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in FILES else node.module


def _room(module: str) -> str:
    """As docs/architecture.md calls it: the module's folder, or its file beside the folders."""
    path = FILES[module].relative_to(ROOT)
    return path.as_posix() if path.parent == Path(LIBRARY) else f"{path.parent.as_posix()}/"


IMPORTS = {module: set(_imports(path)) for module, path in FILES.items()}
BETWEEN_FILES = {module: found & FILES.keys() for module, found in IMPORTS.items()}
BETWEEN_ROOMS: dict[str, set[str]] = {_room(module): set() for module in FILES}
for module, found in BETWEEN_FILES.items():
    BETWEEN_ROOMS[_room(module)] |= {_room(other) for other in found} - {_room(module)}


@pytest.mark.parametrize("graph", [BETWEEN_FILES, BETWEEN_ROOMS], ids=["files", "rooms"])
def test_imports_go_one_way(graph: Graph) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_the_documented_house_has_every_room_and_imports_only_from_rows_below() -> None:
    rows = re.findall(
        r"^\| `((?:ui|xssab_core)/[^ ]*)` \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted(BETWEEN_ROOMS)
    upwards = {room: BETWEEN_ROOMS[room] - set(rows[at + 1 :]) for at, room in enumerate(rows)}
    assert {room: above for room, above in upwards.items() if above} == {}


def test_no_folder_of_the_library_has_more_than_ten_modules() -> None:
    paths = [path for path in (ROOT / LIBRARY).rglob("*.py") if path.stem not in ("__init__", "__main__")]
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in paths)
    assert {folder: size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_the_library_knows_neither_streamlit_nor_the_app() -> None:
    app = {"streamlit", "ui", "pages", "app"}
    found = {module: {name.partition(".")[0] for name in names} & app for module, names in IMPORTS.items()}
    assert {module: names for module, names in found.items() if names and module.startswith(LIBRARY)} == {}


def test_the_imports_were_found() -> None:
    assert f"{LIBRARY}.faces.align" in BETWEEN_FILES[f"{LIBRARY}.models.base"]
    assert f"{LIBRARY}/models/" in BETWEEN_ROOMS[f"{LIBRARY}/explain/"]
    assert "streamlit" in IMPORTS["ui.page"]
