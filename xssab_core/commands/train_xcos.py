"""`train-xcos`: train the head that xCos needs for a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import open_lfw
from xssab_core.errors import ExplainError
from xssab_core.explain.xcos import own_head, save_head
from xssab_core.metrics import percent
from xssab_core.models import DEFAULT_MODEL, TorchFaceModel, load_model
from xssab_core.progress import Line
from xssab_core.training.xcos import Recipe, train


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("train-xcos", help="train the head that xCos needs for a model")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--lfw", type=Path, required=True, metavar="DIR", help="the folder that holds LFW")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write; the store unless given")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Train, write the head and its card, and say how well it follows the model."""
    lfw = open_lfw(given.lfw)
    model = load_model(given.model)
    if not isinstance(model, TorchFaceModel):
        raise ExplainError(f"xCos needs a differentiable model; {given.model} is a black box.")
    recipe = Recipe(epochs=given.epochs, seed=given.seed)
    head, card = train(model, lfw, CropCache.default(), recipe, Line())
    path = given.output or own_head(given.model)
    save_head(head, path, model, card)
    held_out = card["held_out"]
    print(
        f"{path}: on {held_out['pairs']} pairs of held-out identities, correlation with the cosine "
        f"{held_out['correlation']:.3f}, EER {percent(held_out['eer_xcos'])} (model: {percent(held_out['eer_model'])})"
    )
