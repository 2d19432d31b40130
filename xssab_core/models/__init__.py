"""FR models: what they are, how they are loaded, where their weights and thresholds come from."""

from xssab_core.models.base import FaceModel, GridNetwork, ModelInfo, Threshold, TorchFaceModel
from xssab_core.models.blackbox import BlackBox
from xssab_core.models.registry import DEFAULT_MODEL, MODELS, fetch_model, load_model, revision_of, verify_model

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "BlackBox",
    "FaceModel",
    "GridNetwork",
    "ModelInfo",
    "Threshold",
    "TorchFaceModel",
    "fetch_model",
    "load_model",
    "revision_of",
    "verify_model",
]
