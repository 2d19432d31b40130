"""Black boxes: recognisers that give embeddings and nothing else."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np

from xssab_core.errors import Cure, ModelError
from xssab_core.models.base import ModelInfo, Threshold, check_crops, normalised

ENTRY_POINTS = "xssab.models"
Embed = Callable[[np.ndarray], np.ndarray]
"""uint8 (N, S, S, 3) crops in the model's colour order -> numbers (N, D); rows need no particular length."""


@dataclass(frozen=True)
class BlackBox:
    """What a Python package offers under the entry-point group `xssab.models`, itself or from a function without
    arguments.

    Attributes:
        info: with `differentiable=False`; `info.id` is the name the model is asked for by.
        embed: uint8 (N, S, S, 3) crops in `info.colour_order` on `info.template` -> numbers (N, D).
        weights_sha256: digest of the weights, or of whatever identifies them; calibrations are tied to it.
    """

    info: ModelInfo
    embed: Embed
    weights_sha256: str


class BlackBoxModel:
    """A FaceModel without gradients: black-box methods only."""

    device_name = "its own"
    batch_size = 64  # larger than for our own networks: a program starts anew for each batch

    def __init__(self, info: ModelInfo, weights_sha256: str, thresholds: tuple[Threshold, ...], embed: Embed) -> None:
        self.info = info
        self.weights_sha256 = weights_sha256
        self.thresholds = thresholds
        self._embed = embed

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) RGB crops -> float32 (N, D), rows L2-normalised.

        Raises:
            ModelError: wrong crops, or the black box failed or gave unusable embeddings.
        """
        check_crops(crops, self.info)
        if self.info.colour_order == "BGR":
            crops = crops[..., ::-1]
        parts = []
        for start in range(0, len(crops), self.batch_size):
            batch = np.ascontiguousarray(crops[start : start + self.batch_size])
            try:
                rows = np.asarray(self._embed(batch))
            except ModelError:
                raise
            except Exception as error:
                raise ModelError(f"{self.info.id} failed: {type(error).__name__}: {error}") from error
            if rows.ndim != 2 or len(rows) != len(batch) or rows.dtype.kind not in "fiu":
                raise ModelError(
                    f"{self.info.id} answered {len(batch)} images with {rows.dtype} {rows.shape}, "
                    f"not with numbers of shape ({len(batch)}, {self.info.embedding_size})."
                )
            parts.append(rows)
        return normalised(np.concatenate(parts) if parts else np.zeros((0, self.info.embedding_size)), self.info)


@dataclass(frozen=True)
class Command:
    """A program that embeds: it is called with two paths added to its arguments, without a shell.

    It reads the first, uint8 (N, S, S, 3) in .npy format, and writes the second, numbers (N, D) in .npy format.

    Attributes:
        arguments: program and arguments.
        timeout: seconds after which a call is given up.
    """

    arguments: tuple[str, ...]
    timeout: float

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Command:
        """From what `settings` gave."""
        return cls(tuple(settings["arguments"]), float(settings["timeout"]))

    def settings(self) -> dict[str, Any]:
        """For the card."""
        return {"arguments": list(self.arguments), "timeout": self.timeout}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) -> (N, D); ModelError says what the program did instead."""
        program = self.arguments[0]
        with tempfile.TemporaryDirectory(prefix="xssab-") as folder:
            given, wanted = Path(folder) / "images.npy", Path(folder) / "embeddings.npy"
            np.save(given, images)
            command = [*self.arguments, str(given), str(wanted)]
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                    timeout=self.timeout,
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise ModelError(
                    f"{program} did not answer within {self.timeout:g} seconds. Add the model again with a longer "
                    "time limit, or run the program by hand to see what it waits for.",
                    Cure("timeout"),
                ) from error
            except OSError as error:
                raise ModelError(f"{program} cannot be started: {error.strerror or error}.") from error
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
                raise ModelError(f"{program} ended with exit code {done.returncode}: {last}")
            try:
                return np.asarray(np.load(wanted, allow_pickle=False))
            except FileNotFoundError as error:
                raise ModelError(f"{program} ended well but wrote no {wanted.name} where it was told to.") from error
            except Exception as error:  # numpy raises what its parser does, TokenError among it
                raise ModelError(f"{program} wrote an {wanted.name} that is not an array in .npy format.") from error


def plugins() -> dict[str, Callable[[], BlackBox]]:
    """Loaders of the black boxes that installed packages offer, by entry-point name. Loading may raise ModelError."""
    return {point.name: partial(_loaded, point) for point in entry_points(group=ENTRY_POINTS)}


def _loaded(point: EntryPoint) -> BlackBox:
    try:
        offered = point.load()
        box = offered() if callable(offered) else offered
    except Exception as error:
        raise ModelError(
            f"The plug-in {point.name} ({point.value}) cannot be loaded: {type(error).__name__}: {error}. "
            "Repair or uninstall its package."
        ) from error
    if not isinstance(box, BlackBox) or box.info.id != point.name:
        raise ModelError(
            f"The plug-in {point.name} ({point.value}) must give a xssab_core.models.BlackBox whose id is {point.name}."
        )
    return box
