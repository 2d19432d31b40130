"""Patch-LFW as files: lossless crops, masks and a manifest."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from xssab_core.data.lfw import LfwPair
from xssab_core.errors import DataError
from xssab_core.faces.align import ALIGNER_VERSION
from xssab_core.faces.detect import DETECTOR
from xssab_core.files import WorkFolder, write_folder
from xssab_core.patch_lfw.generator import PatchedPair, PatchLfw
from xssab_core.progress import Progress, State, ignore


def export_patch_lfw(
    generator: PatchLfw,
    pairs: Sequence[LfwPair],
    output: Path,
    progress: Progress = ignore,
) -> pd.DataFrame:
    """Write Patch-LFW; what is there already is kept, so an interrupted export goes on.

    Writes:
        patched/<pair id>.png: the probe with patches; masks/<pair id>.png: 255 where a patch lies.
        clean/<image>.png: each clean crop once (probes, references).
        manifest.parquet, manifest.csv: one row a pair; in CSV the positions are JSON.

    Args:
        generator: makes the pairs.
        pairs: which ones.
        output: folder, created when absent.
        progress: told of pairs.

    Returns:
        The manifest. Pairs without a face in an image are left out.

    Raises:
        OutputError: the folder cannot be written, or holds an export with other settings.
        DataError: no pair could be made.
    """
    work = WorkFolder(output / "work")
    rows = []
    with work.held():
        work.claim("patch-lfw", _settings(generator))
        for done, pair in enumerate(pairs, start=1):
            patched = generator.build(pair)
            if patched is not None:
                _write_pair(patched, output)
                rows.append(_row(patched))
            progress(State(done, len(pairs), "pairs"))
        if not rows:
            raise DataError("No pair has a face in both images, so there is nothing to write.")
        manifest = pd.DataFrame(rows)
        as_text = manifest.assign(positions=manifest["positions"].map(json.dumps))
        parquet = io.BytesIO()
        manifest.to_parquet(parquet, index=False)
        write_folder(
            {"manifest.parquet": parquet.getvalue(), "manifest.csv": as_text.to_csv(index=False).encode()}, output
        )
    return manifest


def _settings(generator: PatchLfw) -> dict[str, Any]:
    return {
        "layout": generator.layout,
        "seed": generator.seed,
        "template": generator.template.name,
        "size": generator.template.size,
        "images": generator.lfw.images.name,
        "donors": len(generator.lfw.donors),
        "detector": DETECTOR,
        "aligner_version": ALIGNER_VERSION,
    }


def _write_pair(pair: PatchedPair, output: Path) -> None:
    pictures = {
        Path("patched", f"{pair.pair.id}.png"): pair.patched,
        Path("masks", f"{pair.pair.id}.png"): np.where(pair.mask, 255, 0).astype(np.uint8),
        Path("clean", f"{pair.pair.probe.stem}.png"): pair.original,
        Path("clean", f"{pair.pair.reference.stem}.png"): pair.reference,
    }
    for path, picture in pictures.items():
        if not (output / path).exists():
            stored = picture[:, :, ::-1] if picture.ndim == 3 else picture
            write_folder({path.name: cv2.imencode(".png", stored)[1].tobytes()}, output / path.parent)


def _row(pair: PatchedPair) -> dict[str, Any]:
    return {
        "pair": pair.pair.id,
        "index": pair.pair.index,
        "fold": pair.pair.fold,
        "genuine": pair.pair.genuine,
        "mislabelled": pair.pair.is_mislabelled,
        "probe": pair.pair.probe.stem,
        "reference": pair.pair.reference.stem,
        "donor": pair.donor,
        "layout": pair.layout,
        "seed": pair.seed,
        "patch_side": pair.patch_side,
        "positions": pair.positions.tolist(),
        "coverage": pair.coverage,
        "patched_file": f"patched/{pair.pair.id}.png",
        "mask_file": f"masks/{pair.pair.id}.png",
        "probe_file": f"clean/{pair.pair.probe.stem}.png",
        "reference_file": f"clean/{pair.pair.reference.stem}.png",
    }
