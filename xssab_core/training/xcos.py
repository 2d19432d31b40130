"""Train xCos: fit the head of a model on LFW, with the backbone frozen and identities held out."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import Lfw, LfwPair
from xssab_core.errors import DataError
from xssab_core.explain.xcos import XCosHead, grids
from xssab_core.metrics import cosines, eer
from xssab_core.models.base import TorchFaceModel
from xssab_core.progress import Progress, State, ignore
from xssab_core.scoring.embed import batches, crops_of, images_of

# Scored at once; their grids are large.
_PAIRS = 8


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    Attributes:
        epochs: passes over the training images.
        images: images per batch, two by two of one identity where it has two.
        rolls: pairs of different identities per pair of the same one.
        learning_rate: of Adam at its peak; it follows one cosine down to zero.
        identity_weight: share of the identity loss; the rest of the loss is the MSE.
        scale, margin: of the identity loss (CosFace, Wang et al., 2018).
        held_out_folds: so many of the last covered folds of LFW View 2 lend their identities to the test only.
        seed: of everything random.
    """

    epochs: int = 12
    images: int = 128
    rolls: int = 3
    learning_rate: float = 2e-3
    identity_weight: float = 0.002
    scale: float = 30.0
    margin: float = 0.2
    held_out_folds: int = 2
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FaceGrids:
    """What the frozen model says of a set of images.

    Attributes:
        features: float16 (n, C, 7, 7), half the memory at a precision that the head cannot tell apart.
        embeddings: float32 (n, D), unit rows.
        identities: int (n,), 0..
        rows: row of each image file.
    """

    features: np.ndarray
    embeddings: np.ndarray
    identities: np.ndarray
    rows: dict[Path, int]


def split(lfw: Lfw, recipe: Recipe) -> tuple[list[Path], tuple[LfwPair, ...]]:
    """Training images, and the official pairs of the held-out folds. No identity is on both sides.

    Raises:
        DataError: nothing is left to train or to test on.
    """
    folds = sorted({pair.fold for pair in lfw.pairs})[-recipe.held_out_folds :]
    pairs = tuple(pair for pair in lfw.pairs if pair.fold in folds)
    held_out = {path.parent.name for pair in pairs for path in (pair.probe, pair.reference)}
    images = [path for path in lfw.files if path.parent.name not in held_out]
    if not images or len({pair.genuine for pair in pairs}) < 2 or len({path.parent for path in images}) < 2:
        raise DataError(
            f"{lfw.images} covers too little to hold out {recipe.held_out_folds} folds ({lfw.coverage}). "
            "Give a more complete copy of LFW."
        )
    return images, pairs


def collect_grids(
    model: TorchFaceModel, images: Sequence[Path], cache: CropCache, progress: Progress = ignore
) -> FaceGrids:
    """Grids and embeddings of all images with a face, each image once through the frozen model per kind."""
    parts: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    kept: list[Path] = []
    for number, group in enumerate(batches(images, model.batch_size)):
        found = crops_of(group, cache, model.info.template)
        if found:
            crops = np.stack(list(found.values()))
            parts.append(grids(model, crops).astype(np.float16))
            embeddings.append(model.embed(crops))
            kept += found
        progress(State(min((number + 1) * model.batch_size, len(images)), len(images), "images"))
    if not kept:
        raise DataError("No face was found in any of the images.")
    _, identities = np.unique([path.parent.name for path in kept], return_inverse=True)
    rows = {path: row for row, path in enumerate(kept)}
    return FaceGrids(np.concatenate(parts), np.concatenate(embeddings), identities, rows)


class IdentityLoss(nn.Module):
    """CosFace on the flattened local features of an image; used in training only.

    Args:
        features, identities: sizes.
        scale, margin: s and m.
    """

    def __init__(self, features: int, identities: int, scale: float, margin: float) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(identities, features) * 0.01)
        self.scale, self.margin = scale, margin

    def forward(self, local: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """Mean loss of (N, 32, 7, 7) local features of the given identities (N,)."""
        unit = nn.functional.normalize(local.flatten(1), dim=1)
        to_centres = unit @ nn.functional.normalize(self.centres, dim=1).T
        margins = self.margin * nn.functional.one_hot(identities, len(self.centres))
        return nn.functional.cross_entropy(self.scale * (to_centres - margins), identities)


def paired_batches(identities: np.ndarray, images: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Row numbers (2, images / 2), until every image came first once (the last, incomplete batch is left out).

    Below each image stands another one of the same identity, or itself where the identity has only one.
    """
    order = generator.permutation(len(identities))
    members = {int(identity): np.flatnonzero(identities == identity) for identity in np.unique(identities)}
    partners = np.array([_another(members[int(identities[row])], row, generator) for row in order])
    columns = images // 2
    for start in range(0, len(order) - columns + 1, columns):
        yield np.stack([order[start : start + columns], partners[start : start + columns]])


def _another(members: np.ndarray, row: int, generator: np.random.Generator) -> int:
    others = members[members != row]
    return int(generator.choice(others)) if len(others) else int(row)


def fit_head(
    data: FaceGrids, recipe: Recipe, device: torch.device, progress: Progress = ignore
) -> tuple[XCosHead, list[dict[str, float]]]:
    """Fit a head; the last epoch's weights are taken, nothing is chosen on held-out data.

    The loss is (1 - w) * MSE(xCos, cosine of the model) + w * identity loss.

    Returns:
        head, curve: the head on the CPU, and mean `mse` and `identity` losses of each epoch.
    """
    generator = np.random.default_rng(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = XCosHead(data.features.shape[1]).to(device)
        flattened = head.local[0].out_channels * data.features.shape[2] * data.features.shape[3]
        identity_loss = IdentityLoss(int(flattened), int(data.identities.max()) + 1, recipe.scale, recipe.margin).to(
            device
        )
    parameters = [*head.parameters(), *identity_loss.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    curve: list[dict[str, float]] = []
    head.train()
    for epoch in range(recipe.epochs):
        losses = []
        for rows in paired_batches(data.identities, min(recipe.images, len(data.identities)), generator):
            mse, identity = _losses(head, identity_loss, data, rows, recipe.rolls, device)
            loss = (1 - recipe.identity_weight) * mse + recipe.identity_weight * identity
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append((mse.item(), identity.item()))
        schedule.step()
        mean_mse, mean_identity = np.mean(losses, axis=0)
        curve.append({"mse": round(float(mean_mse), 6), "identity": round(float(mean_identity), 4)})
        progress(State(epoch + 1, recipe.epochs, "epochs"))
    return head.cpu().eval().requires_grad_(False), curve


def _losses(
    head: XCosHead, identity_loss: IdentityLoss, data: FaceGrids, rows: np.ndarray, rolls: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """MSE over the pairs of a batch (each column, and its first image with the second of other columns), and the
    identity loss over its images."""
    flat = rows.reshape(-1)
    local = head.local(torch.from_numpy(data.features[flat]).to(device).float())
    embeddings = torch.from_numpy(data.embeddings[flat]).to(device)
    count = rows.shape[1]
    first = torch.arange(count).repeat(1 + rolls)
    second = torch.cat([torch.arange(count).roll(shift) for shift in range(1 + rolls)]) + count
    different = torch.from_numpy(flat[first] != flat[second])
    first, second = first[different], second[different]
    similarity, weights = head.compare(local[first], local[second])
    target = (embeddings[first] * embeddings[second]).sum(1)
    mse = nn.functional.mse_loss((similarity * weights).sum((1, 2)), target)
    return mse, identity_loss(local, torch.from_numpy(data.identities[flat]).to(device))


def score_pairs(head: XCosHead, data: FaceGrids, pairs: Sequence[LfwPair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xCos and cosine, float64 (m,), and whether genuine, bool (m,), of the pairs with a face in each image."""
    chosen = [pair for pair in pairs if pair.probe in data.rows and pair.reference in data.rows]
    first, second = (np.array([data.rows[getattr(pair, side)] for pair in chosen]) for side in ("probe", "reference"))
    scores = []
    with torch.inference_mode():
        for start in range(0, len(chosen), _PAIRS):
            sides = (torch.from_numpy(data.features[r[start : start + _PAIRS]]).float() for r in (first, second))
            similarity, weights = head(*sides)
            scores.append((similarity * weights).sum((1, 2)).double().numpy())
    model_scores = cosines(data.embeddings[first], data.embeddings[second])
    return np.concatenate(scores), model_scores, np.array([pair.genuine for pair in chosen])


def held_out_report(xcos: np.ndarray, cosine: np.ndarray, genuine: np.ndarray) -> dict[str, Any]:
    """How well xCos follows the cosine, and how well each tells genuine from impostor."""

    def correlation(chosen: np.ndarray) -> float:
        return round(float(np.corrcoef(xcos[chosen], cosine[chosen])[0, 1]), 4)

    return {
        "pairs": len(genuine),
        "correlation": correlation(np.ones_like(genuine)),
        "correlation_genuine": correlation(genuine),
        "correlation_impostor": correlation(~genuine),
        "rmse": round(float(np.sqrt(np.mean((xcos - cosine) ** 2))), 4),
        "eer_xcos": round(eer(xcos[genuine], xcos[~genuine])[0], 4),
        "eer_model": round(eer(cosine[genuine], cosine[~genuine])[0], 4),
    }


def train(
    model: TorchFaceModel, lfw: Lfw, cache: CropCache, recipe: Recipe, progress: Progress = ignore
) -> tuple[XCosHead, dict[str, Any]]:
    """Train a head for a model and measure it on the held-out identities.

    Returns:
        head, card: the head, and what anyone who uses it should know, ready for JSON.

    Raises:
        DataError: LFW covers too little.
        ExplainError: the model shows no grid of 7 x 7 cells.
    """
    images, pairs = split(lfw, recipe)
    data = collect_grids(model, images, cache, progress)
    head, curve = fit_head(data, recipe, model.device, progress)
    tested = collect_grids(model, images_of(pairs), cache, progress)
    folds = sorted({pair.fold for pair in pairs})
    card = {
        "title": f"xCos head for {model.info.title}",
        "model": model.info.id,
        "weights_sha256": model.weights_sha256,
        "date": datetime.date.today().isoformat(),
        "data": f"LFW ({lfw.images.name}), for research use only; {lfw.coverage}",
        "training": {"images": len(data.rows), "identities": int(data.identities.max()) + 1},
        "held_out": {
            "folds": folds,
            "identities": int(tested.identities.max()) + 1,
            **held_out_report(*score_pairs(head, tested, pairs)),
        },
        "use": f"Results on other folds than {', '.join(map(str, folds))} are on identities seen in training.",
        "selection": "Weights of the last epoch; nothing was chosen on the held-out identities.",
        "settings": asdict(recipe),
        "curve": curve,
    }
    return head, card
