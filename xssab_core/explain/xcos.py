"""xCos: a cosine made of 49 local ones, with a small trained head on the model's last grid (Lin et al., 2021)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from xssab_core import paths
from xssab_core.errors import ExplainError
from xssab_core.explain.base import Evidence, Explainer, FaceMaps, MethodInfo
from xssab_core.files import write_whole
from xssab_core.models.base import FaceModel, GridNetwork, TorchFaceModel
from xssab_core.progress import Progress

CELLS = 7
_LOCAL, _ATTENTION = 32, 16


class XCosHead(nn.Module):
    """The trained part. A head belongs to the model whose grids it was trained on.

    A 1x1 convolution brings each cell of the grid to 32 channels (BN + PReLU); their cosine is S. The attention sees
    both: 32 -> 16 per image, concatenated, 32 -> 16 -> 1, all 3x3 with BN + PReLU, softmax over the cells: W. As
    published the attention depends on which image comes first; here its logits are averaged over both orders, so
    that a pair has one W and one xCos.

    Args:
        channels: C of the model's grid.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = _conv(channels, _LOCAL, 1)
        self.each = _conv(_LOCAL, _ATTENTION, 3)
        self.both = nn.Sequential(*_conv(2 * _ATTENTION, _ATTENTION, 3), *_conv(_ATTENTION, 1, 3))

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two (N, C, h, w) grids -> S (N, h, w) in -1..1 and W (N, h, w) >= 0 with sum 1."""
        return self.compare(self.local(first), self.local(second))

    def compare(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """S and W of two (N, 32, h, w) local features, which `local` gives."""
        similarity = nn.functional.cosine_similarity(first, second, dim=1).clamp(-1.0, 1.0)
        one, other = self.each(first), self.each(second)
        forth, back = self.both(torch.cat([one, other], 1)), self.both(torch.cat([other, one], 1))
        logits = ((forth + back) / 2).squeeze(1)
        weights = logits.flatten(1).softmax(dim=1).view_as(logits)
        return similarity, weights


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.BatchNorm2d(outputs), nn.PReLU(outputs)
    )


def shipped_head(model_id: str) -> Path:
    """Where the trained head of a model lies that comes with the program."""
    return paths.ASSETS / "xcos" / f"{model_id}.safetensors"


def own_head(model_id: str) -> Path:
    """Where a head trained on this machine lies."""
    return paths.home() / "xcos" / f"{model_id}.safetensors"


def save_head(head: XCosHead, path: Path, model: FaceModel, card: Mapping[str, object]) -> None:
    """Write a head and, beside it, its card; the file names the weights that it belongs to.

    Raises:
        OutputError: the files cannot be written.
    """
    state = {key: value.cpu().contiguous() for key, value in head.state_dict().items()}
    owner = {"model": model.info.id, "weights_sha256": model.weights_sha256}
    write_whole(path, lambda part: save_file(state, part, metadata=owner))
    write_whole(path.with_suffix(".json"), json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def head_path(model: FaceModel) -> Path | None:
    """The file of the head trained for exactly these weights: this machine's own, else the shipped one."""
    for path in (own_head(model.info.id), shipped_head(model.info.id)):
        if path.exists() and _read(path, path.stat().st_mtime_ns)[0] == model.weights_sha256:
            return path
    return None


def load_head(path: Path) -> XCosHead:
    """A head from its file, ready for inference on the CPU.

    Raises:
        ExplainError: the file is not a head.
    """
    _, state = _read(path, path.stat().st_mtime_ns)
    try:
        head = XCosHead(state["local.0.weight"].shape[1])
        head.load_state_dict(state)
    except (KeyError, IndexError, RuntimeError) as error:
        raise ExplainError(f"{path} is not an xCos head. Delete it and train again.") from error
    return head.eval().requires_grad_(False)


@lru_cache(maxsize=16)
def _read(path: Path, modified: int) -> tuple[str, dict[str, torch.Tensor]]:
    """Digest of the weights a head belongs to, and its tensors; `modified` keeps a replaced file from being missed."""
    try:
        with safe_open(path, framework="pt") as file:
            digest = (file.metadata() or {}).get("weights_sha256", "")
            return digest, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ExplainError(f"{path} is not an xCos head. Delete it and train again.") from error


@dataclass(frozen=True, eq=False)
class LocalCosines(Evidence):
    """What the head says of a pair; shared by xcos-s and xcos-w.

    Attributes:
        similarity: S, float32 (7, 7), -1..1.
        weights: W, float32 (7, 7), >= 0, sum 1.
    """

    similarity: np.ndarray
    weights: np.ndarray

    @property
    def score(self) -> float:
        """xCos = sum(W * S), which was trained to follow the model's cosine."""
        return float((self.similarity.astype(np.float64) * self.weights).sum())


class XCos(Explainer[TorchFaceModel, LocalCosines]):
    """S or W of a pair: one joint map of 7 x 7 cells, shown on both faces, a cell as a block of equal pixels.

    S is signed: `combined` is S, `similarity` and `dissimilarity` are its positive part and the size of its negative
    part. W says how much a cell counted, never in which direction: `combined` and `similarity` are both W, there is
    no `dissimilarity`, and ranking by `combined` from below takes the cells that counted least. No blur is applied:
    the cells are the resolution of the method.

    Args:
        part: "s" or "w".
        head: a head to use for every model; None takes the one trained for the model at hand.
    """

    def __init__(self, part: Literal["s", "w"], head: XCosHead | None = None) -> None:
        self.part, self.head = part, head
        self.evidence_kind = "local-cosines"
        self.info = MethodInfo(
            id=f"xcos-{part}",
            title={"s": "xCos S (local cosines)", "w": "xCos W (attention)"}[part],
            reference="Lin et al., xCos: An Explainable Cosine Metric for Face Verification Task, "
            "ACM TOMM 17(3s), 2021",
            white_box=True,
            needs_training=True,
            # Each face once for its embedding and once for its grid.
            forward_passes=4,
            backward_passes=0,
            joint=True,
            cells=CELLS,
            attention=part == "w",
            parameters={"head": "the one trained for these weights" if head is None else "given"},
        )

    def evidence_key(self, model: FaceModel) -> Hashable:
        """Also of the head: one trained anew gives other evidence."""
        path = None if self.head else head_path(model)
        return super().evidence_key(model), id(self.head) if path is None else (path, path.stat().st_mtime_ns)

    def unavailable(self, model: FaceModel) -> str | None:
        """Needs a grid and a head."""
        reason = super().unavailable(model)
        if reason:
            return reason
        if not isinstance(model, TorchFaceModel) or not isinstance(model.network, GridNetwork):
            return f"xCos needs the last feature grid of a model; {model.info.id} does not show one."
        if self.head is None and head_path(model) is None:
            return (
                f"xCos has no trained head for these weights of {model.info.id}. Train one: "
                f"xssab train-xcos --model {model.info.id} --lfw DIR"
            )
        return None

    def gather(
        self, model: TorchFaceModel, probe: np.ndarray, reference: np.ndarray, progress: Progress
    ) -> LocalCosines:
        """Grids of both faces through the head."""
        crops = np.stack([probe, reference])
        embeddings = model.embed(crops)
        head = self.head
        if head is None:
            path = head_path(model)
            assert path is not None
            head = load_head(path)
        grid = torch.from_numpy(grids(model, crops))
        with torch.inference_mode():
            similarity, weights = (values[0].numpy() for values in head(grid[:1], grid[1:]))
        return LocalCosines(embeddings=embeddings, similarity=similarity, weights=weights)

    def numbers(self, model: TorchFaceModel, evidence: LocalCosines, threshold: float) -> dict[str, float]:
        """`xcos`: the score that the maps explain, beside the model's cosine."""
        return {"xcos": evidence.score}

    def attribute(
        self, model: TorchFaceModel, evidence: LocalCosines, threshold: float, blur: bool
    ) -> tuple[FaceMaps, FaceMaps]:
        """Independent of threshold and blur."""
        side = model.info.template.size
        if self.part == "w":
            weights = blocks(evidence.weights, side)
            maps = FaceMaps(similarity=weights, dissimilarity=None, combined=weights)
        else:
            maps = FaceMaps.signed(blocks(evidence.similarity, side))
        return maps, maps


def grids(model: TorchFaceModel, crops: np.ndarray) -> np.ndarray:
    """float32 (N, C, 7, 7): the last feature grids of uint8 (N, S, S, 3) crops, in one batch.

    Raises:
        ExplainError: the model shows no grid of 7 x 7 cells.
    """
    if not isinstance(model.network, GridNetwork):
        raise ExplainError(f"xCos needs the last feature grid of a model; {model.info.id} does not show one.")
    with model.lock(), torch.inference_mode():
        found = model.network.features(model.pixels(crops)).float().cpu().numpy()
    if found.ndim != 4 or found.shape[2:] != (CELLS, CELLS):
        shape = " x ".join(map(str, found.shape[2:]))
        raise ExplainError(f"xCos needs a grid of {CELLS} x {CELLS} cells; that of {model.info.id} is {shape}.")
    return np.asarray(found)


def blocks(values: np.ndarray, side: int) -> np.ndarray:
    """float32 (side, side) from (h, w) cells: every pixel takes the value of the cell that its centre lies in."""
    rows, columns = (np.arange(side) * count // side for count in values.shape)
    return np.asarray(values[np.ix_(rows, columns)], dtype=np.float32)
