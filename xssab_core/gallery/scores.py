"""Scores of every pair of a copy of LFW under a model, clean and patched; known by content, so never computed twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xssab_core.data.crops import read_image
from xssab_core.data.lfw import Lfw, LfwPair
from xssab_core.errors import DataError, PhotoError
from xssab_core.faces.align import ALIGNER_VERSION
from xssab_core.faces.detect import DETECTOR
from xssab_core.files import unwritable, write_whole
from xssab_core.metrics import cosine
from xssab_core.models.base import FaceModel
from xssab_core.patch_lfw.generator import PatchedPair, PatchLfw
from xssab_core.paths import ASSETS
from xssab_core.progress import Progress, State, ignore
from xssab_core.scoring.embed import embed_together, images_of

MISSING = math.nan
_DIGESTS = ("probe", "reference", "donor")
_Line = tuple[int, str, str, str, float, float]


@dataclass(frozen=True)
class ScoreKey:
    """What decides the scores of a pair, apart from the settings all pairs share.

    Attributes:
        index: of the pair, which the places of its patches follow from.
        probe, reference, donor: sha256 of the images; donor is empty where no stranger is there.
    """

    index: int
    probe: str
    reference: str
    donor: str

    @property
    def clean(self) -> tuple[str, str]:
        """What decides the clean score."""
        return self.probe, self.reference


@dataclass
class KnownScores:
    """Cosines by content; NaN where there is no score because an image shows no face or cannot be decoded."""

    clean: dict[tuple[str, str], float] = field(default_factory=dict)
    patched: dict[ScoreKey, float] = field(default_factory=dict)

    def add(self, key: ScoreKey, clean: float, patched: float) -> None:
        """Remember a pair."""
        self.clean[key.clean] = clean
        self.patched[key] = patched


@dataclass(frozen=True, eq=False)
class PairScores:
    """The scores of a copy of LFW under a model.

    Attributes:
        generator: makes the patched pairs, on the template of the model.
        model: gives the scores.
        folder: where scores computed here are kept.
    """

    generator: PatchLfw
    model: FaceModel
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        """What all scores depend on: weights, how faces are found and aligned, how patches are placed."""
        return {
            "weights_sha256": self.model.weights_sha256,
            "detector": DETECTOR,
            "aligner": ALIGNER_VERSION,
            "template": json.loads(json.dumps(asdict(self.model.info.template))),
            "layout": self.generator.layout,
            "seed": self.generator.seed,
        }

    @property
    def journal(self) -> Path:
        """One line a pair computed here, added when it is done; a line cut short by a crash is passed over."""
        name = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / "scores" / f"{self.model.info.id}-{name}.jsonl"

    @property
    def shipped(self) -> Path:
        """Scores that come with the program; used where they were made with these settings."""
        return ASSETS / "lfw" / f"scores-{self.model.info.id}.parquet"

    @cached_property
    def digests(self) -> dict[Path, str]:
        """sha256 of every image of a pair; those that cannot be read are left out. Read once."""
        digests = ((path, digest_of(path)) for path in every_image(self.generator.lfw))
        return {path: digest for path, digest in digests if digest is not None}

    def key(self, pair: LfwPair, fresh: bool = False) -> ScoreKey | None:
        """What decides the scores of a pair, as far as is known which donors show a face; None when one of its images
        cannot be read.

        Args:
            fresh: read the images again, rather than trust `digests`.
        """
        digest = digest_of if fresh else self.digests.get
        probe, reference = digest(pair.probe), digest(pair.reference)
        if probe is None or reference is None:
            return None
        if not pair.genuine:
            return ScoreKey(pair.index, probe, reference, reference)
        donors = (donor for path in self.generator.strangers(pair) if (donor := digest(path)) is not None)
        faceless = self.generator.cache.is_faceless
        return ScoreKey(pair.index, probe, reference, next((donor for donor in donors if not faceless(donor)), ""))

    def known(self) -> KnownScores:
        """All scores with these settings: those that ship, then those computed here."""
        known = KnownScores()
        for key, clean, patched in (*read_scores(self.shipped, self.settings), *_read_journal(self.journal)):
            known.add(key, clean, patched)
        return known

    def table(self) -> pd.DataFrame:
        """One row for each covered pair, in official order.

        Returns:
            Columns id, index, fold, genuine, mislabelled, probe_identity, reference_identity, donor (stem of the image
            the patches come from, empty without one), clean_score and patched_score (cosine; NaN without a score),
            clean_known and patched_known (whether that is final: a pair without a face has no score for ever).
        """
        known, stems = self.known(), {digest: path.stem for path, digest in self.digests.items()}
        rows = []
        for pair in self.generator.lfw.pairs:
            key = self.key(pair)
            rows.append(
                {
                    "id": pair.id,
                    "index": pair.index,
                    "fold": pair.fold,
                    "genuine": pair.genuine,
                    "mislabelled": pair.is_mislabelled,
                    "probe_identity": identity(pair.probe),
                    "reference_identity": identity(pair.reference),
                    "donor": stems.get(key.donor, "") if key else "",
                    "clean_score": known.clean.get(key.clean, MISSING) if key else MISSING,
                    "patched_score": known.patched.get(key, MISSING) if key else MISSING,
                    "clean_known": key is None or key.clean in known.clean,
                    "patched_known": key is None or key in known.patched,
                }
            )
        return pd.DataFrame(rows)

    def compute(self, progress: Progress = ignore) -> None:
        """Score the pairs that have no score yet. What is finished is kept, also when this is stopped or killed.

        Args:
            progress: told of pairs scored, those known before included. It may raise CancelledError.

        Raises:
            OutputError: the scores cannot be written.
        """
        pairs, known = self.generator.lfw.pairs, self.known()
        todo = [pair for pair in pairs if (key := self.key(pair)) is not None and key not in known.patched]
        embedded: dict[Path, np.ndarray | None] = {}
        at_once = self.model.batch_size
        for start in range(0, len(todo), at_once):
            progress(State(len(pairs) - len(todo) + start, len(pairs), "pairs"))
            self._score(todo[start : start + at_once], embedded)
        progress(State(len(pairs), len(pairs), "pairs"))

    def _score(self, pairs: Sequence[LfwPair], embedded: dict[Path, np.ndarray | None]) -> None:
        new = [path for path in images_of(pairs) if path not in embedded]
        found = embed_together(self.model, new, self.generator.cache)
        embedded.update((path, found.get(path)) for path in new)
        built = [self._build(pair) for pair in pairs]
        crops = [made.patched for made in built if made is not None]
        patched = iter(self.model.embed(np.stack(crops)) if crops else ())
        lines = []
        for pair, made in zip(pairs, built, strict=True):
            probe, reference = embedded[pair.probe], embedded[pair.reference]
            clean = MISSING if probe is None or reference is None else cosine(probe, reference)
            score = MISSING if made is None or reference is None else cosine(next(patched), reference)
            # Asked anew: the detector may have passed over a donor, and a file may have changed meanwhile.
            key = self.key(pair, fresh=True)
            if key is not None:
                lines.append(json.dumps([*asdict(key).values(), clean, score]))
        _append(self.journal, lines)

    def _build(self, pair: LfwPair) -> PatchedPair | None:
        # A damaged image, or no stranger to patch with: the pair has no score, the others have theirs.
        with contextlib.suppress(PhotoError, DataError):
            return self.generator.build(pair)
        return None


def every_image(lfw: Lfw) -> tuple[Path, ...]:
    """Every image that a pair or its patches are made of, sorted."""
    return tuple(sorted({*images_of(lfw.pairs), *lfw.donors}))


def digest_of(path: Path) -> str | None:
    """sha256 of a file; None when it cannot be read."""
    with contextlib.suppress(PhotoError):
        return hashlib.sha256(read_image(path)).hexdigest()
    return None


def identity(path: Path) -> str:
    """The name of the person an LFW image is named after."""
    return path.parent.name.replace("_", " ")


def save_scores(path: Path, scores: PairScores) -> None:
    """Write all known scores of a copy as Parquet, as float32, with the settings they were made with."""
    known = scores.known()
    found = (scores.key(pair) for pair in scores.generator.lfw.pairs)
    keys = [key for key in found if key is not None and key in known.patched]
    columns: dict[str, pa.Array] = {"index": pa.array([key.index for key in keys], pa.int32())}
    for name in _DIGESTS:
        columns[name] = pa.array([bytes.fromhex(getattr(key, name)) for key in keys], pa.binary())
    columns["clean_score"] = pa.array([known.clean[key.clean] for key in keys], pa.float32())
    columns["patched_score"] = pa.array([known.patched[key] for key in keys], pa.float32())
    table = pa.table(columns).replace_schema_metadata({b"settings": json.dumps(scores.settings).encode()})
    write_whole(path, lambda part: pq.write_table(table, part, compression="zstd", compression_level=19))


def read_scores(path: Path, settings: dict[str, Any]) -> list[tuple[ScoreKey, float, float]]:
    """What `save_scores` wrote with these settings; empty when there is no such file, it has others, or is damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, pa.ArrowException):
        table = pq.read_table(path)
        if json.loads((table.schema.metadata or {}).get(b"settings", b"null")) == settings:
            columns = [[digest.hex() for digest in table[name].to_pylist()] for name in _DIGESTS]
            scores = [table[name].to_pylist() for name in ("clean_score", "patched_score")]
            rows = zip(table["index"].to_pylist(), *columns, *scores, strict=True)
            return [(ScoreKey(*key), float(clean), float(patched)) for *key, clean, patched in rows]
    return []


def _read_journal(path: Path) -> list[tuple[ScoreKey, float, float]]:
    rows = []
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                # Not msgspec's own reader: a pair without a score is NaN here, which Python's writes and reads.
                *key, clean, patched = msgspec.convert(json.loads(line), _Line)
                rows.append((ScoreKey(*key), clean, patched))
    return rows


def _append(path: Path, lines: Iterable[str]) -> None:
    # Each line begins with a line break too, so that it stands alone after one that was cut short.
    text = "".join(f"\n{line}\n" for line in lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(path, error) from error
