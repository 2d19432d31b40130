"""How well three scores from batch normalisation tell faces of LFW from the same faces made worse: our departure, the
loss of GraFIQs, and the sum of the absolute gradient of that loss in the pixels.

Run: python measurements/departure.py --lfw DIR [--model sface] [--faces 60]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import cv2
import numpy as np
import torch
from torch import nn

from xssab_core import load_model
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.faces import ARCFACE
from xssab_core.models import DEFAULT_MODEL, TorchFaceModel
from xssab_core.quality.departure import departure
from xssab_core.scoring.embed import images_of
from xssab_core.trust.checks import jpeg

_NOISE = np.random.default_rng(0).normal(0, 20, (112, 112, 3))
WORSE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "blur, sigma 2": lambda crop: cv2.GaussianBlur(crop, (0, 0), 2),
    "blur, sigma 4": lambda crop: cv2.GaussianBlur(crop, (0, 0), 4),
    "reduced to 28 px": lambda crop: cv2.resize(cv2.resize(crop, (28, 28), interpolation=cv2.INTER_AREA), (112, 112)),
    "noise of 20 grey levels": lambda crop: np.clip(crop + _NOISE, 0, 255).astype(np.uint8),
    "a quarter of the light": lambda crop: (crop * 0.25).astype(np.uint8),
    "a third of the contrast": lambda crop: (crop * 0.3 + 90).astype(np.uint8),
    "lower half black": lambda crop: np.where(np.arange(112)[:, None, None] > 60, 0, crop).astype(np.uint8),
    "upside down": lambda crop: np.ascontiguousarray(crop[::-1]),
    "JPEG of quality 10": lambda crop: jpeg(crop, 10),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--faces", type=int, default=60)
    given = parser.parse_args()
    torch.set_num_threads(1)
    images = images_of([pair for pair in open_lfw(given.lfw).pairs if pair.fold < 6])
    chosen = images[:: max(1, len(images) // given.faces)][: given.faces]
    model = load_model(given.model, device="cpu")
    assert isinstance(model, TorchFaceModel)
    crops = [crop for path in chosen if (crop := CropCache.default().crop(path, ARCFACE)) is not None]
    clean = np.array([_scores(model, crop) for crop in crops])
    limits = np.quantile(clean, 0.95, axis=0)
    print(f"{len(crops)} faces; share of the faces made worse beyond 95 % of the clean ones: departure, loss, gradient")
    for name, worse in WORSE.items():
        shares = (np.array([_scores(model, worse(crop)) for crop in crops]) > limits).mean(0)
        print(f"{name:26}" + "".join(f"{100 * share:6.0f} %" for share in shares))


def _scores(model: TorchFaceModel, crop: np.ndarray) -> tuple[float, float, float]:
    loss, gradient = _grafiqs(model, crop)
    return departure(model, crop) or 0.0, loss, gradient


def _grafiqs(model: TorchFaceModel, crop: np.ndarray) -> tuple[float, float]:
    """The mean over layers of MSE(mean, kept mean) + MSE(variance, kept variance), and the sum of its gradient."""
    losses: list[torch.Tensor] = []

    def look(layer: nn.BatchNorm2d, given: tuple[torch.Tensor]) -> None:
        assert layer.running_mean is not None
        assert layer.running_var is not None
        variance, mean = torch.var_mean(given[0], (0, 2, 3), correction=0)
        losses.append((mean - layer.running_mean).square().mean() + (variance - layer.running_var).square().mean())

    hooks = [m.register_forward_pre_hook(look) for m in model.network.modules() if isinstance(m, nn.BatchNorm2d)]
    pixels = model.pixels(crop[None]).requires_grad_(True)
    model.network(pixels)
    for hook in hooks:
        hook.remove()
    loss = torch.stack(losses).mean()
    return float(loss.detach()), float(torch.autograd.grad(loss, pixels)[0].abs().sum())


if __name__ == "__main__":
    main()
