"""What the README shows runs as it stands there."""

import re
import sys

import numpy as np
import pytest

from xssab_core import explain as explain_pair
from xssab_core.cli import main
from xssab_core.explain import METHODS
from xssab_core.paths import ASSETS

README = (ASSETS.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_library_example_runs(monkeypatch, tmp_path) -> None:
    example = next(block for block in BLOCKS if "load_model" in block)
    for name, sample in (("probe.jpg", "barack_obama_1.jpg"), ("reference.jpg", "joe_biden_1.jpg")):
        (tmp_path / name).write_bytes((ASSETS / "samples" / sample).read_bytes())
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(example, found)
    assert not found["result"].is_match
    assert found["result"].probe.combined.shape == (112, 112)


def test_the_method_of_ones_own_runs_and_is_twenty_lines(monkeypatch, sface, samples) -> None:
    example = next(block for block in BLOCKS if "class Centre" in block)
    lines = [line for line in example.splitlines() if line.strip() and not line.startswith(("#", '"""'))]
    assert len(lines) <= 20
    found: dict[str, object] = {}
    exec(example, found)
    monkeypatch.setitem(METHODS, "centre", found["Centre"]())
    result = explain_pair(sface, samples["barack_obama_1"], samples["joe_biden_1"], method="centre")
    assert np.unravel_index(result.probe.combined.argmax(), (112, 112)) in {(y, x) for y in (55, 56) for x in (55, 56)}


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^xssab ([a-z-]+)", README, re.MULTILINE))))
def test_every_command_of_the_readme_exists(command, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["xssab"])
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_every_method_and_linked_file_of_the_readme_exists() -> None:
    rows = README.partition("## Methods")[2].partition("\n\nA method")[0]
    first_column = " ".join(re.findall(r"^\| (`.*?`) \|", rows, re.MULTILINE))
    assert set(METHODS) == set(re.findall(r"`(.*?)`", first_column))
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ASSETS.parent / target).exists(), target
