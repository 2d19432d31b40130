"""The files in assets/lfw: landmarks and scores of the LFW pairs of a copy, for the app's Browse page.

Run: python measurements/lfw_table.py --lfw DIR [--model sface]
It finds every face and scores every pair, clean and patched, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from xssab_core.data.crops import CropCache
from xssab_core.data.landmarks import SHIPPED, save_landmarks
from xssab_core.data.lfw import open_lfw
from xssab_core.gallery.scores import PairScores, every_image, save_scores
from xssab_core.models import DEFAULT_MODEL, load_model
from xssab_core.patch_lfw.generator import PatchLfw
from xssab_core.progress import Line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", required=True, type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    given = parser.parse_args()
    cache, model = CropCache.default(), load_model(given.model, device="cpu")
    lfw = open_lfw(given.lfw)
    landmarks = {}
    for path in every_image(lfw):
        face = cache.face(path)
        if face is not None:
            landmarks[hashlib.sha256(path.read_bytes()).hexdigest()] = face.landmarks
    save_landmarks(SHIPPED, landmarks)
    print(f"{SHIPPED}: {len(landmarks):,} faces, {SHIPPED.stat().st_size:,} bytes", flush=True)
    scores = PairScores(PatchLfw(lfw, cache, model.info.template), model, cache.folder)
    scores.compute(Line())
    save_scores(scores.shipped, scores)
    print(f"\n{scores.shipped}: {len(lfw.pairs):,} pairs, {scores.shipped.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
