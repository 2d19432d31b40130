"""`models`: list the FR models, fetch their weights, verify what is stored."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from xssab_core.models.registry import DEFAULT_MODEL, MODELS, fetch_model, verify_model


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


def _list(_: argparse.Namespace) -> None:
    for model_id, entry in MODELS.items():
        state = "fetched" if entry.is_fetched else "not fetched"
        print(f"{model_id:20} {state:12} {entry.info.title}; {entry.info.licence}")


def _fetch(given: argparse.Namespace) -> None:
    path = fetch_model(given.model, show_progress)
    verify_model(given.model)
    print(f"{given.model}: {path}")


def _verify(given: argparse.Namespace) -> None:
    for model_id in given.model or [model_id for model_id, entry in MODELS.items() if entry.is_fetched]:
        verify_model(model_id)
        print(f"{model_id}: as published, sha256 {MODELS[model_id].weights.sha256}")


def show_progress(message: str, done: int, total: int | None) -> None:
    """One line on stderr that keeps up with a download."""
    amount = f" {done / 2**20:.1f} MiB" if done else ""
    share = f" of {total / 2**20:.1f}" if total else ""
    end = "\r" if sys.stderr.isatty() and done and done != total else "\n"
    if end == "\r" or not done or done == total:
        print(f"{message}{amount}{share}", end=end, file=sys.stderr, flush=True)
