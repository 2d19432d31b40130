"""The format of results.json: its values, which the writer fills and the reader checks.

`FORMAT` is raised when a reader of the old one would be misled. Keys that a later version adds within a format are
passed over, so a newer file can be read; a key that is missing, a wrong type or a wrong length never is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from xssab_core.benchmark.controls import RANDOM
from xssab_core.errors import DataError
from xssab_core.files import decoded
from xssab_core.metrics import Estimate
from xssab_core.models import Threshold

FORMAT = 1
Kind = Literal["fmr", "fnmr"]
Role = Literal["method", "control", "oracle"]
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
        attained: (AUC of RND - AUC) / (AUC of RND - AUC of the clean errors), the share of what can be gained; None in
            older files.
        unit_step_area: sum over the 20 points 0..95 %; None where a curve has other points.
        curves: error rate at each of the shares; None without pairs of that kind. It and `localisation` are None where
            a file has areas alone.
    """

    auc: Estimates
    gain: Estimates
    unit_step_area: ByKind[float | None]
    attained: Estimates | None = None
    curves: ByKind[Curve | None] | None = None
    localisation: Localisation | None = None


class MethodResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the tables. What only methods of this program have is absent for controls and for maps of others.

    Attributes:
        label: of the row, and of its records.
        role: a control has no part of the model in it; an oracle is a control that knows where the patches lie.
        blur: whether its map is blurred; None where there is none to blur.
        cells: side of the grid of a cell-wise method.
        curves: error rate at each of the shares; None without pairs of that kind.
        auc, gain, attained, unit_step_area, localisation: see `Measures`.
    """

    label: str
    title: str
    reference: str
    role: Role = "method"
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
    attained: Estimates | None = None
    unit_step_area: ByKind[float | None]
    localisation: Localisation

    @property
    def is_random(self) -> bool:
        """Whether it is RND, the baseline."""
        return self.label == RANDOM

    @property
    def is_control(self) -> bool:
        """Whether it needs no model; older files do not say so of RND."""
        return self.role != "method" or self.is_random

    @property
    def full_title(self) -> str:
        """The title, which says of a control that it is one."""
        return f"{self.title} (control)" if self.is_control and not self.is_random else self.title


class Difference(Struct, frozen=True):
    """Area of the first method minus that of the second on the same pairs; below 0 the first is better."""

    first: str
    second: str
    auc: Estimates

    def turned(self) -> Difference:
        """The second minus the first."""
        auc = Estimates(*(_minus(each) for each in (self.auc.fmr, self.auc.fnmr, self.auc.mean)))
        return Difference(self.second, self.first, auc)


class Common(Struct, frozen=True, omit_defaults=True):
    """What the methods are worth on the pairs that every one of them has, by label.

    Attributes:
        differences: of any two of them, each two once; none in older files.
    """

    pairs: Counts
    methods: dict[str, Measures]
    differences: tuple[Difference, ...] = ()

    def difference(self, first: str, second: str) -> Estimates | None:
        """Area of the first minus that of the second; None where the file does not say."""
        found = _between(self.differences, first, second)
        return None if found is None else found.auc


class ByMating(Struct, Generic[T], frozen=True):
    """A value of genuine pairs (mated) and one of impostor pairs."""

    mated: T
    non_mated: T


class Accuracy(Struct, frozen=True):
    """Share of pairs decided rightly while the probe is occluded.

    Attributes:
        auc: area under the curve over 0..100 %, normalised to 0..1: of deletion less is better, of insertion more.
        curve: at each of the shares; None without such pairs.
    """

    auc: ByMating[Estimate]
    curve: ByMating[Curve | None]


class Occluded(Struct, frozen=True):
    """What a method is worth when clean probes are occluded in its order.

    Attributes:
        accuracy: by the names of `CURVES` in `xssab_core.replay.deletion`.
        top: by fill, how far the score moves against its decision when the highest 1 % of pixels are occluded, minus
            the same of RND on the same pairs.
    """

    accuracy: dict[str, Accuracy]
    top: dict[str, ByMating[Estimate]]


class OccludedDifference(Struct, frozen=True):
    """What the first method is worth minus what the second is on the same pairs: `Accuracy.auc` and `Occluded.top`."""

    first: str
    second: str
    auc: dict[str, ByMating[Estimate]]
    top: dict[str, ByMating[Estimate]]

    def turned(self) -> OccludedDifference:
        """The second minus the first."""
        auc, top = ({name: _minus_each(value) for name, value in each.items()} for each in (self.auc, self.top))
        return OccludedDifference(self.second, self.first, auc, top)


class Deletion(Struct, frozen=True, omit_defaults=True):
    """Deletion and insertion on clean pairs, on those that all these methods have, by label.

    Attributes:
        differences: of any two methods, each two once; none in older files.
    """

    pairs: Counts
    shares: Curve
    methods: dict[str, Occluded]
    differences: tuple[OccludedDifference, ...] = ()

    def difference(self, first: str, second: str) -> OccludedDifference | None:
        """Of the first minus the second; None where the file does not say."""
        return _between(self.differences, first, second)

    def __post_init__(self) -> None:
        for label, occluded in self.methods.items():
            for name, accuracy in occluded.accuracy.items():
                for curve in (accuracy.curve.mated, accuracy.curve.non_mated):
                    if curve is not None and len(curve) != len(self.shares):
                        raise ValueError(f"methods.{label}.accuracy.{name}.curve has {len(curve)} points")


class Checked(Struct, frozen=True):
    """What the checks of a method found on clean pairs.

    Attributes:
        consistency: mean cosine between the maps of the two faces of a pair: of one identity (mated), or of two.
        randomised: mean rank correlation of |map| between the model and a copy with randomised weights.
        measured: on how many pairs each of the two could be measured.
    """

    consistency: ByMating[Estimate]
    randomised: Estimate
    measured: tuple[Count, Count]


class CheckedDifference(Struct, frozen=True):
    """What the checks found of the first method minus what they found of the second, on the pairs of both."""

    first: str
    second: str
    consistency: ByMating[Estimate]
    randomised: Estimate

    def turned(self) -> CheckedDifference:
        """The second minus the first."""
        return CheckedDifference(self.second, self.first, _minus_each(self.consistency), _minus(self.randomised))


class Checks(Struct, frozen=True, omit_defaults=True):
    """The checks of every method, by label, on the same clean pairs.

    Attributes:
        differences: of any two methods, each two once; none in older files.
    """

    pairs: Counts
    methods: dict[str, Checked]
    differences: tuple[CheckedDifference, ...] = ()

    def difference(self, first: str, second: str) -> CheckedDifference | None:
        """Of the first minus the second; None where the file does not say."""
        return _between(self.differences, first, second)


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
    """All that differs between two runs of the same work; seconds by label, without controls."""

    created: str
    seconds_per_map: dict[str, Seconds]


class Results(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What results.json says.

    Attributes:
        shares: of the pixels put back, 0..1, one a point of every curve.
        deletion, checks: parts that a run was asked for; None without.
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
    deletion: Deletion | None = None
    checks: Checks | None = None
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
    def layout(self) -> str:
        """The layout of Patch-LFW, which makes another data set of it."""
        return str(self.provenance.settings.get("layout", "uniform"))

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
            attained=found.attained,
            unit_step_area=found.unit_step_area,
            curves=found.curves or method.curves,
            localisation=found.localisation or method.localisation,
        )

    @property
    def controls_last(self) -> tuple[MethodResult, ...]:
        """The methods in their order, then the controls, RND after all others."""
        return tuple(sorted(self.methods, key=lambda method: (method.is_control, method.is_random)))


AnyDifference = TypeVar("AnyDifference", Difference, OccludedDifference, CheckedDifference)


def _between(differences: Iterable[AnyDifference], first: str, second: str) -> AnyDifference | None:
    """The one of the first minus the second, of which the file has one way round."""
    for known in differences:
        if (known.first, known.second) == (first, second):
            return known
        if (known.second, known.first) == (first, second):
            return known.turned()
    return None


def _minus_each(estimates: ByMating[Estimate]) -> ByMating[Estimate]:
    return ByMating(_minus(estimates.mated), _minus(estimates.non_mated))


def _minus(estimate: Estimate) -> Estimate:
    value, low, high = (None if end is None else -end for end in (estimate.value, estimate.low, estimate.high))
    return Estimate(value, high, low)


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
