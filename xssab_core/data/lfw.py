"""LFW View 2: finds a copy on disk, reads its pairs, says how much of it is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xssab_core.errors import Cure, DataError

_IMAGE_FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")
# Where scikit-learn keeps its copy below a `data_home`.
_SCIKIT_LEARN_FOLDER = "lfw_home"
_SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

# "Genuine" pairs that show two people: the data set's own errata. Kept, so that results stay comparable.
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


@dataclass(frozen=True)
class LfwPair:
    """One official pair. The probe is the first image of the line.

    Attributes:
        index: position in pairs.txt, from 0.
        fold: 1..10.
        genuine: same identity.
        probe, reference: image files.
        ordinal: position among the official pairs of its kind (genuine or impostor), from 0.
    """

    index: int
    fold: int
    genuine: bool
    probe: Path
    reference: Path
    ordinal: int = 0

    @property
    def id(self) -> str:
        """Stable name of the pair, from its image names."""
        return f"{self.probe.stem}--{self.reference.stem}"

    @property
    def is_mislabelled(self) -> bool:
        """Whether the data set's errata say that this "genuine" pair shows two people."""
        return self.genuine and self.id in MISLABELLED


@dataclass(frozen=True)
class Lfw:
    """A copy of LFW.

    Attributes:
        images: the folder with one folder per identity.
        pairs: the official pairs both of whose images are there, in official order.
        pairs_expected: how many pairs the protocol has.
        donors: images here that are the reference of an official pair and the probe of none, sorted.
    """

    images: Path
    pairs: tuple[LfwPair, ...]
    pairs_expected: int
    donors: tuple[Path, ...] = ()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every image of every person, sorted."""
        return tuple(sorted(path for folder in self.images.iterdir() for path in image_files(folder).values()))

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds it has pairs of, ascending."""
        return tuple(sorted({pair.fold for pair in self.pairs}))

    @property
    def title(self) -> str:
        """What of the data set this is, as a phrase."""
        return f"LFW View 2 ({self.images.name}), folds {', '.join(map(str, self.folds))}"

    @property
    def coverage(self) -> str:
        """How much of the protocol this copy covers, as a phrase."""
        folds = ", ".join(map(str, self.folds))
        return f"{len(self.pairs):,} of {self.pairs_expected:,} official pairs, folds {folds}"

    def select(self, genuine: int, impostor: int) -> tuple[LfwPair, ...]:
        """The given number of pairs of each kind, taken evenly over what is there, in official order."""
        return evenly(self.pairs, genuine, impostor)

    def in_folds(self, folds: Iterable[int]) -> Lfw:
        """This copy with the pairs of the given folds only; the donors stay, so that no pair changes.

        Raises:
            DataError: a fold of which this copy has no pair.
        """
        wanted = set(folds)
        absent = wanted.difference(self.folds)
        if absent:
            names = ", ".join(map(str, sorted(absent)))
            raise DataError(f"This copy of LFW has no pair of fold {names}. It covers {self.coverage}.")
        return replace(self, pairs=tuple(pair for pair in self.pairs if pair.fold in wanted))

    def of_ids(self, ids: Collection[str]) -> Lfw:
        """This copy with the pairs of the given ids only; the donors stay, so that no pair changes.

        Raises:
            DataError: it has no such pair.
        """
        pairs = tuple(pair for pair in self.pairs if pair.id in ids)
        if not pairs:
            example = self.pairs[0].id if self.pairs else "NAME_0001--NAME_0002"
            raise DataError(
                "None of these is a pair of this copy of LFW. Name them as `patch-lfw` names its patched probes, for "
                f"example {example}."
            )
        return replace(self, pairs=pairs)


def evenly(pairs: Sequence[LfwPair], genuine: int, impostor: int) -> tuple[LfwPair, ...]:
    """At most the given number of pairs of each kind, taken evenly, in official order."""
    chosen: list[LfwPair] = []
    for kind, count in ((True, genuine), (False, impostor)):
        of_kind = [pair for pair in pairs if pair.genuine == kind]
        count = min(count, len(of_kind))
        chosen += [of_kind[i * len(of_kind) // count] for i in range(count)]
    return tuple(sorted(chosen, key=lambda pair: pair.index))


def open_lfw(folder: Path | str) -> Lfw:
    """Read a copy of LFW.

    Args:
        folder: the folder of images (`lfw`, `lfw_funneled`, `lfw-deepfunneled`, or any name), one above it,
            scikit-learn's `lfw_home`, or the `data_home` that holds it; `pairs.txt` lies in or beside it.

    Raises:
        DataError: no images, no pairs.txt, or no official pair covered.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give the folder that holds LFW.", Cure("lfw"))
    images = _image_folder(root)
    candidates = (path / "pairs.txt" for path in (root, images, images.parent, root.parent))
    pairs_file = next((path for path in candidates if path.is_file()), None)
    if pairs_file is None:
        raise DataError(
            f"{root} holds no pairs.txt. Put LFW's View 2 file pairs.txt beside the folder of images "
            f"({', '.join(_IMAGE_FOLDERS)})."
        )
    pairs, expected, donors = _read_pairs(pairs_file, images)
    if not pairs:
        raise DataError(f"{images} holds no image of any pair in {pairs_file}. It should have a folder per person.")
    return Lfw(images, pairs, expected, donors)


def download_lfw(folder: Path | str) -> Lfw:
    """Bring LFW (funneled, about 230 MB) into a folder with scikit-learn's fetcher, unless a copy is there.

    Raises:
        DataError: the download failed.
    """
    from sklearn.datasets import fetch_lfw_people

    root = Path(folder).expanduser()
    try:
        return open_lfw(root)
    except DataError:
        pass
    try:
        # Its public functions decode pictures as well; so many per person has one identity only, which keeps it short.
        fetch_lfw_people(data_home=root, funneled=True, min_faces_per_person=500, resize=0.1)
    except (OSError, ValueError) as error:
        raise DataError(
            f"LFW could not be downloaded into {root} ({error}). Check the network and the disk, or get LFW and its "
            "pairs.txt by hand and give that folder."
        ) from error
    return open_lfw(root)


def parse_folds(text: str) -> tuple[int, ...]:
    """ "1-3,7" -> (1, 2, 3, 7); DataError when it is not that."""
    try:
        folds: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            folds |= set(range(int(first), int(last or first) + 1))
    except ValueError as error:
        raise DataError(f"{text!r} names no folds. Write them as 1-7 or 1,3,5.") from error
    if not folds:
        raise DataError(f"{text!r} names no folds. Write them as 1-7 or 1,3,5.")
    return tuple(sorted(folds))


def _image_folder(root: Path) -> Path:
    for base in (root, root / _SCIKIT_LEARN_FOLDER):
        for name in _IMAGE_FOLDERS:
            if (base / name / name).is_dir():  # as some archives unpack
                return base / name / name
            if (base / name).is_dir():
                return base / name
    return root


def image_files(folder: Path) -> dict[str, Path]:
    """The images in a folder by their names without suffix, whatever kind of suffix they have and in which case; empty
    where there is no such folder. Of files that differ in the suffix only, the first by name stands."""
    try:
        found = sorted(folder.iterdir(), reverse=True)
    except OSError:
        return {}
    return {path.stem: path for path in found if path.suffix.lower() in _SUFFIXES}


def _read_pairs(path: Path, images: Path) -> tuple[tuple[LfwPair, ...], int, tuple[Path, ...]]:
    """The pairs that are there, how many the file has, and the donors that are there."""
    try:
        # Some editors put a byte order mark before the first number.
        lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        folds, per_kind = (int(lines[0][0]), int(lines[0][1])) if len(lines[0]) == 2 else (1, int(lines[0][0]))
        present: dict[str, dict[str, Path]] = {}

        def image(name: str, number: str) -> Path:
            if name not in present:
                present[name] = image_files(images / name)
            stem = f"{name}_{int(number):04d}"
            return present[name].get(stem, images / name / f"{stem}.jpg")

        def is_there(file: Path) -> bool:
            return file.stem in present[file.parent.name]

        pairs: list[LfwPair] = []
        probes, references = set(), set()
        of_kind = {True: 0, False: 0}
        body = lines[1 : 1 + folds * per_kind * 2]
        for index, words in enumerate(body):
            genuine = len(words) == 3
            first = image(words[0], words[1])
            second = image(words[0], words[2]) if genuine else image(words[2], words[3])
            probes.add(first)
            references.add(second)
            if is_there(first) and is_there(second):
                pairs.append(LfwPair(index, index // (2 * per_kind) + 1, genuine, first, second, of_kind[genuine]))
            of_kind[genuine] += 1
        donors = tuple(sorted(file for file in references - probes if is_there(file)))
        return tuple(pairs), len(body), donors
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"{path} is not LFW's pairs.txt. Get the official file and put it there.") from error
