"""`patch-lfw`: write Patch-LFW to files that others can use without this software."""

from __future__ import annotations

import argparse
from typing import Any

from xssab_core.commands.arguments import add_patch_lfw_options
from xssab_core.data.crops import CropCache
from xssab_core.data.lfw import download_lfw, open_lfw, parse_folds
from xssab_core.metrics import percent
from xssab_core.models.registry import DEFAULT_MODEL, entry_of
from xssab_core.patch_lfw.export import export_patch_lfw
from xssab_core.patch_lfw.generator import PatchLfw
from xssab_core.progress import Line


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "patch-lfw",
        help="write Patch-LFW: crops as PNG and a manifest",
        description="Stop it at any moment: the same command goes on where it was.",
    )
    add_patch_lfw_options(parser)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="the model whose template the crops are on")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Write the crops and the manifest."""
    lfw = download_lfw(given.lfw) if given.download else open_lfw(given.lfw)
    cache, template = CropCache.default(given.aligned), entry_of(given.model).info.template
    generator = PatchLfw(lfw, cache, template, given.layout, given.seed)
    chosen = lfw.in_folds(parse_folds(given.folds)) if given.folds else lfw
    pairs = chosen.pairs if given.pairs is None else chosen.select(given.pairs // 2, given.pairs - given.pairs // 2)
    manifest = export_patch_lfw(generator, pairs, given.output, Line())
    print(
        f"{len(manifest):,} pairs of {len(pairs):,} ({lfw.coverage}); mean coverage "
        f"{percent(manifest['coverage'].mean(), 1)}; {given.output}"
    )
