"""The parts of the Benchmark page about runs: which results are shown, and what is measured here: a small run, and the
maps of a method of one's own."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import streamlit as st
import torch

from ui.jobs import FOR_EVER, Offer, jobs, offer_work, session
from ui.kept import kept_file
from ui.measured import shipped_files
from ui.page import errors_as_sentences
from ui.sidebar import pick_model
from ui.state import Upload, engine, lfw_at, lfw_folder
from ui.words import plain
from xssab_core import paths
from xssab_core.benchmark.controls import CONTROLS
from xssab_core.benchmark.format import Results, read_results
from xssab_core.benchmark.runner import CLEAN_IMAGES, Settings, maps_method, parse_methods, run_benchmark
from xssab_core.data.own_maps import ZipOfMaps, zip_of_maps
from xssab_core.errors import DataError
from xssab_core.explain import METHODS
from xssab_core.metrics import counted
from xssab_core.models import FaceModel
from xssab_core.progress import Progress, clock, part
from xssab_core.replay.dpr import STEPS
from xssab_core.report import versions

SMALL_RUN_PAIRS = 60
_SMALL_RUN_METHODS = ("xssab", "xcos-s", "xcos-w")
# What a page computes holds up other users; more maps are for the command line.
MOST_MAPS = 600
_CHOSEN, _GIVEN = "results", "results_file"
# In the address: the ticket of the ZIP, and what names the results that were made of one.
_MAPS, _OWN = "maps", "own"
_NOT_LISTED = "own"  # a folder of folders, which the list of results passes over
_OWN_TITLE = "Your own maps"


def pick_results() -> Results | None:
    """The results of the view: those of one's own maps, else an uploaded file, else one of the list. None, and a
    sentence, where there are none."""
    files, own = _results_files(), _own_results()
    is_given = st.session_state.get(_GIVEN) is not None
    with st.sidebar:
        chosen = st.selectbox(
            "Results", list(files), key=_CHOSEN, bind="query-params", disabled=is_given or own is not None,
            placeholder="none yet",
        )  # fmt: skip
        if own is not None:
            st.caption("Shown are those with your own maps.")
            st.button("Back to the list", key="leave_own", on_click=lambda: st.query_params.pop(_OWN, None))
        given = st.file_uploader("Or a results.json of yours", type=["json"], key=_GIVEN)
        if given is not None:
            st.caption("Remove the file to go back to the list.")
    try:
        if own is not None:
            return read_results(own.read_bytes(), _OWN_TITLE)
        if given is not None:
            return read_results(given.getvalue(), given.name)
        if chosen is not None:
            return read_results(files[chosen].read_bytes(), chosen)
    except (DataError, OSError) as error:
        logging.getLogger("xssab").warning("%s", error)
        st.error(plain(error), icon=":material/error:")
        return None
    st.info(
        "No results are here yet. Measure some at the end of this page, or upload a results.json in the sidebar.",
        icon=":material/monitoring:",
    )
    return None


def _results_files() -> dict[str, Path]:
    """Results by title: those that ship, then those made here."""
    shipped = {f"{path.stem} (shipped)": path for path in shipped_files()}
    own = {path.parent.name: path for path in sorted((paths.home() / "benchmarks").glob("*/results.json"))}
    return shipped | own


def _own_results() -> Path | None:
    """The results of somebody's own maps that the address names. The name is a digest of the maps, so nobody finds it
    who neither has them nor was given the address."""
    name = st.query_params.get(_OWN, "")
    path = paths.home() / "benchmarks" / _NOT_LISTED / name / "results.json"
    return path if re.fullmatch("[0-9a-f]{64}", name) and path.is_file() else None


def measure_here() -> None:
    """Start a run on the user's LFW, with progress; what is finished is kept when it is stopped."""
    st.header("Measure here")
    model = pick_model(st.container(width=400))
    folder = lfw_folder()
    if folder is None:
        st.info(
            "Set `XSSAB_LFW` to a folder with LFW and its pairs.txt and start the app again to run the benchmark "
            "here, or use `xssab benchmark --lfw DIR --output DIR` and upload its results.json in the "
            "sidebar.",
            icon=":material/folder:",
        )
        return
    usable = [method for method in _SMALL_RUN_METHODS if METHODS[method].unavailable(model) is None]
    if not usable or not model.thresholds:
        st.info(f"{plain(model.info.id)} needs a calibration and a method that runs on it.", icon=":material/info:")
        return
    settings = Settings(
        lfw=Path(folder),
        output=paths.home() / "benchmarks" / f"{model.info.id}-{SMALL_RUN_PAIRS}-pairs",
        model=model.info.id,
        methods=parse_methods(",".join(usable)),
        pairs=SMALL_RUN_PAIRS,
        threshold="eer",
        threads=torch.get_num_threads(),
    )
    _small_run(settings, model)
    st.subheader(_OWN_TITLE)
    with errors_as_sentences():
        _own_maps(settings, model, folder)


def _small_run(settings: Settings, model: FaceModel) -> None:
    """Sixty pairs under the quick methods."""
    name = settings.output.name
    key: Hashable = ("benchmark", str(settings.lfw), model.weights_sha256)
    if _ended_well(key):
        st.success(f"Finished: {plain(name)} is in the list of results.", icon=":material/check:")
        st.button("Show it", key="show_run", on_click=_show, args=(name,))
    about = (
        f"{SMALL_RUN_PAIRS} pairs with {_named(settings)} and random, some minutes on a CPU. It goes on beside "
        "the page. More pairs and methods: `xssab benchmark`."
    )
    _offer(key, "benchmark", f"Run {SMALL_RUN_PAIRS} pairs", f"Benchmark of {model.info.id}", settings, model, about)


def _show(title: str) -> None:
    st.session_state[_CHOSEN] = title
    st.query_params.pop(_OWN, None)


def _own_maps(small: Settings, model: FaceModel, folder: str) -> None:
    """Score the maps of a ZIP beside the methods of the small run, on the pairs that it has maps of."""
    st.markdown(
        "A ZIP of one `.npy` a pair, made by any program: an array of "
        f"{model.info.template.size} x {model.info.template.size} numbers, the signed map of the patched probe given "
        "the reference, positive where they are similar. `xssab patch-lfw` writes the pairs; a map is named after its "
        "patched probe, `NAME_0001--NAME_0002.npy`."
    )
    given = kept_file("Maps (zip)", _MAPS, "zip")
    if given is not None:
        _score_maps(given, zip_of_maps(given.data, given.name), small, model, folder)


def _score_maps(given: Upload, maps: ZipOfMaps, small: Settings, model: FaceModel, folder: str) -> None:
    lfw = lfw_at(folder).of_ids(maps.ids)
    pairs = lfw.select(MOST_MAPS // 2, MOST_MAPS // 2)
    genuine = sum(pair.genuine for pair in pairs)
    if not 0 < genuine < len(pairs):
        raise DataError(
            f"{given.name} has maps of {counted(genuine, 'genuine pair')} and "
            f"{counted(len(pairs) - genuine, 'impostor pair')} of this LFW. It takes some of both kinds."
        )
    method = maps_method(maps)
    wanted = replace(
        small, methods=(*small.methods, method), pairs=None, ids=frozenset(pair.id for pair in pairs)
    )  # fmt: skip
    name = _digest(wanted, maps, model)
    settings = replace(wanted, output=paths.home() / "benchmarks" / _NOT_LISTED / name)
    key: Hashable = ("own maps", name, maps.sha256)  # so that it ends when the file is removed
    _ended_well(key)
    if (settings.output / "results.json").is_file():
        st.success(f"Scored: {plain(method.label)} on {counted(len(pairs), 'pair')}.", icon=":material/check:")
        st.button("Show it above", key="show_own", on_click=_show_own, args=(name,))
        return
    rows, threads = len(settings.methods) + len(CONTROLS), settings.threads
    seconds = rows * len(pairs) * STEPS * engine().seconds_a_pass(model) / threads
    about = (
        f"{plain(given.name)}: maps of {genuine:,} genuine and {len(pairs) - genuine:,} impostor pairs"
        f"{_left_out(maps, len(lfw.pairs), len(pairs))}. Scored beside {_named(small)} and the controls on the same "
        f"pairs; the passes take about {clock(seconds)} where nothing else runs. The maps stay in memory for at most "
        "two hours, for this browser only; their scores are kept, and found again with the same file."
    )
    _offer(key, "own_maps", f"Score {counted(len(pairs), 'map')}", f"Scoring {method.label}", settings, model, about)


def _left_out(maps: ZipOfMaps, known: int, taken: int) -> str:
    """What of the ZIP is not scored, as a phrase."""
    told = ""
    if known > taken:
        told += f", taken evenly from {known:,} (all of them: `xssab benchmark --maps`)"
    if len(maps.ids) > known:
        told += f"; named after no pair of this LFW: {len(maps.ids) - known:,}"
    return told


def _digest(settings: Settings, maps: ZipOfMaps, model: FaceModel) -> str:
    """What names the results: all that decides them, the maps above all."""
    ids = sorted(settings.ids or ())
    made_from = replace(settings, ids=None), ids, model.weights_sha256, model.thresholds, model.device_name, versions()
    return hashlib.sha256(repr((maps.sha256, *made_from)).encode()).hexdigest()


def _show_own(name: str) -> None:
    st.query_params[_OWN] = name


def _named(settings: Settings) -> str:
    """The methods of a run, as a phrase."""
    return ", ".join(method.label for method in settings.methods if method.label in METHODS)


def _ended_well(key: Hashable) -> bool:
    """Whether the work has ended since it was last asked, and well; says how it ended where it did not."""
    ended = jobs().take_ended(key, session())
    if ended is None or not ended.error:
        return ended is not None
    if ended.stopped:
        st.info("Stopped. What is finished is kept: start again to go on.", icon=":material/info:")
    else:
        st.error(plain(ended.error), icon=":material/error:")
    return False


def _offer(key: Hashable, name: str, button: str, title: str, settings: Settings, model: FaceModel, about: str) -> None:
    def work(progress: Progress) -> None:
        # Embedding is a small part of a run, so it gets the first tenth of the bar.
        stages = {True: part(progress, 0.0, 0.1), False: part(progress, 0.1, 0.9)}
        run_benchmark(settings, model, lambda state: stages[state.what == CLEAN_IMAGES](state))

    offer_work(Offer(key, name, title, work, FOR_EVER), button, about)
