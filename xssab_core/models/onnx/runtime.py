"""ONNX Runtime: what runs the files that PyTorch cannot, and judges the graphs that it can."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from xssab_core.models.onnx.graph import is_channels_last


class RuntimeEmbedder:
    """Embeds by ONNX Runtime: uint8 (N, S, S, 3) in the network's colour order -> (N, D)."""

    def __init__(self, model: onnx.ModelProto, mean: Sequence[float], std: Sequence[float], batches: bool) -> None:
        import onnxruntime  # slow to load, and most users open no ONNX file

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong comes as an exception
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._name = self._session.get_inputs()[0].name
        self._channels_last = is_channels_last(self._session.get_inputs()[0].shape)
        self._mean, self._std = (np.array(values, dtype=np.float32) for values in (mean, std))
        self._batches = batches

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) -> float32 (N, D)."""
        images = (crops.astype(np.float32) - self._mean) / self._std
        if not self._channels_last:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        groups = [images] if self._batches else [image[None] for image in images]
        rows = [np.asarray(self._session.run(None, {self._name: group})[0]) for group in groups]
        return np.concatenate([row.reshape(len(group), -1) for row, group in zip(rows, groups, strict=True)])
