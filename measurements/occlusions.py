"""The files in assets/occlusions: what xFace finds out about the sample photographs and about the pair that Replay
opens with.

Run: python measurements/occlusions.py [--model sface]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from ui.pair_picker import SHOWCASE
from xssab_core import align_face, load_model, open_photo
from xssab_core.explain.occlusions import digest_of, save_occlusions, shipped_occlusions
from xssab_core.explain.xface import XFace
from xssab_core.models import DEFAULT_MODEL
from xssab_core.patch_lfw.generator import PATCH_SIDE, PATCHES, PatchedFace, uniform_positions
from xssab_core.paths import ASSETS
from xssab_core.progress import Line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, method = load_model(given.model, device="cpu"), XFace(2)
    faces = {path.stem: align_face(open_photo(path)) for path in sorted((ASSETS / "samples").glob("*.jpg"))}
    probe, reference = (faces[name] for name in SHOWCASE)
    positions = uniform_positions(np.random.default_rng(0), PATCHES, PATCH_SIDE)
    patched = PatchedFace.of(probe, reference, positions, PATCH_SIDE)
    crops = [face.crop_for(model.info.template) for face in (*faces.values(), patched)]
    rows = {}
    for first, second in zip(crops[::2], crops[1::2], strict=True):
        found = method.examine(model, first, second, Line())
        for crop, clean, occluded in zip((first, second), found.embeddings, found.occluded, strict=True):
            rows[digest_of(crop)] = np.concatenate([clean[None], occluded])
    path = shipped_occlusions(model.info.id)
    save_occlusions(path, model, method.evidence_kind, rows)
    print(f"{path}: {len(rows)} faces, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
