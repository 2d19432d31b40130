"""The error hierarchy: every message tells the reader what was wrong and what to do next."""


class XssabError(Exception):
    """Base of all errors this library raises on purpose; its text is fit to show to a user."""


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
