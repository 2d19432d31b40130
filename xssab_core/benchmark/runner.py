"""The benchmark: calibrate on clean LFW, patch, explain, replay, and keep every finished piece of work."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from xssab_core.benchmark import results
from xssab_core.benchmark.controls import CONTROLS, ORACLE
from xssab_core.benchmark.format import Bootstrap, Calibrated, Counts, Provenance, Results
from xssab_core.benchmark.records import BASE, Work, check_label
from xssab_core.benchmark.tasks import (
    EmbedTask,
    Method,
    PairResult,
    PairTask,
    Protocol,
    Result,
    Setup,
    Task,
    make_context,
    perform,
    perform_remotely,
    setup_record,
)
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import Lfw, LfwPair, evenly, open_lfw
from xssab_core.data.own_maps import FolderOfMaps, ZipOfMaps
from xssab_core.errors import Cure, DataError, ExplainError
from xssab_core.explain import METHODS, method_of
from xssab_core.explain.base import decision_threshold
from xssab_core.faces.align import ALIGNER_VERSION
from xssab_core.faces.detect import DETECTOR
from xssab_core.metrics import percent
from xssab_core.models import FaceModel, Threshold, load_model
from xssab_core.patch_lfw.generator import Layout
from xssab_core.progress import Progress, ignore
from xssab_core.replay import dpr
from xssab_core.report import versions
from xssab_core.scoring.calibrate import calibration_from
from xssab_core.scoring.embed import BATCH, batches, images_of
from xssab_core.work.cluster import Executor, executor
from xssab_core.work.pace import Pace, Teller

_Plan = dict[Method, tuple[LfwPair, ...]]

CALIBRATE = "calibrate"
UNBLURRED = "-unblurred"
# The paper blurs xSSAB's map as a last step, the published DPR code ranks the map before it: both are reported.
_ALSO_UNBLURRED = ("xssab",)


@dataclass(frozen=True)
class Settings:
    """What to run.

    Attributes:
        lfw: folder of LFW.
        output: folder for results; finished work lies in `work` below it.
        model: id of a model.
        methods: the rows of the table, see `parse_methods`. The controls are always added.
        pairs: how many pairs, half of them genuine, taken evenly over the copy; None for all.
        folds: which folds; None for all there are.
        ids: only the pairs of these ids; None for all.
        steps: points of a DPR curve, 21 = every 5 %.
        layout, seed: of Patch-LFW; the seed is that of the controls and the bootstrap too.
        threshold: "calibrate" takes th_EER from all covered clean pairs of the folds; else a cosine, or the name of a
            threshold the model has ("eer"), which spares embedding the other images.
        resamples: of the bootstrap.
        threads: CPU threads a worker; part of the run, because their number changes the last bits of sums.
        cluster: None for this process, "local:N", or the address of a Dask scheduler.
        cache: of aligned crops; None for the one in the store.
        aligned: the images are crops that are already aligned, and are taken as they are.
        deletion: run deletion and insertion too, on so many clean pairs, of those that every method has; None for none.
            Costs each method an examination and 40 passes a pair.
        checks: measure consistency and randomisation too, on so many clean pairs; None for none. Costs each method two
            examinations a pair.
    """

    lfw: Path
    output: Path
    model: str = "sface"
    methods: tuple[Method, ...] = ()
    pairs: int | None = None
    folds: tuple[int, ...] | None = None
    ids: frozenset[str] | None = None
    steps: int = dpr.STEPS
    layout: Layout = "uniform"
    seed: int = 0
    threshold: str | float = CALIBRATE
    resamples: int = 1000
    threads: int = 1
    cluster: str | None = None
    cache: Path | None = None
    aligned: bool = False
    deletion: int | None = None
    checks: int | None = None


# What a run tells of its progress counts these.
CLEAN_IMAGES, PAIRS_TIMES_METHODS = "clean images, in chunks", "pairs x methods"


def parse_methods(text: str, maps: Sequence[str] = ()) -> tuple[Method, ...]:
    """The rows for "xssab,xface1:120,random" and the folders of maps for "NAME=DIR" or "NAME:120=DIR".

    `NAME-unblurred` leaves the blur of a method out; `xssab` brings `xssab-unblurred` along; `:N` limits a method to
    N pairs.

    Raises:
        ExplainError: an unknown method.
        DataError: a limit, a name or a folder that cannot be used, or a row twice.
    """
    methods: dict[str, Method] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, limit = _limited(part)
        if label in CONTROLS:
            rows = [Method(label, limit=limit)]
        elif label.endswith(UNBLURRED):
            rows = [Method(label, method_of(label.removesuffix(UNBLURRED)).info.id, False, limit)]
        else:
            rows = [Method(label, method_of(label).info.id, True, limit)]
            if label in _ALSO_UNBLURRED:
                rows.append(Method(label + UNBLURRED, label, False, limit))
        for row in rows:
            methods.setdefault(row.label, row)
    for entry in maps:
        name, separator, folder = entry.partition("=")
        label, limit = _limited(name)
        if not separator or not Path(folder).expanduser().is_dir():
            raise DataError(f"{entry!r} is not NAME=DIR with a folder of maps named <pair id>.npy.")
        if label in methods or label in METHODS or label in CONTROLS:
            raise DataError(f"{label!r} is taken. Give the maps in {folder} another name.")
        methods[label] = Method(check_label(label), limit=limit, maps=FolderOfMaps(Path(folder).expanduser().resolve()))
    if not methods:
        raise DataError("Name at least one method, for example xssab.", Cure("methods"))
    return tuple(methods.values())


def maps_method(maps: ZipOfMaps) -> Method:
    """The row for a ZIP of maps, named after the file by letters that can name a row, and never as one of ours."""
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePath(maps.name).stem).strip("-._")[:40] or "maps"
    taken = label in METHODS or label in CONTROLS or label.endswith(UNBLURRED) or label == BASE
    return Method(check_label(f"own-{label}" if taken else label), maps=maps)


def run_benchmark(settings: Settings, model: FaceModel | None = None, progress: Progress = ignore) -> Results:
    """Run, or go on with, a benchmark; write the results and return what is in results.json.

    Args:
        settings: what to run.
        model: a loaded model to use instead of loading `settings.model`; not with a cluster.
        progress: told of each finished piece of work.

    Raises:
        DataError: LFW, folds, pairs or maps cannot be used.
        ExplainError: a method cannot run on this model.
        OutputError: the output folder is in use, holds other work, or cannot be written.
        CancelledError: raised by `progress`.
    """
    if settings.steps < 2:
        raise DataError(f"A replay needs at least 2 steps (nothing and everything replaced), not {settings.steps}.")
    if model is not None and settings.cluster is not None:
        raise DataError("A cluster loads its models itself. Name one instead of passing it.")
    copy = open_lfw(settings.lfw)
    lfw = copy.in_folds(settings.folds) if settings.folds else copy
    lfw = lfw if settings.ids is None else lfw.of_ids(settings.ids)
    plan = _plan(settings, lfw)
    model = load_model(settings.model) if model is None else model
    for method in settings.methods:
        reason = method_of(method.explainer).unavailable(model) if method.explainer else None
        if reason:
            raise ExplainError(f"{reason} Leave {method.label} out.", Cure("methods"))
    cache = settings.cache or CropCache.default().folder
    where = settings.lfw.expanduser().resolve()
    setup = Setup(
        where,
        settings.model,
        settings.layout,
        settings.seed,
        settings.steps,
        cache,
        settings.threads,
        settings.aligned,
    )
    work = Work(settings.output / "work")
    with work.held():
        work.claim("settings", _fingerprint(settings, setup, lfw, model))
        for method in plan:
            if method.protocol == "dpr":
                work.claim(f"method-{method.label}", _method_fingerprint(method))
        context = make_context(setup, model)
        tell = Teller(progress)
        here, there = partial(perform, context), partial(perform_remotely, setup)
        with executor(settings.cluster, here, there, tell.again) as runs:
            run = _Run(settings, lfw, model, work, plan, runs, tell)
            embeddings = run.embed()
            threshold, calibration = run.calibrate(embeddings)
            run.work_through_pairs(embeddings, threshold)
        table = results.pair_table(work, plan)
        provenance = _provenance(settings, setup, model)
        found = results.summarise(work, lfw, model, threshold, calibration, plan, settings.steps, provenance, table)
        results.write_results(found, table, settings.output)
    return found


def _provenance(settings: Settings, setup: Setup, model: FaceModel) -> Provenance:
    return Provenance(
        bootstrap=Bootstrap(settings.resamples, settings.seed),
        settings=setup_record(setup) | {"folds": settings.folds, "pairs": settings.pairs},
        detector=DETECTOR,
        aligner_version=ALIGNER_VERSION,
        versions=versions(),
        device=model.device_name,
    )


def _plan(settings: Settings, lfw: Lfw) -> _Plan:
    """The pairs of each method. Smaller sets are taken from within larger ones, and the controls run on all pairs."""
    count = len(lfw.pairs) if settings.pairs is None else settings.pairs
    if count < 2:
        raise DataError(f"A benchmark needs at least one genuine and one impostor pair, not {count} pairs.")
    selected = lfw.select(count // 2, count - count // 2) if settings.pairs else lfw.pairs
    if len({pair.genuine for pair in selected}) < 2:
        raise DataError(f"A benchmark needs genuine and impostor pairs. This copy of LFW covers {lfw.coverage}.")
    plan = {Method(label): selected for label in CONTROLS}
    methods = [method for method in settings.methods if method.control is None]
    of_limit: dict[int | None, tuple[LfwPair, ...]] = {None: selected}
    pairs = selected
    # Each set lies within the next larger one, so that methods have as many pairs in common as they can.
    for limit in sorted({method.limit for method in methods if method.limit is not None}, reverse=True):
        pairs = of_limit[limit] = evenly(pairs, limit // 2, limit - limit // 2)
    plan |= {replace(method, limit=None): of_limit[method.limit] for method in methods}
    return plan | _on_clean_pairs(settings, plan)


def _on_clean_pairs(settings: Settings, plan: _Plan) -> _Plan:
    """The rows of the protocols beside DPR, all on the same pairs of those that every method has.

    Maps of others are of patched probes, and the oracle has nothing to know: they have no such rows. The checks are
    of methods alone.
    """
    fewest = min(plan.values(), key=len)
    rows: _Plan = {}
    takes: dict[Protocol, tuple[int | None, Callable[[Method], bool]]] = {
        "deletion": (settings.deletion, lambda row: row.maps is None and row.label != ORACLE),
        "checks": (settings.checks, lambda row: row.explainer is not None),
    }
    for protocol, (count, is_taken) in takes.items():
        if count is not None:
            if count < 2:
                raise DataError(f"The {protocol} part needs a genuine and an impostor pair, not {count} pairs.")
            pairs = evenly(fewest, count // 2, count - count // 2)
            rows |= {replace(row, protocol=protocol): pairs for row in plan if is_taken(row)}
    return rows


@dataclass(frozen=True)
class _Run:
    """The stages of a run, which share what they work on."""

    settings: Settings
    lfw: Lfw
    model: FaceModel
    work: Work
    plan: _Plan
    runs: Executor[Task, Result]
    progress: Progress

    @property
    def pairs(self) -> tuple[LfwPair, ...]:
        return next(iter(self.plan.values()))

    def embed(self) -> dict[Path, np.ndarray]:
        """float32 (D,) of every clean image that is needed, by path."""
        needed = self.lfw.pairs if self.settings.threshold == CALIBRATE else self.pairs
        chunks = list(batches(images_of(needed), BATCH))
        embeddings: dict[Path, np.ndarray] = {}
        missing = []
        for number, chunk in enumerate(chunks):
            known = self.work.embeddings(chunk)
            if known is None:
                missing.append(EmbedTask(number, chunk))
            else:
                embeddings |= known
        pace = Pace(self.progress, CLEAN_IMAGES, len(chunks) - len(missing), {"": len(missing)})
        for task, rows in self.runs.run(missing):
            assert isinstance(task, EmbedTask)
            assert isinstance(rows, dict)
            self.work.keep_embeddings(task.paths, rows)
            embeddings |= rows
            pace.done("")
        return embeddings

    def calibrate(self, embeddings: Mapping[Path, np.ndarray]) -> tuple[Threshold, Calibrated | None]:
        """The threshold, and the record of the calibration if one was made."""
        wanted = self.settings.threshold
        if wanted != CALIBRATE:
            return decision_threshold(self.model, wanted), None
        found = calibration_from(self.model, self.lfw.pairs, embeddings, self.lfw.title, self.lfw.pairs_expected)
        rate, value = found.eer
        origin = f"clean LFW View 2 ({self.lfw.images.name}), {self.lfw.coverage}"
        pairs = Counts(len(found.genuine), len(found.impostor))
        return Threshold(value, "eer", f"EER {percent(rate)} on {origin}"), Calibrated(rate, pairs)

    def work_through_pairs(self, embeddings: Mapping[Path, np.ndarray], threshold: Threshold) -> None:
        """Make every record that is missing."""
        methods_of = defaultdict(list)
        for method, pairs in self.plan.items():
            for pair in pairs:
                methods_of[pair.index].append(method)
        bases = (self.work.record(BASE, pair.index) for pair in self.pairs)
        faceless = {base["index"] for base in bases if base is not None and not base["face"]}
        left = {
            method.records: sum(not self.work.has(method.records, p.index) for p in pairs if p.index not in faceless)
            for method, pairs in self.plan.items()
        }
        total = sum(len(pairs) for pairs in self.plan.values())
        pace = Pace(self.progress, PAIRS_TIMES_METHODS, total - sum(left.values()), left)

        def tasks() -> Iterator[PairTask]:
            for pair in self.pairs:
                todo = tuple(m for m in methods_of[pair.index] if not self.work.has(m.records, pair.index))
                if todo and pair.index not in faceless:
                    base = self.work.record(BASE, pair.index)
                    probe, reference = embeddings.get(pair.probe), embeddings.get(pair.reference)
                    yield PairTask(pair, todo, threshold.value, probe, reference, base)

        for task, result in self.runs.run(tasks()):
            assert isinstance(task, PairTask)
            assert isinstance(result, PairResult)
            if task.base is None:
                self.work.keep(BASE, task.pair.index, result.base)
            for name, record in result.records.items():
                self.work.keep(name, task.pair.index, record)
            for method in task.methods:
                spent = result.records.get(method.records, {}).get("seconds", {}).get("spent", 0.0)
                pace.done(method.records, spent)


def _fingerprint(settings: Settings, setup: Setup, lfw: Lfw, model: FaceModel) -> dict[str, Any]:
    """All that decides the numbers of a record. More pairs or methods may be added to the same folder."""
    return setup_record(setup) | {
        "weights_sha256": model.weights_sha256,
        "threshold": settings.threshold,
        "folds": sorted({pair.fold for pair in lfw.pairs}),
        "images": lfw.images.name,
        "pairs_covered": len(lfw.pairs),
        "donors": len(lfw.donors),
        "detector": DETECTOR,
        "aligner_version": ALIGNER_VERSION,
        "device": model.device_name,
        "versions": versions(),
        "batch": model.batch_size,  # like threads, it changes the last bits of sums
    }


def _method_fingerprint(method: Method) -> dict[str, Any]:
    return {
        "explainer": method.explainer,
        "blur": method.blur,
        "cells": method.cells,
        "attention": method.attention,
        "maps": method.maps.identity if method.maps else None,
    }


def _limited(text: str) -> tuple[str, int | None]:
    label, separator, limit = text.partition(":")
    if separator and not (limit.isdigit() and int(limit) >= 2):
        raise DataError(f"{text!r}: after the colon belongs a number of pairs, at least 2, such as {label}:120.")
    return label, int(limit) if separator else None
