"""Add: brings a user's own model into the store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xssab_core.errors import Cure, ModelError, WeightsError
from xssab_core.faces.align import ARCFACE, Template
from xssab_core.files import held, write_whole
from xssab_core.models.base import ModelInfo
from xssab_core.models.blackbox import Command
from xssab_core.models.cards import CARD, Card, folder_of, today
from xssab_core.models.checkpoint import CONVERTED, install_checkpoint
from xssab_core.models.entries import Entry, ModelEntry, ToAddEntry
from xssab_core.models.onnx.diagnosis import TRIAL_SECONDS, diagnose
from xssab_core.models.registry import MODELS
from xssab_core.models.store import UrlSource, WeightsFile, fetch, sha256_of
from xssab_core.models.zoo import dlib_resnet, inception_resnet
from xssab_core.models.zoo.architectures import Architecture, architecture_of
from xssab_core.progress import Progress, ignore

TEMPLATES = {template.name: template for template in (ARCFACE, inception_resnet.TEMPLATE, dlib_resnet.TEMPLATE)}


@dataclass(frozen=True)
class Description:
    """What a user says about a model of their own; all of it is shown, none of it is checked."""

    title: str = ""
    loss: str = "not stated"
    training_set: str = "not stated"
    licence: str = "not stated"


@dataclass(frozen=True)
class Input:
    """What a network expects of its input.

    Attributes:
        template: the crop.
        colour_order: "RGB" or "BGR".
        mean, std: pixels become (x - mean) / std; one number, or three in the network's colour order.
    """

    template: Template = ARCFACE
    colour_order: str = "RGB"
    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (127.5,)

    def __post_init__(self) -> None:
        if self.colour_order not in ("RGB", "BGR"):
            raise ModelError(f"The colour order is RGB or BGR, not {self.colour_order}.")
        if len(self.mean) not in (1, 3) or len(self.std) not in (1, 3):
            raise ModelError("Mean and standard deviation are one number, or three with commas: one per colour.")
        if not np.isfinite([*self.mean, *self.std]).all() or 0 in self.std:
            raise ModelError("Mean and standard deviation must be numbers, and the latter not zero.")

    @property
    def normalisation(self) -> str:
        """As shown to users."""
        mean, std = (", ".join(f"{x:g}" for x in values) for values in (self.mean, self.std))
        return f"(x - {mean}) / {std}" if len(self.mean) == len(self.std) == 1 else f"(x - ({mean})) / ({std})"


def template_for(size: int | None, name: str = ARCFACE.name) -> Template:
    """A known template, scaled to another size where one is given."""
    if name not in TEMPLATES:
        raise ModelError(f"There is no template {name!r}. Known ones: {', '.join(TEMPLATES)}.")
    template = TEMPLATES[name]
    if size is None or size == template.size:
        return template
    if not 16 <= size <= 1024:
        raise ModelError(f"An input of {size} pixels is not one a face recogniser takes (16 to 1024).")
    scale = size / template.size
    # Pixel centres sit at half coordinates: scale about the corner, not about the first pixel's centre.
    points = tuple(((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y in template.points)
    return Template(f"{name}-{size}", size, points)


def add_checkpoint(
    model_id: str,
    weights: Path | str,
    architecture: str | None = None,
    description: Description | None = None,
    sha256: str = "",
    replacing: bool = False,
    progress: Progress = ignore,
) -> Card:
    """Add a network of a known architecture from a checkpoint.

    Args:
        model_id: a new id, or that of a model that ships without weights.
        weights: path or URL of a state dict: .pth, .pt or .safetensors.
        architecture: one of `ARCHITECTURES`; not needed for a model that ships.
        description: for a new id.
        sha256: digest the file must have, where the user knows one.
        replacing: put it in the place of a model added before.

    Raises:
        ModelError: the id is taken or cannot be one, or the architecture is unknown.
        WeightsError: the file cannot be had, is not a checkpoint, or does not fit.
    """
    _check_free(model_id, replacing)
    shipped = MODELS.shipped(model_id)
    if isinstance(shipped, ToAddEntry):
        if architecture not in (None, shipped.architecture):
            raise ModelError(f"{model_id} is {shipped.architecture}. Choose another id for another architecture.")
        architecture = shipped.architecture
    elif architecture is None:
        raise ModelError(f"The architecture of {model_id} is not said.", Cure("architecture"))
    built = architecture_of(architecture)
    file, downloaded = _local(model_id, weights, sha256, progress)
    try:
        return install_checkpoint(file, built, _info_of(model_id, shipped, built, description, file.name), sha256)
    finally:
        if downloaded:
            file.unlink(missing_ok=True)


def _info_of(
    model_id: str, shipped: Entry | None, built: Architecture, description: Description | None, source: str
) -> ModelInfo:
    if isinstance(shipped, ToAddEntry):
        return shipped.info
    said = description or Description()
    return ModelInfo(
        id=model_id,
        title=said.title or f"{model_id} ({built.title})",
        architecture=built.title,
        loss=said.loss,
        training_set=said.training_set,
        licence=said.licence,
        source=f"added by the user from {source}",
        template=built.template,
        colour_order="RGB",
        normalisation=built.normalisation,
        embedding_size=built.embedding_size,
        differentiable=True,
    )


def add_onnx(
    model_id: str,
    weights: Path | str,
    given: Input | None = None,
    description: Description | None = None,
    replacing: bool = False,
    progress: Progress = ignore,
    output: str = "",
    seconds: float = TRIAL_SECONDS,
) -> Card:
    """Add a recogniser from an ONNX file.

    It becomes differentiable if every operator can be, and agrees with ONNX Runtime; otherwise it is a black box,
    and the card says why.

    Args:
        model_id: a new id.
        weights: path or URL of the file.
        given: what the network expects.
        description: what a user must know.
        replacing: put it in the place of a model added before.
        output: name of the output that is the embedding; the only one that can be, unless given.
        seconds: the longest that its trial in ONNX Runtime may take.

    Raises:
        ModelError: the id is taken or cannot be one.
        WeightsError: the file cannot be had, is not a network, or not one that gives embeddings of such an input.
    """
    _check_free(model_id, replacing)
    if MODELS.shipped(model_id) is not None:
        raise ModelError(f"{model_id} is the id of a model that ships. Choose another.")
    given, said = given or Input(), description or Description()
    file, downloaded = _local(model_id, weights, "", progress)
    try:
        found = diagnose(file, given.template.size, given.colour_order, given.mean, given.std, output, seconds)
        info = ModelInfo(
            id=model_id,
            title=said.title or f"{model_id} (ONNX)",
            architecture=found.architecture,
            loss=said.loss,
            training_set=said.training_set,
            licence=said.licence,
            source=f"added by the user from {file.name}",
            template=given.template,
            colour_order=given.colour_order,
            normalisation=given.normalisation,
            embedding_size=found.embedding_size,
            differentiable=not found.black_box_reason,
            black_box_reason=found.black_box_reason,
        )
        with held(folder_of(model_id)):
            path = folder_of(model_id) / "network.onnx"
            write_whole(path, lambda part: shutil.copyfile(file, part))
            digest = sha256_of(path)
            settings = {
                "mean": list(given.mean), "std": list(given.std), "batches": found.batches, "grid": found.grid,
                "output": found.output, "left_out": list(found.other_outputs),
            }  # fmt: skip
            card = Card("onnx", info, digest, path.name, digest, today(), settings)
            card.save()
    finally:
        if downloaded:
            file.unlink(missing_ok=True)
    return card


def add_command(
    model_id: str,
    command: Command,
    template: Template = ARCFACE,
    colour_order: str = "RGB",
    description: Description | None = None,
    replacing: bool = False,
) -> Card:
    """Add a program that embeds (see `Command`). It is called once here, to learn the length of its embeddings.

    Raises:
        ModelError: the id is taken or cannot be one, or the program fails.
    """
    _check_free(model_id, replacing)
    if MODELS.shipped(model_id) is not None:
        raise ModelError(f"{model_id} is the id of a model that ships. Choose another.")
    said = description or Description()
    program = shutil.which(command.arguments[0]) if command.arguments else None
    if program is None:
        raise ModelError(f"There is no program {' '.join(command.arguments[:1])!r} that can be started.")
    command = replace(command, arguments=(str(Path(program).absolute()), *command.arguments[1:]))
    images = np.random.default_rng(0).integers(0, 256, (2, template.size, template.size, 3), dtype=np.uint8)
    rows = command(images)
    if rows.ndim != 2 or len(rows) != 2 or rows.dtype.kind not in "fiu":
        raise ModelError(f"{program} answered 2 images with {rows.dtype} {rows.shape}, not with numbers (2, D).")
    info = ModelInfo(
        id=model_id,
        title=said.title or f"{model_id} (program)",
        architecture="unknown",
        loss=said.loss,
        training_set=said.training_set,
        licence=said.licence,
        source=f"the program {' '.join(command.arguments)}",
        template=template,
        colour_order=colour_order,
        normalisation="done by the program",
        embedding_size=rows.shape[1],
        differentiable=False,
        black_box_reason="It is a program that gives embeddings only, no gradients.",
    )
    with held(folder_of(model_id)):
        # The program is all we can see: its digest stands for the weights, which may lie elsewhere.
        card = Card("command", info, sha256_of(Path(program)), "", "", today(), command.settings())
        card.save()
    return card


def said_of(card: Card) -> list[str]:
    """What a user is told of a model that was added: what was taken of the file, and what the model cannot do."""
    model_id, settings = card.info.id, card.settings
    lines = [f"{model_id}: added, {card.info.embedding_size} numbers a face, sha256 {card.sha256}"]
    if settings.get("left_out"):
        taken = settings.get("output") or settings["prefix"]
        lines.append(f"{model_id}: taken: {taken}; left out: {', '.join(settings['left_out'])}")
    if card.info.black_box_reason:
        lines.append(f"{model_id}: black-box methods only. {card.info.black_box_reason}")
    return lines


def numbers_of(text: str) -> tuple[float, ...]:
    """The mean or the standard deviation of an `Input` as a user writes it.

    Raises:
        ModelError: it is no number, nor several with commas.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ModelError(f"{text!r} is not a number, nor three with commas.") from error


def remove_model(model_id: str) -> None:
    """Forget a model that a user added, and delete its files.

    Raises:
        ModelError: nothing was added under that id.
    """
    folder = folder_of(model_id)
    if not (folder / CARD).exists():
        raise ModelError(f"Nothing was added under the id {model_id!r}.")
    with held(folder):
        (folder / CARD).unlink()
        for name in (CONVERTED, "network.onnx"):
            (folder / name).unlink(missing_ok=True)


def _check_free(model_id: str, replacing: bool) -> None:
    shipped = MODELS.shipped(model_id)
    if isinstance(shipped, ModelEntry):
        raise ModelError(f"{model_id} is the id of a model that ships with its weights. Choose another.")
    if (folder_of(model_id) / CARD).exists() and not replacing:
        raise ModelError(f"{model_id} is there already. Choose another id, or replace it.", Cure("replace"))


def _local(model_id: str, weights: Path | str, sha256: str, progress: Progress) -> tuple[Path, bool]:
    """The file on this machine, and whether it was downloaded for the purpose."""
    if isinstance(weights, str) and weights.startswith(("http://", "https://")):
        name = weights.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1] or "weights"
        return fetch(WeightsFile(name, sha256.lower(), (UrlSource(weights),)), folder_of(model_id), progress), True
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsError(f"{path} is not a file. Give the path or the URL of the weights.")
    return path, False
