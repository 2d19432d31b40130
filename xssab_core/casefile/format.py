"""case.json: what a case file says, as one typed value. The writer fills it; the report, the page and the recomputation
read only it and the members beside it.

What a case holds of numbers lies in `Measured`, which is what `xssab reproduce` computes again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from xssab_core.errors import DataError
from xssab_core.faces import SIDES
from xssab_core.files import decoded
from xssab_core.findings.several import MOST_PHOTOGRAPHS
from xssab_core.models import Threshold
from xssab_core.patch_lfw.change import Change

FORMAT = 2
# Of the examiner's notes.
MOST_LETTERS = 100_000
# What blind notes are asked for, in the order in which a face is described.
COMPONENTS = (
    *("Forehead and hairline", "Eyebrows", "Eyes", "Nose", "Cheeks", "Mouth", "Chin and jaw", "Ears"),
    "Scars, moles and other marks",
)
CASE, MANIFEST = "case.json", "manifest.json"

Share = Annotated[float, Meta(ge=0, le=1)]
Cosine = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
# Landmarks may lie outside the photograph, within reason.
Coordinate = Annotated[float, Meta(ge=-1e5, le=1e5)]
Text = Annotated[str, Meta(max_length=2_000)]
Name = Annotated[str, Meta(max_length=200)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
# Of a photograph: probe, reference, donor, or one of `FURTHER`.
Role = Name
Point = tuple[Coordinate, Coordinate]
Sentences = Annotated[tuple[Text, ...], Meta(max_length=100)]
Scores = Annotated[tuple[Cosine, ...], Meta(min_length=2, max_length=1000)]
# Further photographs of the person of a side, from its second on.
FURTHER = tuple(f"{side}-{number}" for side in SIDES for number in range(2, MOST_PHOTOGRAPHS + 1))
# Enough of the two landmarks that lie farthest apart to make a face of, in pixels.
_LEAST_SPREAD = 2.0


class Photograph(Struct, frozen=True):
    """A file that was given.

    Attributes:
        file, sha256, bytes, format: of the file as it was given.
        width, height: of its pixels, upright.
        exif_orientation: 1..8 as stored in the file; applied.
        turn: degrees clockwise by which the user turned it after that.
        tags, tags_readable, has_gps: its EXIF, see `xssab_core.faces.exif.Tags`.
        member: the name of its bytes in the archive; None where they are not in it.
    """

    file: Text
    sha256: Sha256
    bytes: Count
    format: Name
    width: Count
    height: Count
    exif_orientation: Annotated[int, Meta(ge=1, le=8)]
    turn: Literal[0, 90, 180, 270]
    tags: dict[str, str]
    tags_readable: bool
    has_gps: bool
    member: Name | None


class Face(Struct, frozen=True):
    """A face of a photograph.

    Attributes:
        landmarks: exactly, in pixels of the upright photograph.
        landmarks_origin: who placed them.
        confidence, faces_in_photo: what the detector said; None where it was not asked.
        eye_distance: pixels of the photograph.
        roll: degrees.
        outside: share of the crop that lies outside the photograph.
        warnings: sentences on what may make this face unreliable.
    """

    landmarks: tuple[Point, Point, Point, Point, Point]
    landmarks_origin: Literal["detected", "by hand", "already aligned"]
    confidence: Share | None
    faces_in_photo: Count | None
    eye_distance: float
    roll: float
    outside: Share
    warnings: Sentences

    def __post_init__(self) -> None:
        spans = (max(axis) - min(axis) for axis in zip(*self.landmarks, strict=True))
        if max(spans) < _LEAST_SPREAD:
            raise ValueError("landmarks lie on one spot")


class Patches(Struct, frozen=True):
    """Squares of the donor that were pasted over the probe, see `PatchedFace`."""

    side: Annotated[int, Meta(ge=1, le=112)]
    positions: Annotated[tuple[tuple[Count, Count], ...], Meta(max_length=1000)]
    change: Change | None


class Model(Struct, frozen=True):
    """Whose score it is; see `ModelInfo`."""

    id: Name
    title: Text
    architecture: Text
    loss: Text
    training_set: Text
    licence: Text
    source: Text
    template: Name
    size: Annotated[int, Meta(ge=1, le=1024)]
    colour_order: Name
    normalisation: Text
    embedding_size: Count
    weights_sha256: Name


class Method(Struct, frozen=True):
    """A method whose maps are in the case.

    Attributes:
        parameters: what decides its maps.
        maps: the member that holds them.
        computed_beforehand: its evidence came with the program, not from this run.
    """

    id: Name
    title: Text
    reference: Text
    parameters: dict[str, Any]
    blur: bool
    maps: Name
    computed_beforehand: bool


class ErrorRate(Struct, frozen=True):
    """An error rate with its 95 % interval (Wilson) and the counts behind it."""

    value: Share
    interval_95: tuple[Share, Share]
    errors: Count
    pairs: Count


class Rates(Struct, frozen=True):
    """Both error rates at the threshold, the pairs they were counted on, and what these say of the score."""

    false_match: ErrorRate
    false_non_match: ErrorRate
    data_set: Text
    standing: Text


class Likelihood(Struct, frozen=True):
    """What the score is worth, see `likelihood_record`; numbers are None where they are not known."""

    log10: float | None
    bounds: tuple[float, float] | None
    cllr: float | None
    cllr_min: float | None
    sentences: Sentences


class Replay(Struct, frozen=True):
    """Scores while the probe's pixels are replaced in the order of the map shown first.

    Attributes:
        fill: what replaces them.
        counts: pixels replaced at each step.
        scores, inverse: in the order of the map, and in the inverse order.
        random: in each of the random orders, which are pixel-wise and have as many steps.
        flip: the step at which the decision flips; None where it stays.
    """

    fill: Text
    counts: Annotated[tuple[Count, ...], Meta(min_length=2, max_length=1000)]
    scores: Scores
    inverse: Scores
    random: Annotated[tuple[Scores, ...], Meta(max_length=100)]
    flip: Count | None
    sentences: Sentences

    def __post_init__(self) -> None:
        for scores in (self.scores, self.inverse, *self.random):
            if len(scores) != len(self.counts):
                raise ValueError(f"a curve has {len(scores)} points where counts has {len(self.counts)}")


class Trust(Struct, frozen=True):
    """The trust panel: rank correlations, see `xssab_core.trust.checks.Trust`.

    Attributes:
        agreement: with each other method, by its id.
        stability: under each small change, by its name.
        scores: of the changed pairs, by the same names.
        randomised: between the model and one with randomised weights, or why there is none.
    """

    agreement: dict[str, float]
    stability: dict[str, float]
    scores: dict[str, float]
    randomised: float | str | None
    sentences: Sentences


class Measured(Struct, frozen=True):
    """All that was computed and can be computed again.

    Attributes:
        numbers: what a method says in a number, by method and name.
        crops: SHA-256 of the pixels of each crop.
        quality: figures of the picture of each side, see `xssab_core.quality`.
        ledger, flip: the records of `xssab_core.findings`; None where the method shown first has no map.
        trust: None where the method shown first is too slow to be computed several times over.
        several: the record of `xssab_core.findings.several`; None where each side has one photograph.
    """

    score: Cosine
    margin: float
    is_match: bool
    rates: Rates | None
    likelihood: Likelihood
    crops: dict[str, Sha256]
    quality: dict[str, dict[Name, float]]
    numbers: dict[str, dict[str, float]]
    ledger: dict[str, Any] | None
    flip: dict[str, Any] | None
    replay: Replay | None
    trust: Trust | None
    several: dict[str, Any] | None = None


class Blind(Struct, frozen=True):
    """Notes that were made before score and maps were shown.

    Attributes:
        locked_at: UTC time at which score and maps were shown.
        sha256: of time, photographs and notes, see `locked`.
        components: what was noted of each of `COMPONENTS`.
    """

    locked_at: Name
    sha256: Sha256
    components: dict[str, str]


def locked(components: dict[str, str], photographs: Sequence[str], at: str) -> Blind:
    """Notes as they are locked: their digest is of them, of the SHA-256 of the photographs, and of the UTC time."""
    content = json.dumps([at, list(photographs), components], sort_keys=True).encode()
    return Blind(at, hashlib.sha256(content).hexdigest(), components)


class Provenance(Struct, frozen=True):
    """What computed the case, and when."""

    created: Name
    versions: dict[str, str]
    git_commit: Name | None
    device: Name
    processor: Name
    detector: Name
    aligner_version: Name
    seconds: dict[str, float]


class CaseFile(Struct, frozen=True):
    """What case.json says.

    Attributes:
        random_orders_computed_beforehand: the scores of the replay in random orders came with the program, not from
            this run.
    """

    format: int
    caution: str
    photographs: dict[Role, Photograph]
    faces: dict[Role, Face]
    patches: Patches | None
    model: Model
    threshold: Threshold
    methods: Annotated[tuple[Method, ...], Meta(min_length=1, max_length=50)]
    measured: Measured
    notes: Annotated[str, Meta(max_length=MOST_LETTERS)]
    blind: Blind | None
    provenance: Provenance
    random_orders_computed_beforehand: bool = False

    def __post_init__(self) -> None:
        further = self.further
        wanted = {*SIDES, *further} | ({"donor"} if self.patches else set())
        for name, found in (("photographs", set(self.photographs)), ("faces", set(self.faces))):
            if found != wanted:
                raise ValueError(f"{name} are not those of {', '.join(sorted(wanted))}")
        if bool(further) != (self.measured.several is not None):
            raise ValueError("measured.several is not of the photographs")
        if len({method.id for method in self.methods}) < len(self.methods):
            raise ValueError("methods has the same method twice")

    @property
    def further(self) -> tuple[Role, ...]:
        """The roles of the photographs beside those of the pair, side by side and in their order."""
        return tuple(role for role in FURTHER if role in self.photographs)


def spoken(role: Role) -> str:
    """A role as it is said in a sentence."""
    side, _, number = role.partition("-")
    return f"{side}'s photograph {number}" if number else side


class _Versioned(Struct):
    format: int


def case_json(case: CaseFile) -> bytes:
    """The bytes of case.json."""
    return json.dumps(msgspec.to_builtins(case), indent=1, ensure_ascii=False, allow_nan=False).encode()


def read_case(data: bytes) -> CaseFile:
    """What a case.json says.

    Raises:
        DataError: it is none; the message names what is missing or wrong, and where.
    """
    try:
        version = decoded(data, _Versioned).format
        if version != FORMAT:
            raise DataError(f"{CASE} has format {version}; this program reads format {FORMAT}. Use another version.")
        return decoded(data, CaseFile)
    except ValueError as error:
        raise DataError(f"{CASE} is not that of a case file: {error}. Get a fresh copy of the ZIP.") from error
