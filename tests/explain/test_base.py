"""The interface of all methods: what goes in and comes out is checked once, for every method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.explain.tiny import SIDE, random_pair, tiny_model
from xssab_core.errors import ExplainError, ModelError
from xssab_core.explain import METHODS, Evidence, Explainer, FaceMaps, MethodInfo, explain
from xssab_core.explain.plugins import installed
from xssab_core.models.base import FaceModel
from xssab_core.work.caches import LruCache


class Given(Explainer[FaceModel, Evidence]):
    """A method that answers with the maps it was made with."""

    info = MethodInfo("given", "Given", "this test", False, False, 2, 0)
    evidence_kind = "embeddings"

    def __init__(self, *maps: FaceMaps) -> None:
        self._maps = maps

    def gather(self, model, probe, reference, progress):
        return Evidence(model.embed(np.stack([probe, reference])))

    def attribute(self, model, evidence, threshold, blur):
        return self._maps


def flat(side: int = SIDE, dtype: type = np.float32, value: float = 0.0) -> FaceMaps:
    return FaceMaps(None, None, np.full((side, side), value, dtype=dtype))


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        (flat(side=5), r"Given gave a combined map of the reference that is float32 \(5, 5\), not float32 \(40, 40\)"),
        (flat(dtype=np.float64), r"combined map of the reference that is float64 \(40, 40\)"),
        (flat(value=np.nan), r"Given gave a combined map of the reference that is not finite"),
        (flat(value=np.inf), r"not finite"),
    ],
)
def test_maps_that_are_none_are_refused_with_the_name_of_their_method(maps: FaceMaps, says: str) -> None:
    model, (probe, reference) = tiny_model(), random_pair()
    method = Given(flat(), maps)
    with pytest.raises(ExplainError, match=says):
        method.maps(model, method.examine(model, probe, reference), 0.0)


def test_maps_that_fit_come_back_as_they_are() -> None:
    model, (probe, reference), given = tiny_model(), random_pair(), (flat(value=1.0), flat(value=-1.0))
    assert Given(*given).maps(model, Given().examine(model, probe, reference), 0.0) == given


def test_crops_that_do_not_fit_are_refused_before_the_method_sees_them() -> None:
    probe, reference = random_pair()
    with pytest.raises(ModelError, match="takes uint8 RGB crops"):
        Given().examine(tiny_model(), probe, reference[:20])


@dataclass(frozen=True, eq=False)
class Heavy(Evidence):
    """Evidence that says nothing of its size."""

    grid: torch.Tensor
    parts: tuple[np.ndarray, ...]
    names: dict[str, bytes]
    side: int


def test_the_memory_of_evidence_follows_from_its_fields() -> None:
    evidence = Heavy(np.zeros((2, 8), np.float32), torch.zeros(10), (np.zeros(3), np.zeros(4)), {"a": bytes(5)}, side=7)
    assert evidence.nbytes == 2 * 8 * 4 + 10 * 4 + 7 * 8 + 5
    assert Evidence(np.zeros((2, 128), np.float32)).nbytes == 1024


def test_a_cache_of_evidence_that_says_nothing_of_its_size_is_bounded() -> None:
    cache: LruCache[Evidence] = LruCache(10_000, lambda evidence: evidence.nbytes)
    for number in range(100):
        cache.put(number, Evidence(np.zeros((2, 128), np.float32)))
    assert [number for number in range(100) if cache.get(number) is not None] == list(range(91, 100))


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_every_method_carries_its_parameters_into_the_explanation(method: Explainer) -> None:
    if method.unavailable(tiny_model()) is None:
        found = explain(tiny_model(), *random_pair(), method.info.id, 0.1).method
        assert found.parameters == method.info.parameters
    if method.info.id.startswith("xface"):
        assert method.info.parameters == {"sizes": [7, 14, 28], "stride": 5, "exact_reference": True}


def test_methods_of_installed_packages_are_found_and_broken_ones_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A package as pip leaves it: a module, and metadata with entry points."""
    (tmp_path / "my_methods.py").write_text(
        "from xssab_core.explain.random import Random\n"
        "class Another(Random):\n"
        "    def __init__(self):\n"
        "        super().__init__(seed=9)\n"
        "        self.info = __import__('dataclasses').replace(self.info, id='another')\n"
        "ready = Another()\n"
        "wrong = 3\n"
    )
    metadata = tmp_path / "my_methods-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[xssab.methods.test]\nanother = my_methods:Another\nmisnamed = my_methods:ready\n"
        "wrong = my_methods:wrong\nabsent = my_methods:absent\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = installed("xssab.methods.test")
    assert list(found) == ["another"]
    assert isinstance(found["another"], Explainer)
    for name in ("misnamed", "wrong", "absent"):
        assert f"The method {name}" in caplog.text
