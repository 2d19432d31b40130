"""Verification sets: read without running anything, whoever wrote them."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from xssab_core.data.verification_set import VerificationPair, read_verification_set, unpacked
from xssab_core.errors import DataError


def written(path: Path, content: object, protocol: int = pickle.HIGHEST_PROTOCOL) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("label", [bool, int, np.bool_, np.int64, np.uint8])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_labels_of_every_kind_are_read(tmp_path: Path, label: type, protocol: int) -> None:
    path = written(tmp_path / "set.bin", ([b"a", b"b", b"c", b"d"], [label(1), label(0)]), protocol)
    pairs = read_verification_set(path)
    assert [(pair.probe, pair.reference, pair.genuine) for pair in pairs] == [
        (b"a", b"b", True),
        (b"c", b"d", False),
    ]


def test_a_file_of_python_2_is_read(tmp_path: Path) -> None:
    content = b"\x80\x02]q\x00(U\x01aq\x01U\x01bq\x02e]q\x03\x88a\x86q\x04."
    (pair,) = read_verification_set(written(tmp_path / "set.bin", content))
    assert (pair.probe, pair.reference, pair.genuine) == (b"a", b"b", True)


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_nothing_in_it_runs(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "made"
    path = written(tmp_path / "set.bin", ([b"a", b"b"], [True], Hostile(target)), protocol)
    with pytest.raises(DataError, match="Nothing in it was run"):
        read_verification_set(path)
    assert not target.exists()
    pickle.loads(path.read_bytes())
    assert target.exists()  # it would have


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04",
        b"not a pickle",
        b"r\xff\xff\xff\x7f.",
        b"\x80\x05\x8e" + b"\xff" * 7 + b"\x0f.",
        pickle.dumps(np.array([b"a"], dtype=object)),
        pickle.dumps(([b"a", b"b"], [np.float64(1)])),
        pickle.dumps(([b"a", b"b", b"c"], [True])),
        pickle.dumps(([b"a", "b"], [True])),
        pickle.dumps(([b"a", b"b"], [2])),
        pickle.dumps(([], [])),
        pickle.dumps([b"a", b"b"]),
        pickle.dumps(None),
    ],
)
def test_anything_else_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"verification set|labels"):
        read_verification_set(written(tmp_path / "set.bin", content))


def test_an_absent_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Check the path"):
        read_verification_set(tmp_path / "set.bin")


def test_unpacked_pairs_hold_the_bytes(tmp_path: Path) -> None:
    (pair,) = unpacked([VerificationPair(b"a", b"b", True)], tmp_path)
    assert (pair.probe.read_bytes(), pair.reference.read_bytes(), pair.genuine) == (b"a", b"b", True)
