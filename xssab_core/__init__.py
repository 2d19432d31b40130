"""Explain why a face recognition model said match or non-match."""

import os

# Read once, when PyTorch is loaded. Threads that spin while they wait for each other take the cores from those they
# wait for as soon as anything else runs: passes then take ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from xssab_core.explain import Explanation, explain
from xssab_core.faces import AlignedFace, Photo, align_face, open_photo
from xssab_core.models import load_model

__version__ = "0.1.0"

__all__ = ["AlignedFace", "Explanation", "Photo", "align_face", "explain", "load_model", "open_photo"]
