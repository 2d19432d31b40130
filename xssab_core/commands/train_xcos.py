"""`train-xcos`: train the head that xCos needs for a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xssab_core.benchmark.crops import CropCache
from xssab_core.benchmark.lfw import open_lfw
from xssab_core.errors import ExplainError, OutputError
from xssab_core.explain.train_xcos import Settings, train
from xssab_core.explain.xcos import own_head, save_head
from xssab_core.models import DEFAULT_MODEL, TorchFaceModel, load_model


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("train-xcos", help="train the head that xCos needs for a model")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--lfw", type=Path, required=True, metavar="DIR", help="the folder that holds LFW")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write; the store unless given")
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Train, write the head and its card, and say how well it follows the model."""
    lfw = open_lfw(given.lfw)
    model = load_model(given.model)
    if not isinstance(model, TorchFaceModel):
        raise ExplainError(f"xCos needs a differentiable model; {given.model} is a black box.")
    settings = Settings(epochs=given.epochs, seed=given.seed)
    head, card = train(model, lfw, CropCache.default(), settings, _show)
    path = given.output or own_head(given.model)
    try:
        save_head(head, path, model, card)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}). Choose another --output.") from error
    held_out = card["held_out"]
    print(
        f"{path}: on {held_out['pairs']} pairs of held-out identities, correlation with the cosine "
        f"{held_out['correlation']:.3f}, EER {held_out['eer_xcos']:.2%} (model: {held_out['eer_model']:.2%})"
    )


def _show(stage: str, done: int, total: int) -> None:
    """One line that keeps up on a terminal; elsewhere one line at the end of a stage."""
    if sys.stderr.isatty() or done == total:
        end = "\n" if done == total else "\r"
        print(f"{stage}: {done} of {total}", end=end, file=sys.stderr, flush=True)
