"""Verification sets: pairs of crops that are already aligned, in the `.bin` files of the InsightFace project."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xssab_core.data.lfw import LfwPair
from xssab_core.errors import DataError
from xssab_core.files import write_whole

SUFFIX = ".bin"
MAX_BYTES = 2**30
_WHAT = "a pickled pair of a list of JPEG or PNG files and a list of labels"
# Where the versions of numpy say that their scalars come from, and the kinds that may be labels.
_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
_KINDS = frozenset({"b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8))})


@dataclass(frozen=True, eq=False)
class VerificationPair:
    """Two crops as the bytes of image files, and whether they show one person."""

    probe: bytes
    reference: bytes
    genuine: bool


def read_verification_set(path: Path) -> tuple[VerificationPair, ...]:
    """The pairs of a verification set, in order.

    The file is a pickle, which could run anything: only bytes, lists, tuples, booleans and whole numbers are made of
    it, numpy's among them, and none of the names in it is looked up.

    Raises:
        DataError: the file cannot be read, holds anything else, or is not laid out as a verification set.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path.name} is larger than {MAX_BYTES // 2**20:,} MiB. Split it and try again.")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}). Check the path.") from error
    try:
        _check_memo(data)
        content = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises many kinds
        raise DataError(f"{path.name} is not a verification set: {_WHAT}. Nothing in it was run.") from error
    return _pairs(content, path.name)


def unpacked(pairs: Sequence[VerificationPair], folder: Path) -> tuple[LfwPair, ...]:
    """The pairs as image files in a folder, for all that takes images from disk; fold 0.

    Raises:
        OutputError: the folder cannot be written.
    """

    def kept(index: int, side: str, data: bytes) -> Path:
        path = folder / f"{index:06d}_{side}"
        write_whole(path, data)
        return path

    return tuple(
        LfwPair(
            index,
            0,
            pair.genuine,
            kept(index, "probe", pair.probe),
            kept(index, "reference", pair.reference),
        )
        for index, pair in enumerate(pairs)
    )


def _pairs(content: object, name: str) -> tuple[VerificationPair, ...]:
    match content:
        case [list() as images, list() as labels]:
            pass
        case _:
            raise DataError(f"{name} is not a verification set: {_WHAT}.")
    if not labels or len(images) != 2 * len(labels):
        raise DataError(f"{name} has {len(images):,} images and {len(labels):,} labels; two images a label are needed.")
    if not all(isinstance(image, bytes) for image in images) or not all(label in (0, 1) for label in labels):
        raise DataError(f"{name} is not a verification set: {_WHAT}.")
    return tuple(
        VerificationPair(probe, reference, bool(label))
        for probe, reference, label in zip(images[::2], images[1::2], labels, strict=True)
    )


def _check_memo(data: bytes) -> None:
    """Refuse numbers in the pickle's memory that were never reached: it grows to the largest of them."""
    for count, (code, argument, _) in enumerate(pickletools.genops(data)):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= count:
            raise pickle.UnpicklingError("a number that no pickler writes")


class _Kind:
    """Stands for numpy's dtype, of which only whole numbers and booleans are admitted."""

    def __init__(self, kind: object, *_: object) -> None:
        if (kind.decode() if isinstance(kind, bytes) else kind) not in _KINDS:
            raise pickle.UnpicklingError("a numpy scalar that is no label")

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment: labels are 0 or 1, of which the common order is assumed."""


def _scalar(kind: object, data: object) -> int:
    if not isinstance(kind, _Kind) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a numpy scalar that is no label")
    return int.from_bytes(data, "little")


class _Unpickler(pickle.Unpickler):
    """Makes no object but those of the pickle format itself and numpy's scalars, whose names stand for ours."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """What a name in the pickle stands for."""
        if module in _NUMPY and name in ("dtype", "scalar"):
            return _Kind if name == "dtype" else _scalar
        raise pickle.UnpicklingError(f"{module}.{name}")
