"""From finished records to results: the tables, the per-pair file and the figure."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from msgspec import structs

from xssab_core.benchmark import figure, measures
from xssab_core.benchmark.controls import CONTROLS, RANDOM
from xssab_core.benchmark.format import (
    FORMAT,
    KINDS,
    Accuracy,
    Bootstrap,
    ByKind,
    ByMating,
    Calibrated,
    Checked,
    CheckedDifference,
    Checks,
    Common,
    Counts,
    Curve,
    Data,
    Deletion,
    Difference,
    ErrorRate,
    Estimates,
    Kind,
    Localisation,
    Measures,
    MethodResult,
    Model,
    Occluded,
    OccludedDifference,
    Provenance,
    Results,
    Run,
    Seconds,
    Spread,
    Table1,
    results_json,
)
from xssab_core.benchmark.records import BASE, Record, Work
from xssab_core.benchmark.table import areas_csv, areas_latex
from xssab_core.benchmark.tasks import Method, Protocol
from xssab_core.data.lfw import Lfw, LfwPair
from xssab_core.explain import CAUTION, method_of
from xssab_core.files import write_folder
from xssab_core.metrics import Estimate, Rate
from xssab_core.models import FaceModel, Threshold
from xssab_core.patch_lfw.generator import PATCHES
from xssab_core.replay import deletion, dpr

Plan = Mapping[Method, Sequence[LfwPair]]


@dataclass(frozen=True, eq=False)
class Rows:
    """The records of a method as arrays, in the order of the pairs.

    Attributes:
        index: int (n,) of the pairs.
        genuine: bool (n,).
        scores: float64 (n, steps).
        errors: bool (n, steps), decided wrongly.
        areas: float64 (n,), area under each pair's own error, 0..1.
        precision: float64 (n,) average precision of localisation, nan where there is none.
        coverage: float64 (n,) of the patch mask, which is the precision of chance.
    """

    index: np.ndarray
    genuine: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    areas: np.ndarray
    precision: np.ndarray
    coverage: np.ndarray

    def taken(self, index: np.ndarray) -> Rows:
        """The rows of those pairs only."""
        keep = np.isin(self.index, index)
        return Rows(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})

    def of_kind(self, kind: Kind, values: np.ndarray) -> np.ndarray:
        """Of values one a pair, those the rate is about: FMR of impostor pairs, FNMR of genuine ones."""
        return np.asarray(values[self.genuine == (kind == "fnmr")])


def summarise(
    work: Work,
    lfw: Lfw,
    model: FaceModel,
    threshold: Threshold,
    calibration: Calibrated | None,
    plan: Plan,
    steps: int,
    provenance: Provenance,
    table: pd.DataFrame,
) -> Results:
    """What results.json says, computed from the records alone; `table` is from `pair_table`."""
    rows = {
        method: read_rows(work, method, pairs, threshold.value, steps)
        for method, pairs in plan.items()
        if method.protocol == "dpr"
    }
    random = next(rows[method] for method in rows if method.label == RANDOM)
    common = random.index
    for found in rows.values():
        common = np.intersect1d(common, found.index)

    def measured(found: Rows, index: np.ndarray) -> Measures:
        return _measured(found.taken(index), random.taken(index), provenance.bootstrap)

    return Results(
        format=FORMAT,
        caution=CAUTION,
        data=_data(work, lfw, plan),
        model=_model(model),
        threshold=threshold,
        calibration=calibration,
        table1=_table1(random, calibration),
        shares=tuple(np.linspace(0, 1, steps).tolist()),
        methods=tuple(_method(method, model, found, measured(found, found.index)) for method, found in rows.items()),
        common=Common(
            pairs=_counts(random.taken(common).genuine),
            methods={method.label: measured(found, common) for method, found in rows.items()},
            differences=_differences(
                {method.label: found.taken(common) for method, found in rows.items()}, provenance.bootstrap
            ),
        ),
        deletion=_deletion(work, plan, threshold.value, provenance.bootstrap),
        checks=_checks(work, plan, provenance.bootstrap),
        provenance=provenance,
        run=Run(datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), _seconds_per_map(table)),
    )


def read_rows(work: Work, method: Method, pairs: Sequence[LfwPair], threshold: float, steps: int) -> Rows:
    """The records there are of a method."""
    index: list[int] = []
    genuine: list[bool] = []
    precision: list[float | None] = []
    coverage: list[float] = []
    scores = np.empty((len(pairs), steps), dtype=np.float64)
    for pair in pairs:
        record = work.record(method.label, pair.index)
        base = work.record(BASE, pair.index)
        if record is None or base is None:
            continue
        scores[len(index)] = record["scores"]
        index.append(pair.index)
        genuine.append(pair.genuine)
        precision.append(record["average_precision"])
        coverage.append(base["coverage"])
    scores = scores[: len(index)]
    is_genuine = np.array(genuine, dtype=bool)
    wrong = measures.errors(scores, is_genuine, threshold)
    return Rows(
        np.array(index, dtype=np.int64),
        is_genuine,
        scores,
        wrong,
        measures.areas(wrong),
        np.array(precision, dtype=np.float64),
        np.array(coverage, dtype=np.float64),
    )


def _measured(rows: Rows, random: Rows, bootstrap: Bootstrap) -> Measures:
    """Of a method, with RND on the same pairs; the unit-step area only where the curve has the paper's 21 points."""
    found = measures.estimates(
        _by_kind(rows, rows.areas),
        _by_kind(random, random.areas),
        _by_kind(rows, rows.errors[:, -1]),
        bootstrap.resamples,
        bootstrap.seed,
    )
    auc = Estimates(**{kind: worth.area for kind, worth in found.items()})
    gain = Estimates(**{kind: worth.gain for kind, worth in found.items()})
    attained = Estimates(**{kind: worth.attained for kind, worth in found.items()})
    curves = ByKind(*(_curve(rows, kind) for kind in KINDS))
    steps = ByKind(*(_unit_step_area(curves.of(kind)) for kind in KINDS))
    return Measures(auc, gain, steps, attained, curves, _localisation(rows))


def _differences(rows: Mapping[str, Rows], bootstrap: Bootstrap) -> tuple[Difference, ...]:
    areas = {label: _by_kind(found, found.areas) for label, found in rows.items()}
    found = measures.differences(areas, bootstrap.resamples, bootstrap.seed)
    return tuple(Difference(each.first, each.second, Estimates(**each.areas)) for each in found)


def _by_kind(rows: Rows, values: np.ndarray) -> dict[str, np.ndarray]:
    return {kind: rows.of_kind(kind, values) for kind in KINDS}


def _unit_step_area(curve: Curve | None) -> float | None:
    return measures.unit_step_area(np.array(curve)) if curve and len(curve) == dpr.STEPS else None


def _curve(rows: Rows, kind: Kind) -> Curve | None:
    wrong = rows.of_kind(kind, rows.errors)
    return tuple(wrong.mean(axis=0).tolist()) if len(wrong) else None


def _localisation(rows: Rows) -> Localisation:
    fmr, fnmr = (_mean(rows.of_kind(kind, rows.precision)) for kind in KINDS)
    return Localisation(fmr, fnmr, _mean(rows.precision), _mean(rows.coverage))


def _deletion(work: Work, plan: Plan, threshold: float, bootstrap: Bootstrap) -> Deletion | None:
    """Deletion and insertion, on the pairs that all of its methods have."""
    records, genuine = _on_common_clean_pairs(work, plan, "deletion")
    if not records:
        return None

    def mean(values: np.ndarray) -> ByMating[Estimate]:
        return _by_mating(values, genuine, bootstrap)

    def right(label: str, name: str) -> np.ndarray:
        """bool (n, shares)."""
        scores = np.array([record["curves"][name] for record in records[label]], dtype=np.float64)
        return ~measures.errors(scores.reshape(-1, len(deletion.SHARES)), genuine, threshold)

    def curves(right: np.ndarray) -> ByMating[Curve | None]:
        return ByMating(
            *(tuple(right[side].mean(axis=0).tolist()) if side.any() else None for side in (genuine, ~genuine))
        )

    def against(label: str, fill: str) -> np.ndarray:
        """float (n,): how far the top 1 % of pixels move a score against its decision."""
        moved = [record["curves"]["deletion-black"][0] - record["top"][fill] for record in records[label]]
        return np.array(moved) * [1.0 if record["is_match"] else -1.0 for record in records[label]]

    rights = {label: {name: right(label, name) for name in deletion.CURVES} for label in records}
    areas = {label: {name: measures.areas(each) for name, each in found.items()} for label, found in rights.items()}
    moves = {label: {fill: against(label, fill) for fill in deletion.FILLS} for label in records}
    return Deletion(
        _counts(genuine),
        deletion.SHARES,
        {
            label: Occluded(
                {name: Accuracy(mean(areas[label][name]), curves(each)) for name, each in rights[label].items()},
                {fill: mean(moves[label][fill] - moves[RANDOM][fill]) for fill in deletion.FILLS},
            )
            for label in records
        },
        tuple(
            OccludedDifference(
                first,
                second,
                {name: mean(areas[first][name] - areas[second][name]) for name in deletion.CURVES},
                {fill: mean(moves[first][fill] - moves[second][fill]) for fill in deletion.FILLS},
            )
            for first, second in combinations(records, 2)
        ),
    )


def _checks(work: Work, plan: Plan, bootstrap: Bootstrap) -> Checks | None:
    records, genuine = _on_common_clean_pairs(work, plan, "checks")
    if not records:
        return None
    values = {
        label: np.array([[record["consistency"], record["randomised"]] for record in found], dtype=np.float64)
        .reshape(-1, 2)
        .T
        for label, found in records.items()
    }

    def estimated(found: np.ndarray) -> tuple[ByMating[Estimate], Estimate]:
        consistent, randomised = found
        mean = measures.mean_estimate(randomised, bootstrap.resamples, bootstrap.seed)
        return _by_mating(consistent, genuine, bootstrap), mean

    return Checks(
        _counts(genuine),
        {
            label: Checked(*estimated(found), (int(np.isfinite(found[0]).sum()), int(np.isfinite(found[1]).sum())))
            for label, found in values.items()
        },
        tuple(
            CheckedDifference(first, second, *estimated(values[first] - values[second]))
            for first, second in combinations(values, 2)
        ),
    )


def _on_common_clean_pairs(work: Work, plan: Plan, protocol: Protocol) -> tuple[dict[str, list[Record]], np.ndarray]:
    """The records of each method under a protocol on the pairs that all of them have, by label; and which of these are
    genuine."""
    found: dict[str, dict[LfwPair, Record]] = {}
    for method, pairs in plan.items():
        if method.protocol == protocol:
            records = ((pair, work.record(method.records, pair.index)) for pair in pairs)
            found[method.label] = {pair: record for pair, record in records if record is not None}
    common = [pair for pair in next(iter(found.values()), {}) if all(pair in known for known in found.values())]
    genuine = np.array([pair.genuine for pair in common], dtype=bool)
    return {label: [known[pair] for pair in common] for label, known in found.items()}, genuine


def _by_mating(values: np.ndarray, genuine: np.ndarray, bootstrap: Bootstrap) -> ByMating[Estimate]:
    sides = (values[genuine], values[~genuine])
    return ByMating(*(measures.mean_estimate(side, bootstrap.resamples, bootstrap.seed) for side in sides))


def _table1(rows: Rows, calibration: Calibrated | None) -> Table1:
    """Error rates before and after patching at the threshold, with 95 % intervals (Table 1)."""
    rates = {
        f"{name}_{kind}": _rate(rows.of_kind(kind, rows.errors)[:, column])
        for kind in KINDS
        for name, column in (("clean", -1), ("patched", 0))
    }
    return Table1(**rates, lfw_eer=calibration.eer if calibration else None)


def _rate(wrong: np.ndarray) -> ErrorRate:
    if not len(wrong):
        return ErrorRate(None, None, 0)
    rate = Rate(int(wrong.sum()), len(wrong))
    return ErrorRate(rate.value, rate.interval, rate.trials)


def _data(work: Work, lfw: Lfw, plan: Plan) -> Data:
    pairs = next(iter(plan.values()))
    without_a_face, mislabelled, coverage = [], [], []
    side = None
    for pair in pairs:
        base = work.record(BASE, pair.index)
        if base is None or not base["face"]:
            without_a_face.append(pair.id)
            continue
        side = base["patch_side"]
        coverage.append(base["coverage"])
        if base["mislabelled"]:
            mislabelled.append(base["id"])
    return Data(
        set="LFW View 2",
        images=lfw.images.name,
        coverage=lfw.coverage,
        pairs_expected=lfw.pairs_expected,
        pairs_covered=len(lfw.pairs),
        pairs_selected=len(pairs),
        pairs_without_a_face=tuple(without_a_face),
        pairs_known_to_be_mislabelled=tuple(mislabelled),
        patches=PATCHES,
        patch_side=side,
        mean_patch_coverage=_mean(np.array(coverage, dtype=np.float64)),
    )


def _model(model: FaceModel) -> Model:
    info = model.info
    return Model(
        id=info.id,
        title=info.title,
        architecture=info.architecture,
        loss=info.loss,
        training_set=info.training_set,
        licence=info.licence,
        template=info.template.name,
        size=info.template.size,
        embedding_size=info.embedding_size,
        weights_sha256=model.weights_sha256,
    )


def _method(method: Method, model: FaceModel, rows: Rows, found: Measures) -> MethodResult:
    return MethodResult(
        label=method.label, pairs=_counts(rows.genuine), **_about(method, model), **structs.asdict(found)
    )


def _about(method: Method, model: FaceModel) -> dict[str, Any]:
    """What the table says of a method besides its measures."""
    if method.control:
        role = "oracle" if method.control.oracle else "control"
        about = {"title": method.control.title, "reference": method.control.reference, "role": role}
        return about | {"blur": None, "cells": None}
    if method.maps:
        about = {"title": method.label, "reference": f"maps from {method.maps.title}"}
        return about | {"blur": None, "cells": None}
    assert method.explainer is not None
    explainer = method_of(method.explainer)
    info, passes = explainer.info, explainer.passes(model)
    return {
        "title": info.title if method.blur else f"{info.title}, unblurred",
        "reference": info.reference,
        "blur": method.blur,
        "cells": info.cells,
        "parameters": dict(info.parameters),
        "white_box": info.white_box,
        "needs_training": info.needs_training,
        "forward_passes": passes.forward,
        "backward_passes": passes.backward,
    }


def _seconds_per_map(table: pd.DataFrame) -> dict[str, Seconds]:
    return {
        str(label): Seconds(
            *(Spread(float(group[name].mean()), float(group[name].median())) for name in Seconds.__struct_fields__)
        )
        for label, group in table.groupby("method", sort=False)
        if label not in CONTROLS
    }


def write_results(results: Results, table: pd.DataFrame, output: Path) -> None:
    """Write results.json, pairs.parquet, and the figure and the table of areas (dpr.html, .json, .svg, .csv, .tex);
    each whole or not at all. Figure and table are of the pairs that every method has; `table` is from `pair_table`."""
    parquet, common = io.BytesIO(), results.on_common_pairs()
    table.to_parquet(parquet, index=False)
    drawn = figure.dpr_figure(common)
    write_folder(
        {
            "pairs.parquet": parquet.getvalue(),
            "dpr.html": drawn.to_html(include_plotlyjs=True).encode(),
            "dpr.json": drawn.to_json().encode(),
            "dpr.svg": figure.dpr_svg(common),
            "dpr.csv": areas_csv(common),
            "dpr.tex": areas_latex(common),
            "results.json": results_json(results),
        },
        output,
    )


def pair_table(work: Work, plan: Plan) -> pd.DataFrame:
    """One row a pair and method, which pairs.parquet holds."""
    rows: list[dict[str, Any]] = []
    for method, pairs in plan.items():
        for pair in pairs if method.protocol == "dpr" else ():
            base, record = work.record(BASE, pair.index), work.record(method.label, pair.index)
            if base is None or record is None:
                continue
            seconds = record["seconds"]
            rows.append(
                {
                    "method": method.label,
                    "pair": base["id"],
                    "index": base["index"],
                    "fold": base["fold"],
                    "genuine": base["genuine"],
                    "mislabelled": base["mislabelled"],
                    "donor": base["donor"],
                    "coverage": base["coverage"],
                    "clean_score": base["clean_score"],
                    "patched_score": base["patched_score"],
                    "patched_is_match": record["is_match"],
                    "scores": np.array(record["scores"], dtype=np.float64),
                    "average_precision": record["average_precision"],
                    "seconds_examine": seconds["examine"],
                    "seconds_maps": seconds["maps"],
                    "seconds_map": seconds["examine"] + seconds["maps"],
                }
            )
    table = pd.DataFrame(rows)
    table.attrs["caution"] = CAUTION
    return table


def _counts(genuine: np.ndarray) -> Counts:
    return Counts(int(genuine.sum()), int((~genuine).sum()))


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
