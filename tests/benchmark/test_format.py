"""results.json: what is written is read back, and what is wrong in a file is named, never a traceback."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from xssab_core.benchmark.figure import dpr_figure
from xssab_core.benchmark.format import read_results, results_json
from xssab_core.commands.benchmark import table
from xssab_core.errors import DataError

# Of a run before results had curves and localisation of common pairs, and controls.
EARLIER = Path(__file__).parent / "earlier-results.json"
GARBAGE: tuple[Any, ...] = (None, True, -1, 2**70, 1e300, "x", "", [], {}, [[]], [None], {"a": 1}, "\ud800")


@pytest.fixture
def record() -> dict[str, Any]:
    return json.loads(EARLIER.read_text())


def _read(record: Any) -> Any:
    return read_results(json.dumps(record).encode(), "mine.json")


def test_what_is_read_is_written_again_with_the_same_content() -> None:
    results = read_results(EARLIER.read_bytes(), EARLIER.name)
    assert json.loads(results_json(results)) == json.loads(EARLIER.read_text())
    assert read_results(results_json(results), "again") == results


def test_an_older_file_knows_no_controls_but_random(record: dict[str, Any]) -> None:
    results = _read(record)
    assert [method.label for method in results.methods if method.is_control] == ["random"]
    assert results.controls_last[-1].full_title == "Random"
    assert all(method.attained is None for method in results.on_common_pairs().methods)
    assert results.common.difference("xssab", "random") is None
    assert table(results).splitlines()[-1].endswith("control: needs no model")


def test_keys_of_a_later_version_are_passed_over(record: dict[str, Any]) -> None:
    results = _read(record)
    record["later"] = {"a": 1}
    record["methods"][0]["curves"]["later"] = []
    assert _read(record) == results


def test_methods_compare_on_the_pairs_that_every_one_has(record: dict[str, Any]) -> None:
    results = _read(record)
    shown = results.on_common_pairs()
    assert {method.pairs.total for method in results.methods} == {120, 600}
    assert {method.pairs.total for method in shown.methods} == {120}
    for method in shown.methods:
        assert method.gain.fmr.value == record["common"]["methods"][method.label]["gain"]["fmr"]["value"]
    assert [line.split()[1] for line in table(results).splitlines()[3:]] == ["120"] * len(results.methods)


def test_a_figure_says_of_each_line_which_pairs_it_has(record: dict[str, Any]) -> None:
    results = _read(record)
    assert not results.has_common_curves
    names = {line.name for line in dpr_figure(results).data}
    assert "Random (600 pairs)" in names
    assert len([name for name in names if name.endswith("(120 pairs)")]) > 0
    assert len(names) == len(results.methods)


def test_curves_of_the_common_pairs_are_drawn_where_the_file_has_them(record: dict[str, Any]) -> None:
    flat = {"fmr": [0.25] * len(record["shares"]), "fnmr": [0.5] * len(record["shares"])}
    for method in record["methods"]:
        known = {"curves": flat, "localisation": method["localisation"]}
        record["common"]["methods"][method["label"]] |= known
    results = _read(record)
    assert results.has_common_curves
    assert {line.y[3] for line in dpr_figure(results.on_common_pairs()).data} == {25, 50}
    flat["fmr"].pop()
    with pytest.raises(DataError, match=r"common\.methods\.random\.curves\.fmr has 20 points where shares has 21"):
        _read(record)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("common", "methods", "xssab"), "common.methods.xssab is missing"),
        (("model",), "model is missing"),
        (("methods", 2, "curves", "fmr"), "methods[2].curves.fmr is missing"),
        (("methods", 1, "auc", "mean", "low"), "methods[1].auc.mean.low is missing"),
        (("table1", "clean_fmr", "interval"), "table1.clean_fmr.interval is missing"),
        (("run",), "run is missing"),
        (("format",), "format is missing"),
    ],
)
def test_a_missing_key_is_named_with_its_place(record: dict[str, Any], path: tuple[Any, ...], told: str) -> None:
    inner: Any = record
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(DataError) as error:
        _read(record)
    assert str(error.value) == f"mine.json is not a results.json of this benchmark: {told}."


def test_wrong_types_ranges_and_lengths_are_named(record: dict[str, Any]) -> None:
    for change, told in (
        (lambda r: r["threshold"].update(value="high"), "threshold.value: expected float, got str"),
        (lambda r: r["data"].update(pairs_selected=-1), "data.pairs_selected: expected int >= 0"),
        (
            lambda r: r["methods"][0]["curves"]["fmr"].__setitem__(3, 1.5),
            "methods[0].curves.fmr[3]: expected float <= 1",
        ),
        (lambda r: r["methods"][4]["curves"]["fnmr"].pop(), "methods[4].curves.fnmr has 20 points where shares has 21"),
        (lambda r: r.update(methods={}), "methods: expected array, got object"),
    ):
        wrong = copy.deepcopy(record)
        change(wrong)
        with pytest.raises(DataError) as error:
            _read(wrong)
        assert told in str(error.value)


def test_another_format_is_refused_as_such(record: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="has format 2; this program reads format 1"):
        _read(record | {"format": 2})


@pytest.mark.parametrize(
    "data",
    [b"", b"[", b"{", b"null", b"3", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, EARLIER.read_bytes()[:-20]],
    ids=["empty", "bracket", "brace", "null", "number", "utf-16", "deep", "deeper", "cut short"],
)
def test_what_is_no_results_file_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"mine\.json is not a results\.json"):
        read_results(data, "mine.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    text = EARLIER.read_text().replace('"value": 0.3056696601003489', f'"value": {number}', 1)
    assert number in text
    with pytest.raises(DataError, match=r"mine\.json"):
        read_results(text.encode(), "mine.json")


@pytest.mark.slow
def test_a_mutated_file_is_read_whole_or_refused_in_a_sentence(record: dict[str, Any]) -> None:
    generator, outcomes = random.Random(0), set()
    places = list(_places(record))
    for _ in range(400):
        changed = copy.deepcopy(record)
        for path in generator.sample(places, generator.randint(1, 3)):
            _mutate(changed, path, generator)
        try:
            results = read_results(json.dumps(changed).encode(), "mine.json")
        except DataError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        # Whatever can be read can be shown.
        table(results)
        dpr_figure(results.on_common_pairs())
    assert outcomes == {"read", "refused"}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _mutate(record: Any, path: tuple[Any, ...], generator: random.Random) -> None:
    try:
        for step in path[:-1]:
            record = record[step]
        if generator.random() < 0.3:
            del record[path[-1]]
        else:
            record[path[-1]] = generator.choice(GARBAGE)
    except (KeyError, IndexError, TypeError):
        pass  # an earlier change took the place away
