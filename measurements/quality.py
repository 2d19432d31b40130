"""The file in assets/quality: where figures of picture quality fall among the faces of LFW, folds 1 to 5; and the mean
head that pose is estimated with.

Run: python measurements/quality.py --lfw DIR [--model sface]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import msgspec
import numpy as np
import torch

from xssab_core import load_model, open_photo
from xssab_core.data.landmarks import shipped_landmarks
from xssab_core.data.lfw import open_lfw
from xssab_core.faces import AlignedFace
from xssab_core.files import write_whole
from xssab_core.models import DEFAULT_MODEL
from xssab_core.paths import ASSETS
from xssab_core.progress import Line, State
from xssab_core.quality.standing import DEPARTURE, Among, figures
from xssab_core.scoring.embed import images_of

FOLDS = range(1, 6)
STEPS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    torch.set_num_threads(1)
    lfw, model = open_lfw(given.lfw), load_model(given.model, device="cpu")
    images = images_of([pair for pair in lfw.pairs if pair.fold in FOLDS])
    faces, progress = list(_faces(images)), Line()
    found: dict[str, list[float]] = {}
    print(np.round(mean_head(np.stack([face.landmarks for face in faces])), 3).tolist())
    for number, face in enumerate(faces):
        for name, value in figures(face, model).items():
            found.setdefault(name, []).append(value)
        progress(State((number + 1) / len(faces)))
    quantiles = {name: _quantiles(values) for name, values in found.items()}
    departures = {model.weights_sha256: quantiles.pop(DEPARTURE)}
    table = Among(f"{lfw.title.split(',')[0]}, folds 1 to 5", len(faces), quantiles, departures)
    path = ASSETS / "quality" / "lfw.json"
    write_whole(path, msgspec.json.encode(table))
    print(f"{path}: {len(faces):,} faces, {path.stat().st_size:,} bytes")


def _faces(images: Sequence[Path]) -> Iterator[AlignedFace]:
    """The face nearest the middle of each image, where its landmarks ship."""
    for path in images:
        photo = open_photo(path)
        landmarks = shipped_landmarks().get(photo.sha256)
        if landmarks is not None:
            yield AlignedFace(photo, landmarks, "detected", None, None, None, (), 0)


def _quantiles(values: list[float]) -> tuple[float, ...]:
    found = np.quantile(values, np.linspace(0, 1, STEPS + 1), method="inverted_cdf")
    return tuple(float(f"{value:.5g}") for value in found)


def mean_head(landmarks: np.ndarray) -> np.ndarray:
    """float64 (5, 3): the rigid head whose views from afar explain landmarks (N, 5, 2) best, in distances between the
    eyes, turned to the mean of the views (Tomasi and Kanade, IJCV 1992; metric constraints of scaled views)."""
    upright = np.stack([_normalised(points) for points in landmarks])
    left, values, right = np.linalg.svd(upright.transpose(0, 2, 1).reshape(-1, 5), full_matrices=False)
    views, shape = left[:, :3] * values[:3], right[:3]
    x, y = views[0::2], views[1::2]
    equations = np.concatenate([_products(x, x) - _products(y, y), _products(x, y)])
    scale = (_products(x, x) + _products(y, y)).mean(0)[None] * len(views)
    a, b, c, d, e, f = np.linalg.lstsq(np.concatenate([equations, scale]), _last(len(equations) + 1), rcond=None)[0]
    weights, axes = np.linalg.eigh(np.array([[a, b, c], [b, d, e], [c, e, f]]))
    metric = np.linalg.inv(axes * np.sqrt(weights)) @ shape
    return _facing(metric, upright.mean(0)).T


def _normalised(points: np.ndarray) -> np.ndarray:
    """Centred, the line of the eyes level, of unit size."""
    across, centred = points[1] - points[0], points - points.mean(0)
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]]) / np.linalg.norm(across)
    return np.asarray(centred @ turn.T / np.linalg.norm(centred))


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The coefficients of a symmetric matrix L in one L other, row by row."""
    outer = one[:, :, None] * other[:, None, :]
    symmetric = outer + outer.transpose(0, 2, 1)
    rows, columns = np.triu_indices(3)
    return np.asarray(symmetric[:, rows, columns] / np.where(rows == columns, 2, 1))


def _last(count: int) -> np.ndarray:
    """Zeros, then a number that fixes the scale."""
    return np.append(np.zeros(count - 1), 2.0 * count)


def _facing(shape: np.ndarray, view: np.ndarray) -> np.ndarray:
    """(3, 5) turned so that x and y are those of the mean view (5, 2), the nose towards the camera."""
    first, _, second = np.linalg.svd(view.T @ np.linalg.pinv(shape), full_matrices=False)
    axes = first @ second
    turned = np.vstack([axes, np.cross(axes[0], axes[1])]) @ shape
    turned /= np.linalg.norm(turned[:2, 1] - turned[:2, 0])
    turned[2] -= turned[2, :2].mean()
    return np.asarray(turned if turned[2, 2] < 0 else turned * [[1], [1], [-1]])


if __name__ == "__main__":
    main()
