"""`benchmark`: how good explanation methods are, by the paper's protocol."""

from __future__ import annotations

import argparse
from typing import Any

from xssab_core.benchmark.format import MethodResult, Results
from xssab_core.benchmark.runner import CALIBRATE, Settings, parse_methods, run_benchmark
from xssab_core.commands.arguments import add_patch_lfw_options, threshold_from
from xssab_core.data.lfw import download_lfw, parse_folds
from xssab_core.explain import METHODS
from xssab_core.metrics import Estimate, percent
from xssab_core.models import DEFAULT_MODEL
from xssab_core.progress import Line


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "benchmark",
        help="DPR curves, areas and localisation of explanation methods on Patch-LFW",
        description="Runs the paper's evaluation. Stop it at any moment: the same command goes on where it was.",
    )
    add_patch_lfw_options(parser)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument(
        "--methods",
        default="",
        metavar="LIST",
        help=f"comma-separated, of {', '.join(METHODS)}, random; NAME:N runs on N pairs only, "
        "NAME-unblurred leaves the blur out; the controls (random, pixel equality, mask oracle) are always there",
    )
    parser.add_argument(
        "--maps",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="your own method: a folder of <pair id>.npy, signed maps of the patched probe; may be repeated",
    )
    parser.add_argument("--steps", type=int, default=21, help="points of a DPR curve (21)")
    parser.add_argument(
        "--threshold",
        default=CALIBRATE,
        help='"calibrate" (default) finds th_EER on all covered clean pairs; or a cosine, or a known name ("eer")',
    )
    parser.add_argument(
        "--deletion",
        type=int,
        metavar="N",
        help="deletion and insertion too, on N clean pairs (40 passes each a method)",
    )
    parser.add_argument(
        "--checks",
        type=int,
        metavar="N",
        help="consistency within an identity and model randomisation too, on N clean pairs",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of one worker (1)")
    parser.add_argument(
        "--cluster", metavar="ADDRESS|local:N", help="work on a Dask cluster, or on N processes of this machine"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the benchmark, tell how far it is, print the table."""
    if given.download:
        download_lfw(given.lfw)
    settings = Settings(
        lfw=given.lfw.expanduser().resolve(),
        output=given.output,
        model=given.model,
        methods=parse_methods(given.methods, given.maps),
        pairs=given.pairs,
        folds=parse_folds(given.folds) if given.folds else None,
        steps=given.steps,
        layout=given.layout,
        seed=given.seed,
        threshold=threshold_from(given.threshold),
        threads=given.threads,
        cluster=given.cluster,
        aligned=given.aligned,
        deletion=given.deletion,
        checks=given.checks,
    )
    print(table(run_benchmark(settings, progress=Line())))
    print(f"Results: {given.output}")


def table(results: Results) -> str:
    """The results as lines of text, each method on the pairs that every method has; controls last, marked as such."""
    rates, common = results.table1, results.on_common_pairs()
    lines = [
        f"{results.model.title}; {results.data.coverage}; layout {results.layout}; "
        f"threshold {results.threshold.value:.4f} ({results.threshold.origin})",
        f"Patched FMR {_share(rates.patched_fmr.value)} (clean {_share(rates.clean_fmr.value)}), "
        f"FNMR {_share(rates.patched_fnmr.value)} (clean {_share(rates.clean_fnmr.value)})",
        f"{'method':20} {'pairs':>6} {'AUC FMR':>8} {'AUC FNMR':>8} {'gain FMR':>24} {'gain FNMR':>24} "
        f"{'of possible':>17} {'AP':>6}",
    ]
    for method in common.controls_last:
        lines.append(
            f"{method.label:20} {method.pairs.total:6} "
            f"{_number(method.auc.fmr.value):>8} {_number(method.auc.fnmr.value):>8} "
            f"{_gain(method.gain.fmr):>24} {_gain(method.gain.fnmr):>24} "
            f"{_possible(method):>17} {_number(method.localisation.all):>6}  {_role(method)}".rstrip()
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _possible(method: MethodResult) -> str:
    """The shares of what can be gained, FMR / FNMR."""
    if method.attained is None:
        return "-"
    return " / ".join(
        "-" if each.value is None else percent(each.value, 1) for each in (method.attained.fmr, method.attained.fnmr)
    )


def _role(method: MethodResult) -> str:
    if method.role == "oracle":
        return "control: an oracle that knows the patches"
    return "control: needs no model" if method.is_control else ""


def _gain(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{percent(estimate.value, 1)} [{percent(estimate.low, 1)}, {percent(estimate.high, 1)}]"
