"""The parts of the Benchmark page: results as the paper shows them, and a small run of one's own."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
import torch

from ui.jobs import jobs, watch
from ui.state import engine, lfw_folder
from xssab_core import paths
from xssab_core.benchmark import paper
from xssab_core.benchmark.figure import dpr_figure
from xssab_core.benchmark.runner import Settings, State, parse_methods, run_benchmark
from xssab_core.errors import DataError
from xssab_core.explain import METHODS, Progress

SMALL_RUN_PAIRS = 60
_SMALL_RUN_METHODS = ("xssab", "xcos-s", "xcos-w")


def results_files() -> dict[str, Path]:
    """Results by title: those that ship, then those made here."""
    shipped = {f"{path.stem} (shipped)": path for path in sorted((paths.ASSETS / "benchmarks").glob("*.json"))}
    own = {path.parent.name: path for path in sorted((paths.home() / "benchmarks").glob("*/results.json"))}
    return shipped | own


def read_results(source: Path | bytes, name: str) -> dict[str, Any]:
    """A results file; DataError when it is not one."""
    try:
        record: dict[str, Any] = json.loads(source.read_bytes() if isinstance(source, Path) else source)
        for key in ("data", "model", "threshold", "table1", "shares", "methods", "run"):
            record[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name} is not a results.json of this benchmark.") from error
    return record


def show_setting(record: dict[str, Any]) -> None:
    """What was measured: model, pairs, threshold, and the error rates before and after patching (Table 1)."""
    data, rates = record["data"], record["table1"]
    st.markdown(
        f"**{record['model']['title']}** on {data['set']} ({data['images']}): {data['pairs_selected']:,} pairs; copy "
        f"with {data['coverage']}. Threshold {record['threshold']['value']:.4f}: {record['threshold']['origin']}. "
        f"Patches cover {data['mean_patch_coverage']:.1%} of the probe on average."
    )
    shown = {
        "FMR, LFW": "clean_fmr",
        "FNMR, LFW": "clean_fnmr",
        "FMR, Patch-LFW": "patched_fmr",
        "FNMR, Patch-LFW": "patched_fnmr",
    }
    for column, (title, key) in zip(st.columns(4), shown.items(), strict=True):
        rate = rates[key]
        if rate["value"] is not None:
            low, high = rate["interval"]
            interval = f"95 % interval {low:.3f} to {high:.3f}, {rate['pairs']} pairs"
            column.metric(title, f"{rate['value']:.3f}", help=interval)


def show_curves(record: dict[str, Any]) -> None:
    """DPR curves as in figure 5."""
    st.subheader("DPR curves")
    figure = dpr_figure(record).update_layout(title=None, template=None, height=420, margin={"t": 40})
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    st.plotly_chart(figure, key="dpr", config={"displayModeBar": False}, alt="DPR curves of FMR and FNMR by method")
    st.caption("Lower is better: the errors that patches caused disappear sooner when the map finds the patches.")


def show_areas(record: dict[str, Any]) -> None:
    """Areas and gains, as Table 2, beside the paper's own."""
    st.subheader("Area under the DPR curve")
    rows = [
        {
            "method": method["title"],
            "pairs": sum(method["pairs"].values()),
            "gain FMR": _interval(method["gain"]["fmr"]),
            "gain FNMR": _interval(method["gain"]["fnmr"]),
            "AUC FMR": _number(method["auc"]["fmr"]["value"]),
            "AUC FNMR": _number(method["auc"]["fnmr"]["value"]),
            "unit-step FMR": _number(method["unit_step_area"]["fmr"], 2),
            "unit-step FNMR": _number(method["unit_step_area"]["fnmr"], 2),
        }
        for method in record["methods"]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption(
        "Gain over random = 1 - AUC / AUC of random on the same pairs, with its 95 % bootstrap interval. It needs no "
        "scale, so it is the column to compare across papers. AUC is over 0..100 %, 1 = error at every step; unit-step "
        "is the sum over the 20 points 0..95 %."
    )


def show_paper() -> None:
    """What the paper reports: Table 2 as gains over random, and Table 1."""
    st.subheader("The paper's own numbers")
    st.caption("Table 2 as gain over random, 1 - AUC / AUC of random, which needs no scale.")
    methods = ("xface1", "xface2", "xface3", "xcos-w", "xcos-s", "xssab")
    table = [
        {"method": METHODS[method].info.title.split(" (")[0]}
        | {
            f"{model} {kind}": f"{paper.gains(model, method)[i]:.0%}" if method in paper.TABLE_2[model] else ""
            for model in paper.TABLE_2
            for i, kind in enumerate(("FMR", "FNMR"))
        }
        for method in methods
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption("Table 1: error rates at the EER threshold of unpatched LFW.")
    rows = [
        {"model": model, "EER, LFW": eer, "FMR, Patch-LFW": fmr, "FNMR, Patch-LFW": fnmr}
        for model, (eer, fmr, fnmr) in paper.TABLE_1.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def show_cost_and_localisation(record: dict[str, Any]) -> None:
    """Passes and seconds, as Table 3, and how well maps find the patches."""
    left, right = st.columns(2)
    seconds = record["run"]["seconds_per_map"]
    with left:
        st.subheader("Cost of a map")
        rows = [
            {
                "method": method["title"],
                "forward": method.get("forward_passes"),
                "backward": method.get("backward_passes"),
                "seconds (median)": round(seconds[method["label"]]["seconds_map"]["median"], 3),
                "paper": paper.TABLE_3.get(method["label"]),
            }
            for method in record["methods"]
            if method["label"] in seconds
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
        st.caption("Passes per pair. The paper's seconds are from the authors' machine (Table 3).")
    with right:
        st.subheader("Finding the patches")
        rows = [
            {
                "method": method["title"],
                "average precision": _number(method["localisation"]["all"]),
                "impostor pairs": _number(method["localisation"]["fmr"]),
                "genuine pairs": _number(method["localisation"]["fnmr"]),
                "chance": _number(method["localisation"]["chance"]),
            }
            for method in record["methods"]
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
        st.caption("Average precision of the order of the pixels against the true mask of patched pixels.")


def show_small_run(model_id: str) -> None:
    """Start a run of 60 pairs on the user's LFW, with progress; what is finished is kept when it is stopped."""
    st.subheader("Measure here")
    folder = lfw_folder()
    if folder is None:
        st.info(
            "Set `XSSAB_LFW` to a folder with LFW and its pairs.txt and start the app again to run the benchmark here, "
            "or use `python -m xssab_core benchmark --lfw DIR --output DIR`; put its results.json in below.",
            icon=":material/folder:",
        )
        return
    model = engine().model(model_id)
    usable = [method for method in _SMALL_RUN_METHODS if METHODS[method].unavailable(model) is None]
    if not usable or not model.thresholds:
        st.info(f"{model_id} needs a calibration and a method that runs on it.", icon=":material/info:")
        return
    key: Hashable = ("benchmark", folder, model.weights_sha256)
    job = jobs().get(key)
    if job is not None and job.done:
        if job.error:
            st.info(f"{job.error} What is finished is kept: start again to go on.", icon=":material/info:")
        else:
            st.success("Finished. It is in the list above.", icon=":material/check:")
        jobs().forget(key)
        job = None
    if job is None:
        st.caption(f"{SMALL_RUN_PAIRS} pairs with {', '.join(usable)} and random. More: the command line.")
        if not st.button(f"Run {SMALL_RUN_PAIRS} pairs", key="run_benchmark", icon=":material/play_arrow:"):
            return
        settings = Settings(
            lfw=Path(folder),
            output=paths.home() / "benchmarks" / f"{model_id}-{SMALL_RUN_PAIRS}-pairs",
            model=model_id,
            methods=parse_methods(",".join(usable)),
            pairs=SMALL_RUN_PAIRS,
            threshold="eer",
            threads=torch.get_num_threads(),
        )

        def work(progress: Progress) -> None:
            run_benchmark(settings, model, lambda state: progress(_share(state)))

        jobs().start(key, f"Benchmark of {model_id}", work)
    watch(key, "benchmark")


def _share(state: State) -> float:
    """Embedding is a small part of a run, so it gets the first tenth of the bar."""
    share = state.done / max(1, state.total)
    return 0.1 * share if state.stage == "embed" else 0.1 + 0.9 * share


def _interval(estimate: dict[str, float | None]) -> str:
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    return "" if value is None or low is None or high is None else f"{value:.1%} ({low:.1%} to {high:.1%})"


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
