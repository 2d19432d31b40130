"""What pyproject.toml promises: ranges that hold the tested versions, and a version that stands in one place."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PROMISED = {
    "requirements.txt": PROJECT["dependencies"],
    "tests/requirements.txt": EXTRAS["cluster"] + [line for line in EXTRAS["test"] if line != "xssab[cluster]"],
}


@pytest.mark.parametrize("file", PROMISED)
def test_tested_versions_and_promised_ranges_name_the_same_packages_and_agree(file) -> None:
    ranges = _by_name(PROMISED[file])
    pins = _by_name(line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#"))
    assert set(pins) == set(ranges)
    for name, pin in pins.items():
        (exactly,) = pin.specifier
        assert exactly.operator == "=="
        assert ranges[name].specifier.contains(exactly.version), name


def test_the_version_stands_in_the_package_alone() -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]


def _by_name(lines: Iterable[str]) -> dict[str, Requirement]:
    return {canonicalize_name(found.name): found for found in map(Requirement, lines)}
