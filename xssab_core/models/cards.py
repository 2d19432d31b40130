"""Cards: what the store remembers of a model that a user added. One JSON file beside its weights."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from xssab_core import paths
from xssab_core.errors import Cure, ModelError, WeightsError
from xssab_core.files import decoded, write_whole
from xssab_core.models.base import ModelInfo

CARD = "card.json"
_FORMAT = 1
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LARGEST = 4096
T = TypeVar("T")


class _Versioned(Struct):
    format: int


class _Settings(Struct, Generic[T]):
    settings: T


class _Checkpoint(Struct):
    architecture: str


class _Onnx(Struct):
    mean: list[float]
    std: list[float]
    batches: bool
    grid: str


class _Command(Struct):
    arguments: Annotated[list[str], Meta(min_length=1)]
    timeout: float


# What the settings of a card must have, by its kind; other kinds are refused when they are opened.
_NEEDS: dict[str, Any] = {
    "checkpoint": _Settings[_Checkpoint],
    "onnx": _Settings[_Onnx],
    "command": _Settings[_Command],
}


@dataclass(frozen=True)
class Card:
    """A model that a user added.

    Attributes:
        kind: "checkpoint", "onnx" or "command": how it is opened.
        info: what a user must know.
        sha256: digest of the file the user gave; results and calibrations are tied to it.
        filename: the file in the model's folder; empty where there is none.
        stored_sha256: digest of that file, to notice damage.
        added: ISO date.
        settings: what the kind needs besides.
    """

    kind: str
    info: ModelInfo
    sha256: str
    filename: str
    stored_sha256: str
    added: str
    settings: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        """Write into the model's folder, whole or not at all."""
        write_whole(folder_of(self.info.id) / CARD, json.dumps({"format": _FORMAT, **asdict(self)}, indent=1))


def today() -> str:
    """The ISO date that a card remembers."""
    return datetime.date.today().isoformat()


def is_id(text: str) -> bool:
    """Whether a text can be the id of a model; ids name folders."""
    return _ID.fullmatch(text) is not None


def folder_of(model_id: str) -> Path:
    """The model's folder in the store.

    Raises:
        ModelError: the id could not name a folder.
    """
    if not is_id(model_id):
        raise ModelError(
            f"{model_id!r} cannot be the id of a model: use lower-case letters, digits, dots, dashes and underscores, "
            "64 at most, and begin with a letter or digit."
        )
    return paths.home() / "models" / model_id


def read_card(model_id: str) -> Card | None:
    """The card of a model, None where there is none.

    Raises:
        WeightsError: it is there but cannot be read.
    """
    path = folder_of(model_id) / CARD
    try:
        data = path.read_bytes()
        if decoded(data, _Versioned).format != _FORMAT:
            raise ValueError("another version of the program wrote it")
        card = decoded(data, Card)
        _check(card, model_id)
        decoded(data, _NEEDS.get(card.kind, Card))
        return card
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"The card of {model_id} cannot be read ({error}). Remove the model and add it again.",
            Cure("remove", model_id),
        ) from error


def _check(card: Card, model_id: str) -> None:
    """What the types of a card do not say.

    Raises:
        ValueError: a phrase that says what is wrong.
    """
    info = card.info
    if info.id != model_id:
        raise ValueError(f"it is the card of {info.id}")
    if len(info.template.points) != 5 or not 1 <= info.template.size <= _LARGEST:
        raise ValueError(f"info.template is not five points on a crop of 1 to {_LARGEST} pixels")
    if info.embedding_size < 1 or info.colour_order not in ("RGB", "BGR"):
        raise ValueError("info.embedding_size is not positive, or info.colour_order neither RGB nor BGR")


def card_ids() -> Iterator[str]:
    """Ids of the models that have a card, readable or not, in alphabetical order."""
    for path in sorted((paths.home() / "models").glob(f"*/{CARD}")):
        if is_id(path.parent.name):
            yield path.parent.name
