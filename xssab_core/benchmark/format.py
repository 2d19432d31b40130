"""The format of results.json: its values, which the writer fills and the reader checks.

`FORMAT` is raised when a reader of the old one would be misled. Keys that a later version adds within a format are
passed over, so a newer file can be read; a key that is missing, a wrong type or a wrong length never is.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from xssab_core.benchmark.tasks import RANDOM
from xssab_core.errors import DataError
from xssab_core.files import decoded
from xssab_core.metrics import Estimate
from xssab_core.models import Threshold

FORMAT = 1
Kind = Literal["fmr", "fnmr"]
KINDS: tuple[Kind, ...] = ("fmr", "fnmr")

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
Curve = tuple[Share, ...]
T = TypeVar("T")


class ByKind(Struct, Generic[T], frozen=True):
    """A value of impostor pairs (FMR) and one of genuine pairs (FNMR)."""

    fmr: T
    fnmr: T

    def of(self, kind: Kind) -> T:
        """The one the rate is about."""
        return self.fmr if kind == "fmr" else self.fnmr


class Estimates(ByKind[Estimate], frozen=True):
    """An estimate of each kind, and one of the mean of the two."""

    mean: Estimate


class Counts(Struct, frozen=True):
    """Numbers of pairs."""

    genuine: Count
    impostor: Count

    @property
    def total(self) -> int:
        """Of both kinds."""
        return self.genuine + self.impostor

    def of(self, kind: Kind) -> int:
        """Those the rate is about."""
        return self.impostor if kind == "fmr" else self.genuine


class Data(Struct, frozen=True):
    """What was measured on.

    Attributes:
        set, images: the data set and the folder of its images.
        coverage: how much of it the copy has, as a phrase.
        mean_patch_coverage: share of the probe under patches; None without a pair.
    """

    set: str
    images: str
    coverage: str
    pairs_expected: Count
    pairs_covered: Count
    pairs_selected: Count
    pairs_without_a_face: tuple[str, ...]
    pairs_known_to_be_mislabelled: tuple[str, ...]
    patches: Count
    patch_side: Count | None
    mean_patch_coverage: Share | None


class Model(Struct, frozen=True):
    """Whose scores they are; see `ModelInfo`."""

    id: str
    title: str
    architecture: str
    loss: str
    training_set: str
    licence: str
    template: str
    size: Count
    embedding_size: Count
    weights_sha256: str


class Calibrated(Struct, frozen=True):
    """The equal error rate on clean pairs that gave the threshold."""

    eer: Share
    pairs: Counts


class ErrorRate(Struct, frozen=True):
    """An error rate with its 95 % interval (Wilson); None without pairs."""

    value: Share | None
    interval: tuple[Share, Share] | None
    pairs: Count


class Table1(Struct, frozen=True):
    """Error rates at the threshold before and after patching, and the calibration's equal error rate."""

    clean_fmr: ErrorRate
    patched_fmr: ErrorRate
    clean_fnmr: ErrorRate
    patched_fnmr: ErrorRate
    lfw_eer: Share | None


class Localisation(Struct, frozen=True):
    """Mean average precision of finding the patches, 0..1; None without pairs.

    Attributes:
        chance: what a random order has.
    """

    fmr: Share | None
    fnmr: Share | None
    all: Share | None
    chance: Share | None


class Measures(Struct, frozen=True, omit_defaults=True):
    """What a method is worth on some pairs.

    Attributes:
        auc: areas under the DPR curves over 0..100 %, normalised to 0..1.
        gain: 1 - AUC / AUC of RND on the same pairs.
        unit_step_area: sum over the 20 points 0..95 %; None where a curve has other points.
        curves: error rate at each of the shares; None without pairs of that kind. It and `localisation` are None where
            a file has areas alone.
    """

    auc: Estimates
    gain: Estimates
    unit_step_area: ByKind[float | None]
    curves: ByKind[Curve | None] | None = None
    localisation: Localisation | None = None


class MethodResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the tables. What only methods of this program have is absent for RND and for maps from a folder.

    Attributes:
        label: of the row, and of its records.
        blur: whether its map is blurred; None where there is none to blur.
        cells: side of the grid of a cell-wise method.
        curves: error rate at each of the shares; None without pairs of that kind.
    """

    label: str
    title: str
    reference: str
    blur: bool | None
    cells: Count | None
    parameters: dict[str, Any] | None = None
    white_box: bool | None = None
    needs_training: bool | None = None
    forward_passes: Count | None = None
    backward_passes: Count | None = None
    pairs: Counts
    curves: ByKind[Curve | None]
    auc: Estimates
    gain: Estimates
    unit_step_area: ByKind[float | None]
    localisation: Localisation

    @property
    def is_random(self) -> bool:
        """Whether it is RND, the baseline."""
        return self.label == RANDOM


class Common(Struct, frozen=True):
    """What the methods are worth on the pairs that every one of them has, by label."""

    pairs: Counts
    methods: dict[str, Measures]


class Bootstrap(Struct, frozen=True):
    """How intervals of areas and gains were resampled."""

    resamples: Count
    seed: int
    unit: str = "pair, within its kind"


class Provenance(Struct, frozen=True):
    """What decided the numbers, besides data and model."""

    bootstrap: Bootstrap
    settings: dict[str, Any]
    detector: str
    aligner_version: str
    versions: dict[str, str]
    device: str


class Spread(Struct, frozen=True):
    """Seconds over the pairs."""

    mean: float
    median: float


class Seconds(Struct, frozen=True):
    """Seconds a pair: examining the faces, making the maps from that, and both."""

    seconds_examine: Spread
    seconds_maps: Spread
    seconds_map: Spread


class Run(Struct, frozen=True):
    """All that differs between two runs of the same work; seconds by label, without RND."""

    created: str
    seconds_per_map: dict[str, Seconds]


class Results(Struct, frozen=True):
    """What results.json says.

    Attributes:
        shares: of the pixels put back, 0..1, one a point of every curve.
    """

    format: int
    caution: str
    data: Data
    model: Model
    threshold: Threshold
    calibration: Calibrated | None
    table1: Table1
    shares: Annotated[Curve, Meta(min_length=2)]
    methods: tuple[MethodResult, ...]
    common: Common
    provenance: Provenance
    run: Run

    def __post_init__(self) -> None:
        for number, method in enumerate(self.methods):
            if method.label not in self.common.methods:
                raise ValueError(f"common.methods.{method.label} is missing")
            self._check(method.curves, f"methods[{number}]")
        for label, measures in self.common.methods.items():
            if measures.curves is not None:
                self._check(measures.curves, f"common.methods.{label}")

    def _check(self, curves: ByKind[Curve | None], where: str) -> None:
        for kind in KINDS:
            curve = curves.of(kind)
            if curve is not None and len(curve) != len(self.shares):
                raise ValueError(f"{where}.curves.{kind} has {len(curve)} points where shares has {len(self.shares)}")

    @property
    def has_common_curves(self) -> bool:
        """Whether curves and localisation on the pairs that every method has are known, not the areas alone."""
        found = (self.common.methods[method.label] for method in self.methods)
        return all(None not in (measures.curves, measures.localisation) for measures in found)

    def on_common_pairs(self) -> Results:
        """The same with each method on the pairs that every method has. What the file does not know there stays that
        of the method's own pairs: see `has_common_curves`."""
        return msgspec.structs.replace(self, methods=tuple(map(self._on_common_pairs, self.methods)))

    def _on_common_pairs(self, method: MethodResult) -> MethodResult:
        found = self.common.methods[method.label]
        return msgspec.structs.replace(
            method,
            pairs=self.common.pairs,
            auc=found.auc,
            gain=found.gain,
            unit_step_area=found.unit_step_area,
            curves=found.curves or method.curves,
            localisation=found.localisation or method.localisation,
        )

    @property
    def baseline_last(self) -> tuple[MethodResult, ...]:
        """The methods in their order, RND after all others."""
        return tuple(sorted(self.methods, key=lambda method: method.is_random))


class _Versioned(Struct):
    format: int


def results_json(results: Results) -> bytes:
    """The bytes of results.json."""
    return json.dumps(msgspec.to_builtins(results), indent=1, ensure_ascii=False, allow_nan=False).encode()


def read_results(data: bytes, name: str) -> Results:
    """What a results.json says.

    Args:
        data: its bytes.
        name: of the file, for the error.

    Raises:
        DataError: it is none; the message names what is missing or wrong, and where.
    """
    try:
        version = decoded(data, _Versioned).format
        if version != FORMAT:
            raise DataError(
                f"{name} has format {version}; this program reads format {FORMAT}. Run the benchmark again."
            )
        return decoded(data, Results)
    except ValueError as error:
        raise DataError(f"{name} is not a results.json of this benchmark: {error}.") from error
