"""The modules of a component, joined into the script that Streamlit serves; Node.js reads and runs it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ui.components import FOLDER, script

COMPONENTS = sorted(path.stem for path in FOLDER.glob("*.js"))


def run(folder: Path, code: str) -> str:
    """What the code prints that may import `joined.mjs`."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed; make test installs it on Debian")
    (folder / "main.mjs").write_text(code)
    done = subprocess.run(["node", folder / "main.mjs"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_one_script_that_imports_nothing_and_exports_a_function(name: str, tmp_path: Path) -> None:
    joined = script(FOLDER / f"{name}.js")
    (tmp_path / "joined.mjs").write_text(joined)
    assert [line for line in joined.splitlines() if line.startswith("import ")] == []
    code = 'import * as joined from "./joined.mjs"; console.log(Object.keys(joined), typeof joined.default);'
    assert run(tmp_path, code) == "[ 'default' ] function"


def test_every_module_is_served_and_every_component_has_its_styles() -> None:
    joined = "".join(script(FOLDER / f"{name}.js") for name in COMPONENTS)
    for module in FOLDER.glob("*/*.js"):
        assert f'modules["{module.relative_to(FOLDER).as_posix()}"] = ' in joined
    assert sorted(path.stem for path in FOLDER.glob("*.css")) == COMPONENTS


def test_a_module_needed_twice_runs_once_and_equal_names_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "count.js").write_text(
        "let calls = 0;\nexport function count() {\n  return ++calls;\n}\nexport const STEP = 1;\n"
    )
    for name in ("left", "right"):
        (tmp_path / "parts" / f"{name}.js").write_text(
            f'import {{\n  count,\n}} from "./count.js";\nconst own = "{name}";\n'
            f"export class {name.title()} {{\n  said = own + count();\n}}\n"
        )
    (tmp_path / "entry.js").write_text(
        'import { Left } from "./parts/left.js";\nimport { Right } from "./parts/right.js";\n'
        "export default () => new Left().said + new Right().said;\n"
    )
    (tmp_path / "joined.mjs").write_text(script(tmp_path / "entry.js"))
    assert run(tmp_path, 'import main from "./joined.mjs"; console.log(main());') == "left1right2"
