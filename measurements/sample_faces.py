"""The file assets/samples/faces.json: what the detector finds in the sample photographs.

Run: python measurements/sample_faces.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from xssab_core.faces import detect_faces, open_photo
from xssab_core.faces.known import save_known
from xssab_core.paths import ASSETS


def main() -> None:
    photos = [open_photo(path) for path in sorted((ASSETS / "samples").glob("*.jpg"))]
    save_known({photo.sha256: detect_faces(photo) for photo in photos})


if __name__ == "__main__":
    main()
