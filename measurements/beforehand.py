"""What ships so that nobody waits for it, a folder of `assets` each: what xFace finds out about the sample photographs
and about the pair that Replay opens with (occlusions); the scores of every sample pair in random orders, without
patches and with those that the app offers first (random_orders); what settles the copy of the model with randomised
weights (randomised); and what is fitted to the scores of every calibration that ships (confidence, likelihood).

Run: python measurements/beforehand.py [--model sface]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from ui.pair_picker import SHOWCASE, sample_pairs
from xssab_core import align_face, load_model, open_photo
from xssab_core.explain.confidence import save_confidence
from xssab_core.explain.xface import XFace
from xssab_core.faces import AlignedFace, Pair
from xssab_core.models import DEFAULT_MODEL, FaceModel, TorchFaceModel
from xssab_core.models.calibration import Calibration
from xssab_core.patch_lfw.generator import PATCH_SIDE, PATCHES, PatchedFace, uniform_positions
from xssab_core.paths import ASSETS
from xssab_core.progress import Line
from xssab_core.replay.case import case_of, save_at_random
from xssab_core.scoring.likelihood import save_likelihood_ratios
from xssab_core.trust.checks import SEED
from xssab_core.trust.randomised import save_moments
from xssab_core.work.beforehand import OCCLUSIONS, digest_of, save_numbers, shipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(given.model, device="cpu")
    faces = {path.stem: align_face(open_photo(path)) for path in sorted((ASSETS / "samples").glob("*.jpg"))}
    occlusions(model, faces)
    random_orders(model, faces)
    if isinstance(model, TorchFaceModel):
        save_moments(model, SEED)
    for file in (ASSETS / "calibrations").glob("*.json"):
        calibration = Calibration.load(file)
        save_confidence(calibration)
        save_likelihood_ratios(calibration)


def occlusions(model: FaceModel, faces: dict[str, AlignedFace]) -> None:
    method = XFace(2)
    probe, reference = (faces[name] for name in SHOWCASE)
    crops = [face.crop_for(model.info.template) for face in (*faces.values(), patched(probe, reference))]
    rows = {}
    for first, second in zip(crops[::2], crops[1::2], strict=True):
        found = method.examine(model, first, second, Line())
        for crop, clean, occluded in zip((first, second), found.embeddings, found.occluded, strict=True):
            rows[digest_of(crop)] = np.concatenate([clean[None], occluded])
    save_numbers(shipped(OCCLUSIONS, model.info.id), model.weights_sha256, method.evidence_kind, rows)


def random_orders(model: FaceModel, faces: dict[str, AlignedFace]) -> None:
    pairs = [[faces[name] for name in names] for names in (SHOWCASE, *sample_pairs())]
    clean = [Pair(*both) for both in pairs]
    changed = [Pair(patched(*both), both[1]) for both in pairs]
    save_at_random(model, (case_of(pair, model.info.template) for pair in (*clean, *changed)))


def patched(probe: AlignedFace, donor: AlignedFace) -> PatchedFace:
    """The patches that the app offers first."""
    positions = uniform_positions(np.random.default_rng(0), PATCHES, PATCH_SIDE)
    return PatchedFace.of(probe, donor, positions, PATCH_SIDE)


if __name__ == "__main__":
    main()
