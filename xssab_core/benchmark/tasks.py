"""What one worker computes: the clean embeddings of some images, or one pair under some methods.

A task and its result are small values that travel between processes; the model and the crops stay where they are.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from xssab_core.benchmark.controls import CONTROLS, Control
from xssab_core.benchmark.measures import localisation
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import LfwPair, open_lfw
from xssab_core.data.own_maps import Maps
from xssab_core.explain import Evidence, explain, method_of
from xssab_core.metrics import cosine
from xssab_core.models import FaceModel, load_model
from xssab_core.patch_lfw.generator import Layout, PatchedPair, PatchLfw
from xssab_core.progress import Pulse
from xssab_core.replay import dpr
from xssab_core.replay.deletion import deciding, occluded_scores
from xssab_core.scoring.embed import embed_together
from xssab_core.trust.checks import consistency, randomisation

Protocol = Literal["dpr", "deletion", "checks"]
Record = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """A method as one row of the table.

    Attributes:
        label: name of the row and of its records; of a control, its key in `CONTROLS`.
        explainer: id in `xssab_core.explain.METHODS`; None for controls and for maps of others.
        blur: whether the explainer applies its blur.
        limit: run it on so many pairs only; None for all.
        maps: float (S, S) signed maps of the patched probes given the references, made by others.
        protocol: what is done with it. All but DPR take clean pairs.
    """

    label: str
    explainer: str | None = None
    blur: bool = True
    limit: int | None = None
    maps: Maps | None = None
    protocol: Protocol = "dpr"

    @property
    def records(self) -> str:
        """The name of its records."""
        return self.label if self.protocol == "dpr" else f"{self.protocol}/{self.label}"

    @property
    def on_clean_pairs(self) -> bool:
        """Whether it explains the clean probe instead of the patched one."""
        return self.protocol != "dpr"

    @property
    def control(self) -> Control | None:
        """The control it is, if it is one."""
        return CONTROLS.get(self.label)

    @property
    def cells(self) -> int | None:
        """Side of the grid of a cell-wise method."""
        return method_of(self.explainer).info.cells if self.explainer else None

    @property
    def attention(self) -> bool:
        """Whether its map has no sign."""
        if self.control:
            return self.control.attention
        return method_of(self.explainer).info.attention if self.explainer else False


@dataclass(frozen=True)
class Setup:
    """What all tasks of a run share.

    Attributes:
        lfw: folder of LFW, as `open_lfw` takes it.
        model: id of a model.
        layout, seed: of Patch-LFW; the seed is also that of the controls.
        steps: points of a DPR curve.
        cache: folder of the crop cache.
        aligned: the images are crops that are already aligned.
        threads: CPU threads of one worker. Their number changes the last bits of a sum, so it is part of a run.
    """

    lfw: Path
    model: str
    layout: Layout
    seed: int
    steps: int
    cache: Path
    threads: int = 1
    aligned: bool = False


@dataclass(frozen=True)
class EmbedTask:
    """Embed these images, always together, so that a resumed run gives the same bits."""

    number: int
    paths: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class PairTask:
    """Replay a pair under methods that have no record yet.

    Attributes:
        pair: the pair.
        methods: to run.
        threshold: th_EER.
        probe, reference: float32 (D,) clean embeddings; None where no face was found.
        base: the record of the pair itself, if there is one.
    """

    pair: LfwPair
    methods: tuple[Method, ...]
    threshold: float
    probe: np.ndarray | None
    reference: np.ndarray | None
    base: Record | None


Task = EmbedTask | PairTask


@dataclass(frozen=True)
class PairResult:
    """The record of the pair itself, and one record a method by `Method.records`."""

    base: Record
    records: dict[str, Record]


Result = dict[Path, np.ndarray] | PairResult


@dataclass(frozen=True)
class Context:
    """What a worker holds: one model and the generator of pairs."""

    setup: Setup
    model: FaceModel
    generator: PatchLfw


@lru_cache(maxsize=1)
def context_of(setup: Setup) -> Context:
    """The context of a setup in this process; the model is loaded once."""
    return make_context(setup, load_model(setup.model))


def make_context(setup: Setup, model: FaceModel) -> Context:
    """A context around a model that is loaded already."""
    cache, template = CropCache(setup.cache, setup.aligned), model.info.template
    generator = PatchLfw(open_lfw(setup.lfw), cache, template, setup.layout, setup.seed)
    return Context(setup, model, generator)


def perform(context: Context, task: Task, pulse: Pulse = lambda: None) -> Result:
    """Do a task."""
    with _threads(context.setup.threads):
        if isinstance(task, EmbedTask):
            return embed_together(context.model, task.paths, context.generator.cache, pulse)
        return _pair_result(context, task, pulse)


def perform_remotely(setup: Setup, task: Task) -> Result:
    """Do a task on a worker, which knows the setup only."""
    return perform(context_of(setup), task)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Work:
    """A method on a pair, and what its group has found out of that pair by the model and by its randomised copy."""

    context: Context
    task: PairTask
    pair: PatchedPair
    base: Record
    method: Method
    examined: dict[tuple[bool, str], tuple[Evidence, float]]
    by_the_copy: dict[str, Evidence]
    pulse: Pulse

    @property
    def is_match(self) -> bool:
        """The decision on the probe that is explained."""
        score = self.base["clean_score" if self.method.on_clean_pairs else "patched_score"]
        return bool(score >= self.task.threshold)


def _pair_result(context: Context, task: PairTask, pulse: Pulse) -> PairResult:
    pair = context.generator.build(task.pair)
    if pair is None or task.probe is None or task.reference is None:
        return PairResult({"index": task.pair.index, "face": False}, {})
    base = task.base or _base_record(context.model, pair, task.probe, task.reference)
    clean = replace(pair, patched=pair.original)
    examined: dict[tuple[bool, str], tuple[Evidence, float]] = {}
    by_the_copy: dict[str, Evidence] = {}
    records: dict[str, Record] = {}
    # Methods of one kind next to each other, so that one evidence at a time is held.
    for method in sorted(task.methods, key=_examination):
        pulse()
        if _examination(method) not in examined:
            examined.clear()
            by_the_copy.clear()
        started = time.perf_counter()
        shown = clean if method.on_clean_pairs else pair
        record = _PROTOCOLS[method.protocol](_Work(context, task, shown, base, method, examined, by_the_copy, pulse))
        if record is not None:
            # The share of a group's examination is counted once, with the method that caused it.
            record["seconds"]["spent"] = time.perf_counter() - started
            records[method.records] = record
    return PairResult(base, records)


def _examination(method: Method) -> tuple[bool, str]:
    """Methods of which this is the same share what they find out of a pair."""
    return method.on_clean_pairs, method_of(method.explainer).evidence_kind if method.explainer else ""


def _base_record(model: FaceModel, pair: PatchedPair, probe: np.ndarray, reference: np.ndarray) -> Record:
    """What is true of a pair whatever the method."""
    return {
        "index": pair.pair.index,
        "face": True,
        "id": pair.pair.id,
        "fold": pair.pair.fold,
        "genuine": pair.pair.genuine,
        "mislabelled": pair.pair.is_mislabelled,
        "donor": pair.donor,
        "coverage": pair.coverage,
        "patch_side": pair.patch_side,
        "positions": pair.positions.tolist(),
        "clean_score": cosine(probe, reference),
        "patched_score": cosine(model.embed(pair.patched[None])[0], reference),
    }


def _replayed(work: _Work) -> Record | None:
    """The record of a pair under DPR; None where others made no map of the pair."""
    pair, method, base = work.pair, work.method, work.base
    found = _ranked(work)
    if found is None:
        return None
    values, seconds = found
    size = len(pair.patched)
    counts = dpr.step_counts(size, work.context.setup.steps, method.cells)
    order = dpr.pixel_order(values, work.is_match, method.cells, method.attention)
    # Both ends are known: they are the scores every method shares.
    inner: list[float] = []
    if len(counts) > 2:
        assert work.task.reference is not None
        scores = dpr.replayed_scores(
            work.context.model.embed, pair.patched, pair.original, work.task.reference, order, counts[1:-1]
        )
        inner = scores.tolist()
    return {
        "index": pair.pair.index,
        "is_match": work.is_match,
        "scores": [base["patched_score"], *inner, base["clean_score"]],
        "average_precision": localisation(values, pair.mask, pair.pair.genuine and not method.attention),
        "seconds": seconds,
    }


def _deleted(work: _Work) -> Record | None:
    """The record of a clean pair under deletion and insertion."""
    found = _ranked(work)
    assert found is not None
    assert work.task.reference is not None
    values, seconds = found
    occlusion = occluded_scores(
        work.context.model.embed,
        work.pair.original,
        work.task.reference,
        work.base["clean_score"],
        deciding(values, work.is_match, work.method.attention),
    )
    return {"index": work.pair.pair.index, "is_match": work.is_match, **asdict(occlusion), "seconds": seconds}


def _checked(work: _Work) -> Record | None:
    """The record of a clean pair under the checks of `xssab_core.trust`."""
    model, method, pair = work.context.model, work.method, work.pair
    assert method.explainer is not None
    crops, (evidence, examining) = (pair.original, pair.reference), _examined(work)
    started = time.perf_counter()
    shown = explain(model, *crops, method.explainer, work.task.threshold, method.blur, evidence=evidence)
    seconds = {"examine": examining, "maps": time.perf_counter() - started}
    changed = None
    if shown.probe.combined is not None and shown.reference.combined is not None:
        seed = work.context.setup.seed
        changed = randomisation(model, crops, shown, seed, lambda _: work.pulse(), work.by_the_copy)
    return {
        "index": pair.pair.index,
        "consistency": consistency(shown),
        "randomised": changed if isinstance(changed, float) else None,
        "seconds": seconds,
    }


_PROTOCOLS: dict[Protocol, Callable[[_Work], Record | None]] = {
    "dpr": _replayed,
    "deletion": _deleted,
    "checks": _checked,
}


def _ranked(work: _Work) -> tuple[np.ndarray, dict[str, float]] | None:
    """The values that rank the pixels of the probe, and the seconds they would take on their own; None where others
    made no map of the pair."""
    method, pair = work.method, work.pair
    if method.explainer:
        evidence, examining = _examined(work)
        started = time.perf_counter()
        maps = method_of(method.explainer).maps(work.context.model, evidence, work.task.threshold, method.blur)
        return dpr.ranking_map(maps[0]), {"examine": examining, "maps": time.perf_counter() - started}
    if method.maps:
        values = method.maps.read(pair.pair.id, len(pair.patched))
    else:
        values = CONTROLS[method.label].values(pair, work.context.setup.seed)
    return None if values is None else (values, {"examine": 0.0, "maps": 0.0})


def _examined(work: _Work) -> tuple[Evidence, float]:
    """What the method, or one that shares its evidence, found out of the pair, and the seconds that took."""
    assert work.method.explainer is not None
    key = _examination(work.method)
    if key not in work.examined:
        explainer, started = method_of(work.method.explainer), time.perf_counter()
        evidence = explainer.examine(work.context.model, work.pair.patched, work.pair.reference, lambda _: work.pulse())
        work.examined[key] = evidence, time.perf_counter() - started
    return work.examined[key]


def setup_record(setup: Setup) -> Record:
    """What of a setup decides its numbers, ready for JSON."""
    return {key: value for key, value in asdict(setup).items() if key not in ("lfw", "cache")}
