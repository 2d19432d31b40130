"""The error hierarchy: every message tells the reader what was wrong and what to do next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cure:
    """What would help, by name, so that each front end can say it in its own words: flags, buttons.

    Attributes:
        kind: "fetch", "add", "remove", "output", ...: the keys of the command line's and the app's phrases.
        subject: what it is about, such as the id of a model.
    """

    kind: str
    subject: str = ""


class XssabError(Exception):
    """Base of all errors this library raises on purpose; its text is fit to show to a user.

    Args:
        message: what is wrong and what to do, in terms of the library.
        cure: for front ends that can say more precisely what to do.
    """

    def __init__(self, message: str, cure: Cure | None = None) -> None:
        super().__init__(message)
        self.cure = cure


class PhotoError(XssabError):
    """The bytes given are not a photograph that can be used."""


class FaceError(XssabError):
    """No usable face: none was found, or the landmarks given cannot be aligned."""


class WeightsError(XssabError):
    """Model weights are missing, damaged, or not those of the model asked for."""


class ModelError(XssabError):
    """A model cannot do what was asked of it, or gave unusable embeddings."""


class ExplainError(XssabError):
    """A method cannot explain this pair with this model."""


class DataError(XssabError):
    """A data set is absent, incomplete or not laid out as expected."""


class OutputError(XssabError):
    """A result could not be written."""


class CancelledError(XssabError):
    """The user stopped a computation; nothing already computed is lost."""
