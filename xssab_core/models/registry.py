"""Which FR models there are: those that ship, those a user added, and those installed packages offer."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path

import torch

from xssab_core.device import choose_device
from xssab_core.errors import ModelError, XssabError
from xssab_core.models.base import FaceModel
from xssab_core.models.blackbox import plugins
from xssab_core.models.cards import card_ids, is_id, read_card
from xssab_core.models.catalogue import SHIPPED
from xssab_core.models.entries import AddedEntry, Entry, ModelEntry, PluginEntry
from xssab_core.progress import Progress, ignore

DEFAULT_MODEL = "sface"

_log = logging.getLogger(__name__)


class Registry(Mapping[str, Entry]):
    """All models by id. The store is read anew at each question, so that a model added by another process, or in
    another thread of the app, is there at once. Ids that ship come first; a user's weights for one of them replace
    its entry; an entry that cannot be read is left out and logged."""

    def __init__(self, shipped: tuple[Entry, ...]) -> None:
        self._shipped = {entry.info.id: entry for entry in shipped}

    def entry(self, model_id: str) -> Entry:
        """The entry of a model.

        Raises:
            ModelError: unknown, or a plug-in that cannot be loaded.
            WeightsError: its card cannot be read.
        """
        shipped = self._shipped.get(model_id)
        if isinstance(shipped, ModelEntry):
            return shipped
        card = read_card(model_id) if is_id(model_id) else None
        if card is not None:
            return AddedEntry(card)
        if shipped is not None:
            return shipped
        offered = plugins()
        if model_id in offered:
            return PluginEntry(offered[model_id]())
        raise ModelError(f"There is no model {model_id!r}. Known models: {', '.join(self)}.")

    def shipped(self, model_id: str) -> Entry | None:
        """The entry that ships under that id, whatever the user added; None without."""
        return self._shipped.get(model_id)

    def __getitem__(self, model_id: str) -> Entry:
        try:
            return self.entry(model_id)
        except XssabError as error:
            raise KeyError(model_id) from error

    def __iter__(self) -> Iterator[str]:
        yield from self._shipped
        for model_id in dict.fromkeys([*card_ids(), *plugins()]):
            if model_id in self._shipped:
                continue
            try:
                self.entry(model_id)
                yield model_id
            except XssabError as error:
                _log.warning("%s", error)

    def __len__(self) -> int:
        return sum(1 for _ in self)


MODELS = Registry(SHIPPED)


def entry_of(model_id: str) -> Entry:
    """The entry of a model; ModelError names those there are."""
    return MODELS.entry(model_id)


def fetch_model(model_id: str, progress: Progress = ignore) -> Path:
    """Bring a model's weights into the store, verified; returns their file."""
    return entry_of(model_id).fetch(progress)


def verify_model(model_id: str) -> None:
    """Prove that a model's stored weights are the published ones, or those that were added.

    Raises:
        WeightsError: they are missing or differ.
    """
    entry_of(model_id).verify()


def revision_of(model_id: str) -> Hashable:
    """Changes when what the store holds of a model does; see `Entry.revision`."""
    return entry_of(model_id).revision


def load_model(
    model_id: str = DEFAULT_MODEL, device: torch.device | str | None = None, progress: Progress = ignore
) -> FaceModel:
    """Load an FR model, fetching its weights on first use.

    Args:
        model_id: one of `MODELS`.
        device: where it computes; None chooses CUDA, else MPS, else the CPU.
        progress: told of a download.

    Raises:
        ModelError: unknown model.
        WeightsError: the weights cannot be had or are damaged.
    """
    where = choose_device() if device is None else torch.device(device)
    return entry_of(model_id).open(where, progress)
