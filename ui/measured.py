"""What a method is worth, in a few words beside its map: its gain in the results that ship."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from xssab_core import paths
from xssab_core.benchmark.format import MethodResult, Results, read_results
from xssab_core.metrics import percent
from xssab_core.models import FaceModel


@dataclass(frozen=True)
class Worth:
    """Words on a method: `note` under its name, `origin` once for all of them."""

    note: str
    origin: str


def shipped_files() -> list[Path]:
    """The results that ship, those of fewer, later folds first: on them nothing was tuned."""
    return sorted((paths.ASSETS / "benchmarks").glob("*.json"), reverse=True)


@st.cache_resource(show_spinner=False)
def _shipped() -> list[Results]:
    return [read_results(file.read_bytes(), file.stem) for file in shipped_files()]


def worth_of(model: FaceModel, method_id: str) -> Worth | None:
    """How much sooner than random order the method's map leads decisions back that patches turned, of impostor and of
    genuine pairs; None where it was not measured for these weights."""
    for results in _shipped():
        if results.model.weights_sha256 != model.weights_sha256:
            continue
        for method in results.methods:
            if method.label == method_id:
                return Worth("chance" if method.is_random else _note(method), _origin(results))
    return None


def answers_best(model: FaceModel, method_ids: Collection[str]) -> str | None:
    """Of these methods the one with the largest measured gain, the mean of that on impostor and on genuine pairs; None
    where none was measured for these weights. Gains from different pairs are not compared: the first results with one
    of the methods decide."""
    for results in _shipped():
        if results.model.weights_sha256 != model.weights_sha256:
            continue
        gains = {
            method.label: method.gain.mean.value
            for method in results.methods
            if method.label in method_ids and not method.is_random
        }
        known = {method_id: gain for method_id, gain in gains.items() if gain is not None}
        if known:
            return max(known, key=known.__getitem__)
    return None


def _note(method: MethodResult) -> str:
    fmr, fnmr = (
        "unknown" if estimate.value is None else percent(estimate.value, 0)
        for estimate in (method.gain.fmr, method.gain.fnmr)
    )
    return f"gain {fmr} / {fnmr}"


def _origin(results: Results) -> str:
    return (
        "gain, how much less error than random order is left, over a whole replay, when patched pixels are put back in "
        f"the order of the map; impostor / genuine pairs of {results.data.set} ({results.data.coverage}). "
        "0\u00a0% is chance. The Benchmark page has the intervals and how many pairs each method ran on."
    )
