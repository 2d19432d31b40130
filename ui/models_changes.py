"""Changes of the store from the Models page: fetch, add and calibrate models, beside the page. They are for everybody
who uses this store, so whoever runs the app for others can forbid them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NoReturn

import streamlit as st

from ui.jobs import FOR_EVER, Offer, jobs, offer_work, session
from ui.state import engine, lfw_at, lfw_folder
from ui.words import plain
from xssab_core.data.crops import CropCache
from xssab_core.errors import Cure, DataError, XssabError
from xssab_core.metrics import counted
from xssab_core.models import MODELS, FaceModel
from xssab_core.models.adding import (
    TEMPLATES,
    Description,
    Input,
    add_checkpoint,
    add_onnx,
    numbers_of,
    said_of,
    template_for,
)
from xssab_core.models.calibration import calibration_path
from xssab_core.models.cards import Card
from xssab_core.models.entries import ToAddEntry
from xssab_core.models.onnx.diagnosis import TRIAL_SECONDS
from xssab_core.models.registry import fetch_model, verify_model
from xssab_core.models.zoo.architectures import ARCHITECTURES
from xssab_core.progress import Progress, clock, part
from xssab_core.scoring.calibrate import calibrate_on_lfw, summary
from xssab_core.scoring.embed import images_of

_NEWS = "_models_news"
_LOOK_ALIGNED = (
    "The images look like crops that are already aligned, whose landmarks are found a few pixels off, which moves the "
    "threshold. To take them as they are: xssab calibrate --aligned"
)
# Set by whoever runs the app for others, who may not change what all use.
FIXED = "XSSAB_FIXED_MODELS"
_CHECKPOINT, _ONNX = "Checkpoint", "ONNX"
_KINDS = {_ONNX: ["onnx"], _CHECKPOINT: ["pth", "pt", "safetensors"]}
# What would help, in terms of the fields below.
_CURES = {
    "replace": "To replace it, switch on Replace below.",
    "architecture": "Choose the architecture {subject}.",
    "onnx": "Then add that file as ONNX.",
    "size": "The side of the input is a field below.",
    "normalisation": "Mean and standard deviation are fields below.",
    "output-name": "The output is a field below.",
    "add": "Add it below, under the id {subject}.",
    "fetch": "Fetch it first.",
}


def may_change() -> bool:
    """Whether the store may be changed from the app."""
    return os.environ.get(FIXED, "0") in ("", "0")


def offer_fetch(model_id: str) -> None:
    """A button that brings the weights of a model, or where its authors' file is."""
    entry = MODELS[model_id]
    if isinstance(entry, ToAddEntry) and not entry.weights.sources:
        st.caption(f"{plain(entry.how_to_get)} Then add that file below, under the id {plain(model_id)}.")
        return

    def work(progress: Progress) -> list[str]:
        path = fetch_model(model_id, part(progress, 0.0, 1.0))
        verify_model(model_id)
        return [f"{model_id}: {path.name} is here, and is the file that it should be"]

    about = f"From {_sources(entry)}. The file is checked, and kept in the store for all who use it."
    _offer(("fetch", model_id), "fetch", "Fetch the weights", f"Fetching {model_id}", work, about)


def _sources(entry: Any) -> str:
    return " or ".join(plain(source) for source in entry.weights.sources)


def offer_calibration(model: FaceModel, is_calibrated: bool) -> None:
    """A button that scores the pairs of LFW with known labels, and keeps the thresholds that follow."""
    folder = lfw_folder()
    if folder is None:
        st.caption("With LFW at hand (`XSSAB_LFW`), it can be calibrated here. Pairs of your own: `xssab calibrate`.")
        return
    try:
        lfw, model_id = lfw_at(folder), model.info.id
    except DataError as error:
        st.info(plain(error), icon=":material/folder:")
        return

    def work(progress: Progress) -> list[str]:
        cache = CropCache.default()
        found = calibrate_on_lfw(model, lfw, cache, progress)
        found.save(calibration_path(model_id))
        return [*summary(found), *([_LOOK_ALIGNED] if cache.look_aligned(images_of(lfw.pairs)) else [])]

    images = len(images_of(lfw.pairs))
    seconds = images * engine().seconds_a_pass(model)
    about = (
        f"Scores {counted(len(lfw.pairs), 'pair')} of {plain(lfw.title)}: {images:,} passes, about {clock(seconds)} "
        "where nothing else runs, and the time to find faces that were not found here before. "
        + ("The thresholds that follow replace those above, for all who use this store." if is_calibrated else "")
    )
    key: Hashable = ("calibrate", model_id, model.weights_sha256, folder)
    _offer(key, "calibrate", "Calibrate on LFW", f"Calibrating {model_id}", work, about)


def offer_adding() -> None:
    """The fields of a model of one's own, and a button that tries it and puts it into the store."""
    st.markdown(
        "A network in ONNX, or a checkpoint of an architecture that is known here: data, never code. It is tried on "
        "random pixels before it is taken, and is there for all who use this store. Programs and packages are added on "
        "the command line: `xssab models add`."
    )
    st.caption(
        f"Files of up to {st.get_option('server.maxUploadSize')} MB. For larger ones, such as ResNets of 100 layers, "
        "start the app with `STREAMLIT_SERVER_MAX_UPLOAD_SIZE=500`, or use the command line."
    )
    kind = st.segmented_control("Kind", list(_KINDS), default=_ONNX, required=True, key="add_kind") or _ONNX
    file = st.file_uploader("File", type=_KINDS[kind], key=f"add_file_{kind}")
    left, right = st.columns(2)
    model_id = left.text_input("Id", key="add_id", placeholder="mine", max_chars=40).strip()
    replacing = right.toggle("Replace", key="add_replace", help="A model that was added under this id before.")
    fields = _checkpoint_fields() if kind == _CHECKPOINT else _onnx_fields()
    with st.expander("What others should know of it"):
        said = {
            name: st.text_input(label, key=f"add_{name}", max_chars=200).strip()
            for name, label in (
                *(("title", "Title"), ("loss", "Loss")),
                *(("training_set", "Training set"), ("licence", "Licence")),
            )
        }
    if file is None or not model_id:
        st.caption("Give a file and an id.")
        return
    description = Description(**{name: text for name, text in said.items() if text})

    def work(_: Progress) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = _written(file, file.name, Path(folder))
            card = _with_advice(lambda: fields(model_id, path, description, replacing))
        return [*said_of(card), f"{model_id}: calibrate it before use, on its own page here"]

    about = f"Its trial ends after {TRIAL_SECONDS:g} seconds at the latest." if kind == _ONNX else ""
    key: Hashable = ("add", model_id, file.file_id)
    _offer(key, "add", f"Add {plain(model_id)}", f"Adding {model_id}", work, about)


def _written(file: BinaryIO, name: str, folder: Path) -> Path:
    """The upload on disk, under its own last name, which is shown on its card."""
    path = folder / (PurePath(name.replace("\\", "/")).name or "weights")
    file.seek(0)
    path.write_bytes(file.read())
    return path


_Adding = Callable[[str, Path, Description, bool], Card]


def _checkpoint_fields() -> _Adding:
    to_add = [model_id for model_id, entry in MODELS.items() if isinstance(entry, ToAddEntry)]
    chosen = st.selectbox("Architecture", list(ARCHITECTURES), key="add_architecture")
    digest = st.text_input("SHA-256 that the file must have, if it is known", key="add_sha256", max_chars=64).strip()
    if to_add:
        st.caption(f"The ids {plain(', '.join(to_add))} are of models whose authors publish the file.")

    def add(model_id: str, path: Path, description: Description, replacing: bool) -> Card:
        # A model that is known has its own architecture.
        architecture = None if model_id in to_add else chosen
        return add_checkpoint(model_id, path, architecture, description, digest, replacing)

    return add


def _onnx_fields() -> _Adding:
    first, second, third, fourth = st.columns(4)
    template = first.selectbox("Crop of the face", list(TEMPLATES), key="add_template")
    size = second.number_input("Side of the input, pixels", 16, 1024, TEMPLATES[template].size, key=f"add_{template}")
    colour = third.selectbox("Colours", ["RGB", "BGR"], key="add_colour")
    output = fourth.text_input("Output", key="add_output", max_chars=200, placeholder="the only one").strip()
    left, right = st.columns(2)
    mean = left.text_input("Mean of the pixels", "127.5", key="add_mean", help="One number, or three with commas.")
    std = right.text_input("Standard deviation", "127.5", key="add_std", help="Pixels become (x - mean) / deviation.")

    def add(model_id: str, path: Path, description: Description, replacing: bool) -> Card:
        given = Input(template_for(int(size), template), colour, numbers_of(mean), numbers_of(std))
        return add_onnx(model_id, path, given, description, replacing, output=output)

    return add


def _with_advice(work: Callable[[], Card]) -> Card:
    """Do the work; an error says what would help in terms of this page, as the command line does in its own."""
    try:
        return work()
    except XssabError as error:
        _advise(error, error.cure)


def _advise(error: XssabError, cure: Cure | None) -> NoReturn:
    phrase = _CURES.get(cure.kind, "") if cure else ""
    raise type(error)(f"{error} {phrase.format(subject=cure.subject if cure else '')}".strip()) from error


def show_news() -> None:
    """How work that this page began has ended, once."""
    news = st.session_state.pop(_NEWS, None)
    if news is not None:
        st.toast("How it ended stands at the top of this page.")  # the button was far below
    if news is not None and news.error:
        st.error(plain(news.error), icon=":material/error:")
    elif news is not None:
        st.success("  \n".join(map(plain, news.result)), icon=":material/check:")


def _offer(
    key: Hashable, name: str, button: str, title: str, work: Callable[[Progress], list[str]], about: str
) -> None:
    """`offer_work`; once it has ended, the page is made anew with what is in the store now, see `show_news`."""
    ended = jobs().take_ended(key, session())
    if ended is not None:
        st.session_state[_NEWS] = ended
        st.rerun()
    offer_work(Offer(key, name, title, work, FOR_EVER), button, about)
