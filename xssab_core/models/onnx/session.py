"""ONNX Runtime, imported in this file alone. It is a program too, so that a graph can run where it can be ended.

As a program it reads a graph from standard input and takes two paths: images in .npy format, and where its answers go
in .npz format. It imports nothing else of this package: PyTorch would take it seconds to load.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import numpy as np

# Official builds keep a device id and a database of events in the user's cache folder and send them to a collector,
# unless this is set before they are loaded (`Privacy.md` in the package).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def open_session(graph: bytes, literal: bool = False) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU; what is wrong with the graph comes as an exception of its own.

    Args:
        graph: an ONNX model.
        literal: run every node as it stands. Else some are merged or dropped, an active dropout among them.
    """
    import onnxruntime  # slow to load, and most users open no ONNX file

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong comes as an exception
    if literal:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def answers(graph: bytes, images: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs that are arrays of numbers, for each image alone, for the first again, and for all together.

    Args:
        graph: an ONNX model of one input.
        images: (N, ...) of the type and layout that it takes.

    Returns:
        By "RUN:OUTPUT": RUN is the number of the image, "again" or "together" (absent where the graph does not take
        several), OUTPUT the place in the graph's outputs.
    """
    session = open_session(graph, literal=True)
    name = session.get_inputs()[0].name

    def run(label: str, batch: np.ndarray) -> dict[str, np.ndarray]:
        values = enumerate(session.run(None, {name: batch}))
        return {f"{label}:{i}": v for i, v in values if isinstance(v, np.ndarray) and v.dtype.kind in "fiu"}

    found: dict[str, np.ndarray] = {}
    for index in range(len(images)):
        found |= run(str(index), images[index : index + 1])
    found |= run("again", images[:1])
    with contextlib.suppress(Exception):  # ONNX Runtime has no common base class of its errors
        found |= run("together", images)
    return found


if __name__ == "__main__":
    try:
        np.savez(sys.argv[2], **answers(sys.stdin.buffer.read(), np.load(sys.argv[1])))  # type: ignore[arg-type]
    except Exception as error:  # as above
        sys.exit(" ".join(str(error).split()))
