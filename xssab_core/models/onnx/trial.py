"""Trial: what ONNX Runtime answers on a graph, asked in a process that is ended when it takes too long."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from xssab_core.errors import Cure, WeightsError
from xssab_core.models.onnx import session


@dataclass(frozen=True)
class Answers:
    """What a graph answers; outputs that are no arrays of numbers are left out.

    Attributes:
        alone: the outputs by name, for each image alone.
        again: those of the first image, asked a second time.
        together: those of all images at once; None where the graph takes one at a time.
    """

    alone: tuple[dict[str, np.ndarray], ...]
    again: dict[str, np.ndarray]
    together: dict[str, np.ndarray] | None

    def rows(self, output: str) -> np.ndarray:
        """(N, D): an output for each image alone."""
        return np.concatenate([values[output].reshape(1, -1) for values in self.alone])


def ask(model: onnx.ModelProto, images: np.ndarray, seconds: float) -> Answers:
    """Run a graph on images by ONNX Runtime.

    Args:
        model: of one input.
        images: (N, ...) of the type and layout that it takes.
        seconds: until the run is given up.

    Raises:
        WeightsError: ONNX Runtime cannot run it, or not in that time.
    """
    with tempfile.TemporaryDirectory(prefix="xssab-") as folder:
        given, wanted = Path(folder) / "images.npy", Path(folder) / "answers.npz"
        np.save(given, images)
        command = [sys.executable, "-P", session.__file__, str(given), str(wanted)]
        try:
            done = subprocess.run(command, input=model.SerializeToString(), capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise WeightsError(
                f"The network did not answer {len(images)} pictures within {seconds:g} seconds. A recogniser takes far "
                "less; if this one is so slow, allow it more time.",
                Cure("timeout"),
            ) from error
        if done.returncode < 0:
            raise WeightsError(f"ONNX Runtime was ended by signal {-done.returncode} while it ran the network.")
        if done.returncode:
            said = shortened((done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1])
            side = max(images.shape)
            raise WeightsError(
                f"ONNX Runtime cannot run the network on a picture of {side} x {side} pixels: {said} Perhaps it takes "
                "another size.",
                Cure("size"),
            )
        with np.load(wanted) as file:
            return _read({key: file[key] for key in file.files}, [value.name for value in model.graph.output])


def _read(found: dict[str, np.ndarray], names: list[str]) -> Answers:
    runs: dict[str, dict[str, np.ndarray]] = {}
    for key, value in found.items():
        run, index = key.split(":")
        runs.setdefault(run, {})[names[int(index)]] = value
    again, together = runs.pop("again", {}), runs.pop("together", None)
    return Answers(tuple(runs.values()), again, together)


def shortened(text: object) -> str:
    """On one line, at most 200 characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else line[:197] + "..."
