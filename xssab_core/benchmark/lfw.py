"""LFW View 2: finds a copy on disk, reads its pairs, says how much of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xssab_core.errors import DataError

# Genuine pairs of the official list that the data set's errata call wrong; kept for comparability.
MISLABELLED = frozenset(
    f"{name}_{first:04d}--{name}_{second:04d}"
    for name, first, second in (
        ("Janica_Kostelic", 1, 2),
        ("Nora_Bendijo", 1, 2),
        ("Martha_Bowen", 1, 2),
        ("Jim_OBrien", 1, 2),
        ("Jim_OBrien", 1, 3),
        ("Elisabeth_Schumacher", 1, 2),
        ("Debra_Messing", 1, 2),
    )
)
_IMAGE_FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")


@dataclass(frozen=True)
class LfwPair:
    """One official pair. The probe is the first image of the line.

    Attributes:
        index: position in pairs.txt, from 0.
        fold: 1..10.
        genuine: same identity.
        probe, reference: image files.
    """

    index: int
    fold: int
    genuine: bool
    probe: Path
    reference: Path

    @property
    def id(self) -> str:
        """Stable name of the pair, from its image names."""
        return f"{self.probe.stem}--{self.reference.stem}"

    @property
    def is_mislabelled(self) -> bool:
        """Whether the data set's errata say that this genuine pair shows two people."""
        return self.id in MISLABELLED


@dataclass(frozen=True)
class Lfw:
    """A copy of LFW.

    Attributes:
        images: the folder with one folder per identity.
        pairs: the official pairs both of whose images are there, in official order.
        pairs_expected: how many pairs the protocol has.
    """

    images: Path
    pairs: tuple[LfwPair, ...]
    pairs_expected: int

    @property
    def coverage(self) -> str:
        """How much of the protocol this copy covers, as a phrase."""
        folds = sorted({pair.fold for pair in self.pairs})
        return f"{len(self.pairs):,} of {self.pairs_expected:,} official pairs, folds {', '.join(map(str, folds))}"

    def select(self, genuine: int, impostor: int) -> tuple[LfwPair, ...]:
        """The given number of pairs of each kind, taken evenly over what is there, in official order."""
        chosen: list[LfwPair] = []
        for kind, count in ((True, genuine), (False, impostor)):
            pairs = [pair for pair in self.pairs if pair.genuine == kind]
            count = min(count, len(pairs))
            chosen += [pairs[i * len(pairs) // count] for i in range(count)]
        return tuple(sorted(chosen, key=lambda pair: pair.index))


def open_lfw(folder: Path | str) -> Lfw:
    """Read a copy of LFW: the folder of images, or one above it, with `pairs.txt` in either.

    Raises:
        DataError: no images, no pairs.txt, or no official pair covered.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give the folder that holds LFW.")
    images = next((root / name for name in _IMAGE_FOLDERS if (root / name).is_dir()), root)
    candidates = (path / "pairs.txt" for path in (root, images, root.parent))
    pairs_file = next((path for path in candidates if path.is_file()), None)
    if pairs_file is None:
        raise DataError(
            f"{root} holds no pairs.txt. Put LFW's View 2 file pairs.txt beside the folder of images "
            f"({', '.join(_IMAGE_FOLDERS)})."
        )
    pairs, expected = _read_pairs(pairs_file, images)
    if not pairs:
        raise DataError(f"{images} holds no image of any pair in {pairs_file}. It should have a folder per person.")
    return Lfw(images, pairs, expected)


def _read_pairs(path: Path, images: Path) -> tuple[tuple[LfwPair, ...], int]:
    try:
        lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
        folds, per_kind = (int(lines[0][0]), int(lines[0][1])) if len(lines[0]) == 2 else (1, int(lines[0][0]))
        present: dict[str, bool] = {}

        def image(name: str, number: str) -> Path:
            return images / name / f"{name}_{int(number):04d}.jpg"

        def is_there(file: Path) -> bool:
            return present.setdefault(str(file), file.is_file())

        pairs = []
        body = lines[1 : 1 + folds * per_kind * 2]
        for index, words in enumerate(body):
            genuine = len(words) == 3
            first = image(words[0], words[1])
            second = image(words[0], words[2]) if genuine else image(words[2], words[3])
            if is_there(first) and is_there(second):
                pairs.append(LfwPair(index, index // (2 * per_kind) + 1, genuine, first, second))
        return tuple(pairs), len(body)
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"{path} is not LFW's pairs.txt. Get the official file and put it there.") from error
