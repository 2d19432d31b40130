"""`models`: list the FR models, fetch their weights, verify what is stored, add and remove models of one's own."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from xssab_core.errors import ModelError
from xssab_core.models.adding import (
    TEMPLATES,
    Description,
    Input,
    add_checkpoint,
    add_command,
    add_onnx,
    numbers_of,
    remove_model,
    said_of,
    template_for,
)
from xssab_core.models.blackbox import Command
from xssab_core.models.entries import ModelEntry
from xssab_core.models.onnx.diagnosis import TRIAL_SECONDS
from xssab_core.models.registry import DEFAULT_MODEL, MODELS, entry_of, fetch_model, verify_model
from xssab_core.models.zoo.architectures import ARCHITECTURES
from xssab_core.progress import Line

# What a program may take for a batch of images, unless told.
_BATCH_SECONDS = 300.0


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("models", help="list, fetch and verify face recognition models")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="all known models and whether their weights are here")
    listing.set_defaults(run=_list)
    fetching = actions.add_parser("fetch", help="bring a model's weights into the store")
    fetching.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    fetching.set_defaults(run=_fetch)
    verifying = actions.add_parser("verify", help="prove that stored weights are the published ones")
    verifying.add_argument("model", nargs="*", help="all fetched models unless named")
    verifying.set_defaults(run=_verify)
    _describe_adding(actions.add_parser("add", help="add a checkpoint, an ONNX file or a program of your own"))
    removing = actions.add_parser("remove", help="forget a model that was added")
    removing.add_argument("model")
    removing.set_defaults(run=_remove)


def _describe_adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", required=True, help="a new id, or that of a listed model without weights")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--weights", metavar="FILE_OR_URL", help="a state dict: .pth, .pt or .safetensors")
    given.add_argument("--onnx", metavar="FILE_OR_URL", help="a recogniser in ONNX format")
    given.add_argument(
        "--command", dest="program", metavar="PROGRAM", help="a program: images.npy in, embeddings.npy out"
    )
    parser.add_argument("--architecture", help=f"with --weights: one of {', '.join(ARCHITECTURES)}")
    parser.add_argument("--sha256", default="", help="with --weights: the digest the file must have")
    parser.add_argument("--size", type=int, help="side of the input in pixels, if not the template's own")
    parser.add_argument("--template", default="arcface", help=f"how faces are cropped: {', '.join(TEMPLATES)}")
    parser.add_argument("--colour", default="RGB", type=str.upper, help="RGB or BGR")
    parser.add_argument("--mean", default="127.5", help="with --onnx: pixels become (x - mean) / std")
    parser.add_argument("--std", default="127.5", help="one number, or three with commas in the order of --colour")
    parser.add_argument("--output-name", default="", help="with --onnx: the output that is the embedding")
    parser.add_argument(
        "--timeout",
        type=float,
        help=f"seconds: with --command for a batch of images ({_BATCH_SECONDS:g}), with --onnx for the trial run "
        f"({TRIAL_SECONDS:g})",
    )
    for name in ("title", "loss", "training-set", "licence"):
        parser.add_argument(f"--{name}", default=None, help="shown to users")
    parser.add_argument("--replace", action="store_true", help="put it in the place of a model added before")
    parser.set_defaults(run=_add)


def _list(_: argparse.Namespace) -> None:
    for model_id, entry in MODELS.items():
        state = "fetched" if entry.is_fetched else "not fetched"
        print(f"{model_id:20} {state:12} {entry.info.title}; {entry.info.licence}")


def _fetch(given: argparse.Namespace) -> None:
    path = fetch_model(given.model, Line("MiB"))
    verify_model(given.model)
    print(f"{given.model}: {path}")


def _verify(given: argparse.Namespace) -> None:
    for model_id in given.model or [model_id for model_id, entry in MODELS.items() if entry.is_fetched]:
        verify_model(model_id)
        state = "as published" if isinstance(entry_of(model_id), ModelEntry) else "as added"
        print(f"{model_id}: {state}, sha256 {entry_of(model_id).weights.sha256}")


def _add(given: argparse.Namespace) -> None:
    said = {name: getattr(given, name) for name in ("title", "loss", "training_set", "licence")}
    description = Description(**{name: text for name, text in said.items() if text})
    if given.weights:
        card = add_checkpoint(
            given.id, given.weights, given.architecture, description, given.sha256, given.replace, Line("MiB")
        )
    elif given.onnx:
        expected = Input(
            template_for(given.size, given.template), given.colour, numbers_of(given.mean), numbers_of(given.std)
        )
        seconds = given.timeout or TRIAL_SECONDS
        card = add_onnx(
            given.id, given.onnx, expected, description, given.replace, Line("MiB"), given.output_name, seconds
        )
    else:
        command = Command(_words(given.program), given.timeout or _BATCH_SECONDS)
        template = template_for(given.size, given.template)
        card = add_command(given.id, command, template, given.colour, description, given.replace)
    print("\n".join(said_of(card)))
    print(f"Calibrate it before use: xssab calibrate --model {given.id} --lfw DIR")


def _remove(given: argparse.Namespace) -> None:
    remove_model(given.model)
    print(f"{given.model}: removed")


def _words(program: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(program))
    except ValueError as error:
        raise ModelError(f"{program!r} is no command line: {error}. Close every quote.") from error
