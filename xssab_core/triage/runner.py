"""A triage from start to end: look at each photograph once, score each row, explain it, write what was found."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np

from xssab_core.errors import Cure, DataError, ExplainError, PhotoError
from xssab_core.explain import CAUTION, method_of
from xssab_core.explain.base import decision_threshold
from xssab_core.faces import SIDES
from xssab_core.faces.align import ALIGNER_VERSION
from xssab_core.faces.detect import DETECTOR
from xssab_core.findings.regions import regions_of
from xssab_core.models import FaceModel, Threshold, load_model
from xssab_core.models.calibration import calibration_of
from xssab_core.progress import Progress, ignore
from xssab_core.report import versions
from xssab_core.triage.cohort import cohorts_npz, cohorts_of, versus
from xssab_core.triage.pairs import PairList, Policy
from xssab_core.triage.photographs import Photograph, Problem, Wanted
from xssab_core.triage.report import PICTURED, html_of
from xssab_core.triage.results import (
    COHORTS,
    REFUSED,
    REFUSED_CSV,
    REPORT,
    SUMMARY,
    TABLE,
    TABLE_CSV,
    Summary,
    Triage,
)
from xssab_core.triage.store import WORK, Store, crop_name
from xssab_core.triage.table import Faces, Scored, csv_of, judge, parquet_of, refused_table, table_of
from xssab_core.triage.tasks import (
    PAIRS,
    PHOTOGRAPHS,
    Looked,
    LookTask,
    Mapped,
    MapTask,
    Result,
    Setup,
    Sum,
    Task,
    add_sum,
    decode_png,
    maps_of,
    pack,
    perform,
    perform_remotely,
    unpack_looked,
    unpack_mapped,
)
from xssab_core.work.cluster import Executor, executor
from xssab_core.work.pace import Pace, Teller

NO_METHOD = "none"
# Where the user names none: the first of these that can run on the model.
_DEFAULT_METHODS = ("layered", "xssab")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Settings:
    """How to triage.

    Attributes:
        model: id of a model.
        threshold: a cosine, the name of a threshold the model has, or None for its default.
        method: id of the method whose maps are divided into regions, "none" for no maps, or None for the layered maps
            where the model permits them, else none.
        faces: which face of several is meant where a row does not say; None for what suits the list.
        cluster: None for this process, "local:N", or the address of a Dask scheduler.
    """

    model: str = "sface"
    threshold: float | str | Threshold | None = None
    method: str | None = None
    faces: Policy | None = None
    cluster: str | None = None


def triage(
    pairs: PairList,
    settings: Settings,
    store: Store,
    model: FaceModel | None = None,
    against: Triage | None = None,
    progress: Progress = ignore,
) -> Triage:
    """Triage a list of pairs, or go on with it, and write table, problems, cohorts and report.

    Args:
        pairs: the list.
        settings: how.
        store: where finished work is kept and results go.
        model: a loaded model to use instead of loading `settings.model`; not with a cluster.
        against: a finished triage of the same list under another model, to be compared in the report.
        progress: told of photographs, then of pairs; it may raise CancelledError, and what is finished is kept.

    Raises:
        DataError: `against` is of another list, or the cluster cannot be used.
        ExplainError: no threshold, or a method that cannot run on this model.
        OutputError: the output folder is in use, holds other work, or cannot be written.
    """
    if against is not None and against.summary.pairs_sha256 != pairs.digest:
        raise DataError(f"The other triage is of another list ({against.summary.title}). Compare two of the same list.")
    if model is not None and settings.cluster is not None:
        raise DataError("A cluster loads its models itself. Name one instead of passing it.")
    model = load_model(settings.model) if model is None else model
    threshold = decision_threshold(model, settings.threshold)
    method = _method(model, settings.method)
    setup = Setup(settings.model, threshold.value, method, settings.faces or pairs.policy, pairs.aligned)
    with store.held():
        store.claim(_fingerprint(pairs, setup, model))
        tell = Teller(progress)
        here, there = partial(perform, model, setup), partial(perform_remotely, setup)
        with executor(settings.cluster, here, there, tell.again) as runs:
            run = _Run(pairs, store, runs, tell)
            scored, refused = judge(pairs.rows, *run.look())
            mapped = run.explain(scored, threshold) if method and scored else None
        table = table_of(
            scored,
            threshold,
            None if mapped is None else mapped.shares,
            regions_of(model.info.template).names,
            bool(method) and method_of(method or "").info.attention,
            calibration_of(model.info.id, model.weights_sha256),
        )
        summary = _summary(pairs, setup, threshold, model)
        found = Triage(summary, table, refused_table(refused), cohorts_of(mapped.sums if mapped else {}), store)
        _write(found, model, against)
    return found


def _method(model: FaceModel, wanted: str | None) -> str | None:
    if wanted == NO_METHOD:
        return None
    if wanted is None:
        return next((known for known in _DEFAULT_METHODS if method_of(known).unavailable(model) is None), None)
    reason = method_of(wanted).unavailable(model)
    if reason:
        raise ExplainError(f"{reason} Choose another method, or {NO_METHOD}.", Cure("methods"))
    return method_of(wanted).info.id


@dataclass(frozen=True)
class _Run:
    """The stages of a run, which share what they work on."""

    pairs: PairList
    store: Store
    runs: Executor[Task, Result]
    progress: Progress

    def look(self) -> tuple[dict[str, Photograph], Faces]:
        """What is known of each photograph by name, and the embeddings of its faces."""
        wanted = _faces_wanted(self.pairs)
        groups = list(_groups(list(wanted), PHOTOGRAPHS))
        found = {
            number: unpack_looked(self.store.read(_record("photographs", number))) for number in range(len(groups))
        }
        left = [number for number, known in found.items() if known is None]
        count = sum(len(groups[number]) for number in left)
        pace = Pace(self.progress, "photographs", len(wanted) - count, {"": count})

        def tasks() -> Iterator[LookTask]:
            for number in left:
                yield LookTask(number, tuple(self._wanted(name, wanted[name]) for name in groups[number]))

        for task, result in self.runs.run(tasks()):
            assert isinstance(task, LookTask)
            assert isinstance(result, Looked)
            self._keep(task.number, result)
            # Without the crops: they are on their way to the disk, and what is held grows with the list.
            found[task.number] = Looked(result.photographs, result.faces, result.embeddings)
            pace.done("", pieces=len(task.wanted))
        return _by_name(groups, found)

    def _wanted(self, name: str, faces: tuple[int, ...]) -> Wanted:
        try:
            return Wanted(name, self.pairs.source(name), faces)
        except DataError as error:
            return Wanted(name, Problem("missing", str(error)), faces)
        except PhotoError as error:
            return Wanted(name, Problem("photograph", str(error)), faces)

    def _keep(self, number: int, result: Looked) -> None:
        """The crops first: a record that is there means that they are."""
        for (index, asked), crop in zip(result.faces, result.crops, strict=True):
            photograph = result.photographs[index]
            self.store.write(crop_name(photograph.sha256, photograph.found[asked].number), crop)
        self.store.write(_record("photographs", number), pack(result))

    def explain(self, scored: Sequence[Scored], threshold: Threshold) -> Mapped:
        """What the maps of the scored rows show. Records are read one after another: all at once they would fill the
        memory, and in this order a run that was cut short adds up to the same bits."""
        groups = list(_groups(scored, PAIRS))
        left = [number for number in range(len(groups)) if self._mapped(number) is None]
        count = sum(len(groups[number]) for number in left)
        pace = Pace(self.progress, "pairs explained", len(scored) - count, {"": count})

        def tasks() -> Iterator[MapTask]:
            for number in left:
                yield MapTask(number, tuple(self._pair(each, threshold) for each in groups[number]))

        for task, result in self.runs.run(tasks()):
            assert isinstance(task, MapTask)
            assert isinstance(result, Mapped)
            self.store.write(_record("maps", task.number), pack(result))
            pace.done("", pieces=len(task.pairs))
        shares, sums = [], dict[str, Sum]()
        for number in range(len(groups)):
            part = self._mapped(number)
            assert part is not None
            shares.append(part.shares)
            for group, one in part.sums.items():
                add_sum(sums, group, one)
        return Mapped(np.concatenate(shares), sums)

    def _mapped(self, number: int) -> Mapped | None:
        return unpack_mapped(self.store.read(_record("maps", number)))

    def _pair(self, found: Scored, threshold: Threshold) -> tuple[str, bytes, bytes]:
        probe, reference = (
            self.store.read(crop_name(photo.sha256, face.number)) or b""
            for photo, face in zip(found.photographs, found.faces, strict=True)
        )
        return found.outcome(threshold), probe, reference


def _faces_wanted(pairs: PairList) -> dict[str, tuple[int, ...]]:
    """The faces that rows ask for by photograph, in the order in which these are named first."""
    wanted: dict[str, dict[int, None]] = {}
    for row in pairs.rows:
        if row.problem is None:
            for name, face in row.sides:
                wanted.setdefault(name, {})[face] = None
    return {name: tuple(faces) for name, faces in wanted.items()}


def _by_name(
    groups: Sequence[Sequence[str]], found: dict[int, Looked | None]
) -> tuple[dict[str, Photograph], dict[tuple[str, int], np.ndarray]]:
    photographs: dict[str, Photograph] = {}
    embeddings: dict[tuple[str, int], np.ndarray] = {}
    for number, names in enumerate(groups):
        looked = found[number]
        assert looked is not None
        photographs.update(zip(names, looked.photographs, strict=True))
        faces = zip(looked.faces, looked.embeddings, strict=True)
        embeddings.update({(names[index], asked): row for (index, asked), row in faces})
    return photographs, embeddings


def _groups(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _record(kind: str, number: int) -> str:
    return f"{WORK}/{kind}/{number:05d}.npz"


def _fingerprint(pairs: PairList, setup: Setup, model: FaceModel) -> dict[str, Any]:
    """All that decides the numbers of a run."""
    return {
        "pairs": pairs.digest,
        "model": setup.model,
        "weights_sha256": model.weights_sha256,
        "threshold": setup.threshold,
        "method": setup.method,
        "faces": setup.policy,
        "aligned": setup.aligned,
        "detector": DETECTOR,
        "aligner_version": ALIGNER_VERSION,
        "device": model.device_name,
        "versions": versions(),
        "batches": [model.batch_size, PHOTOGRAPHS, PAIRS],
    }


def _summary(pairs: PairList, setup: Setup, threshold: Threshold, model: FaceModel) -> Summary:
    return Summary(
        caution=CAUTION,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        title=pairs.title,
        note=pairs.note,
        pairs_sha256=pairs.digest,
        root=None if pairs.root is None else str(pairs.root),
        rows=len(pairs.rows),
        model=model.info.id,
        model_title=model.info.title,
        weights_sha256=model.weights_sha256,
        threshold=threshold.value,
        threshold_name=threshold.name,
        threshold_origin=threshold.origin,
        method=setup.method,
        method_title=method_of(setup.method).info.title if setup.method else None,
        faces=setup.policy,
        aligned=setup.aligned,
        detector=DETECTOR,
        aligner_version=ALIGNER_VERSION,
        device=model.device_name,
        versions=versions(),
    )


def _write(found: Triage, model: FaceModel, against: Triage | None) -> None:
    """The summary last: where it is, everything is."""
    store = found.store
    store.write(TABLE, parquet_of(found.table))
    store.write(TABLE_CSV, csv_of(found.table))
    store.write(REFUSED, parquet_of(found.refused))
    store.write(REFUSED_CSV, csv_of(found.refused))
    store.write(COHORTS, cohorts_npz(found.cohorts))
    compared = None if against is None else versus(found.table, against.table)
    store.write(REPORT, html_of(found, _maps_of_first(found, model), against, compared))
    store.write(SUMMARY, msgspec.json.format(msgspec.json.encode(found.summary), indent=1))


def _maps_of_first(found: Triage, model: FaceModel) -> list[np.ndarray]:
    """The maps (2, S, S) of the lines that the report pictures."""
    method, threshold = found.summary.method, found.summary.threshold
    maps = []
    for line in found.table.head(PICTURED).itertuples(index=False) if method else ():
        crops = [decode_png(found.crop_png(line, side) or b"") for side in SIDES]
        maps.append(maps_of(model, crops[0], crops[1], method or "", threshold))
    return maps
