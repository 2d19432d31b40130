"""Check a case file: compute all of it again from the original photographs, and compare figure by figure.

Every face is cropped at the landmarks on record, so that a detector which moves them by a hundredth of a pixel is one
difference and not many; what the detector finds today is a figure of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from xssab_core.casefile.archive import Archive, read_maps
from xssab_core.casefile.contents import Contents, compute, crop_sha256
from xssab_core.casefile.filing import provenance
from xssab_core.casefile.format import CaseFile, Face, Provenance, Role, locked, spoken
from xssab_core.engine import Engine
from xssab_core.errors import Cure, DataError, XssabError
from xssab_core.explain import METHODS, Explanation
from xssab_core.faces import SIDES, AlignedFace, Pair, Photo, detect_faces, open_photo, turned
from xssab_core.faces.exif import tags_of
from xssab_core.findings.several import Further
from xssab_core.metrics import percent
from xssab_core.models import FaceModel
from xssab_core.patch_lfw.generator import PatchedFace
from xssab_core.progress import Progress, State, ignore, part
from xssab_core.quality.standing import spread_of
from xssab_core.report import PICTURE_FACTOR

Verdict = Literal["equal", "within tolerance", "different"]

# A cosine. Another version of OpenCV draws crops so that scores differ in the fourth digit.
SCORE = 1e-3
# Of the largest value of a figure.
SHARE = 0.05
# Of the distance between the eyes.
LANDMARK = 0.02
# Grey levels of a crop, the largest difference.
LEVELS = 16
REASON = (
    "Another processor, device, number of threads or version of a library ends sums in other last bits. Close to a "
    "kink of the network a gradient then jumps, so a map differs by up to a percent, and with it the order of its "
    "pixels."
)
_DERIVED = frozenset({"sentences"})  # say in words what stands beside them in numbers


@dataclass(frozen=True)
class _Tolerance:
    """How far numbers may be apart; `is_relative`: in shares of the largest value of each array."""

    most: float
    told: str
    is_relative: bool = False


_OF_COSINES = _Tolerance(SCORE, f"{SCORE:g}")
_OF_SPREAD = _Tolerance(SHARE, f"{percent(SHARE, 0)} of the range of 90\u00a0% of LFW's faces")
_OF_LARGEST = _Tolerance(SHARE, f"{percent(SHARE, 0)} of the largest value", is_relative=True)


@dataclass(frozen=True)
class Check:
    """What became of one figure.

    Attributes:
        figure: what it is.
        verdict: equal to the last bit, within the tolerance, or different.
        told: what differs and by how much; empty where nothing does.
        tolerance: how much may differ, in words.
    """

    figure: str
    verdict: Verdict
    told: str
    tolerance: str


@dataclass(frozen=True)
class Reproduction:
    """A case file that was checked.

    Attributes:
        problems: members that are not as the manifest says, see `Archive`.
        checks: of each figure.
        circumstances: what computes today and what did then, where they differ.
    """

    problems: tuple[str, ...]
    checks: tuple[Check, ...]
    circumstances: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether no member was changed and no figure is different."""
        return not self.problems and all(check.verdict != "different" for check in self.checks)

    @property
    def summary(self) -> str:
        """All of it in a sentence."""
        counts = {verdict: sum(check.verdict == verdict for check in self.checks) for verdict in _VERDICTS}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        sealed = "The manifest holds" if not self.problems else "The manifest does not hold"
        return f"{sealed}. Of {len(self.checks)} figures computed again: {told}."


_VERDICTS: tuple[Verdict, ...] = ("equal", "within tolerance", "different")


def missing_originals(archive: Archive, given: Sequence[bytes] = ()) -> list[str]:
    """The names and digests of the photographs that are neither in the archive, unchanged, nor given."""
    case, known = archive.case, _by_digest(archive, given)
    return [
        f"{photograph.file} (SHA-256 {photograph.sha256})"
        for photograph in case.photographs.values()
        if photograph.sha256 not in known
    ]


def reproduce(
    engine: Engine, archive: Archive, originals: Sequence[bytes] = (), progress: Progress = ignore
) -> Reproduction:
    """Compute a case again.

    Args:
        engine: loads the model; nothing that it computed before is used.
        archive: from `read_archive`.
        originals: files of photographs that are not in the archive, in any order.
        progress: told of the share done; may raise CancelledError.

    Raises:
        DataError: photographs are missing.
        XssabError: the model is not here, or a photograph cannot be opened.
    """
    missing = missing_originals(archive, originals)
    if missing:
        raise DataError(
            " ".join([*(f"{problem}." for problem in archive.problems), _ask(missing, bool(originals))]),
            Cure("originals"),
        )
    case, known = archive.case, _by_digest(archive, originals)
    photos = {
        role: turned(open_photo(known[photograph.sha256], photograph.file), photograph.turn)
        for role, photograph in case.photographs.items()
    }
    pair, model = pair_of(case, photos), engine.model(case.model.id)
    usable = [method.id for method in case.methods if _is_usable(method.id, model)]
    if not usable or usable[0] != case.methods[0].id:
        raise DataError(f"{case.methods[0].title} does not run here, so the case cannot be computed again.")

    anew = Engine(engine.device, uses_shipped=False)  # knows nothing yet
    blurs = {method.id: method.blur for method in case.methods}

    def explained(method: str, told: Progress) -> Explanation:
        return anew.explain(model, pair, method, case.threshold, blurs[method], told)

    further = further_of(case, photos)
    contents = compute(anew, model, pair, further, usable, explained, part(progress, 0.0, 0.95))
    checks = (*_on_photographs(case, photos), *_on_model(case, model), *_on_figures(archive, contents))
    progress(State(1.0))
    return Reproduction(archive.problems, checks, tuple(_circumstances(case.provenance, provenance(model, {}))))


def _by_digest(archive: Archive, given: Sequence[bytes]) -> dict[str, bytes]:
    members = (archive.members.get(each.member or "", b"") for each in archive.case.photographs.values())
    return {hashlib.sha256(data).hexdigest(): data for data in (*members, *given)}


def _ask(missing: Sequence[str], some_given: bool) -> str:
    begin = "None of the files given is" if some_given else "The case file does not hold"
    return f"{begin} the original of {'; '.join(missing)}. Give the file exactly as it was."


def _is_usable(method: str, model: FaceModel) -> bool:
    return method in METHODS and METHODS[method].unavailable(model) is None


def pair_of(case: CaseFile, photos: Mapping[Role, Photo]) -> Pair:
    """The faces of a case at the landmarks on record, the probe with its patches; photographs turned as they were."""
    probe, reference = (_aligned(case, photos, side) for side in SIDES)
    if case.patches is not None:
        positions = np.array(case.patches.positions, dtype=np.int64).reshape(-1, 2)
        donor = _aligned(case, photos, "donor")
        probe = PatchedFace.of(probe, donor, positions, case.patches.side, case.patches.change)
    return Pair(probe, reference)


def further_of(case: CaseFile, photos: Mapping[Role, Photo]) -> Further:
    """The faces of the further photographs of each side at the landmarks on record."""
    return {
        side: [_aligned(case, photos, role) for role in case.further if role.startswith(f"{side}-")] for side in SIDES
    }


def _aligned(case: CaseFile, photos: Mapping[Role, Photo], role: Role) -> AlignedFace:
    photo, face = photos[role], case.faces[role]
    points = np.array(face.landmarks, dtype=np.float64)
    return AlignedFace(photo, points, face.landmarks_origin, face.confidence, None, face.faces_in_photo, (), 0)


def _on_photographs(case: CaseFile, photos: Mapping[Role, Photo]) -> Iterator[Check]:
    """What is read from the files and found in them."""
    for role, photo in photos.items():
        then, tags = case.photographs[role], tags_of(photo.data)
        record = (then.width, then.height, then.exif_orientation, then.format, then.tags, then.has_gps)
        today = (*photo.size, photo.exif_orientation, photo.format, tags.values, tags.has_gps)
        yield _same(f"File of the {spoken(role)}: size, format, EXIF", record, today)
        if case.faces[role].landmarks_origin == "detected":
            yield _detection(role, case.faces[role], photo)
    if case.blind is not None:
        digests = [photos[side].sha256 for side in SIDES]
        again = locked(case.blind.components, digests, case.blind.locked_at)
        yield _same("Digest of the blind notes", case.blind.sha256, again.sha256)


def _detection(role: Role, face: Face, photo: Photo) -> Check:
    """The face found today that lies nearest to the one on record."""
    points, allowed = np.array(face.landmarks), LANDMARK * face.eye_distance
    name, tolerance = f"Landmarks of the {spoken(role)}", f"{allowed:.2f} pixels of the photograph"
    distances = [float(np.abs(found.landmarks - points).max()) for found in detect_faces(photo)]
    if not distances:
        return Check(name, "different", "no face is found today", tolerance)
    told = f"moved by up to {min(distances):.2f} pixels"
    return Check(name, _verdict(min(distances), allowed), told if min(distances) else "", tolerance)


def _on_model(case: CaseFile, model: FaceModel) -> Iterator[Check]:
    yield _same("Weights of the model", case.model.weights_sha256, model.weights_sha256)
    for method in case.methods:
        if not _is_usable(method.id, model):
            yield Check(f"Maps of {method.title}", "different", "this method does not run here", "")
        else:
            parameters = json.loads(json.dumps(dict(METHODS[method.id].info.parameters)))
            yield _same(f"Parameters of {method.title}", method.parameters, parameters)


def _on_figures(archive: Archive, contents: Contents) -> Iterator[Check]:
    then, today = archive.case.measured, contents.measured
    for role, face in contents.faces.items():
        yield _crop(archive, role, then.crops.get(role, ""), face.crop_for(contents.model.info.template))
    yield _near("Score", {"": [then.score]}, {"": [today.score]}, _OF_COSINES)
    yield _same("Decision", then.is_match, today.is_match)
    yield _same("FMR, FNMR and their intervals at the threshold", _plain(then.rates), _plain(today.rates))
    yield _alike("Likelihood ratio, bounds and Cllr", _plain(then.likelihood), _plain(today.likelihood))
    yield _near("Quality of the pictures", _spread(then.quality), _spread(today.quality), _OF_SPREAD)
    if then.several or today.several:
        yield _alike("Means of all photographs", then.several, today.several, _OF_COSINES)
    titles = {method.id: method for method in archive.case.methods}
    for explanation in contents.explanations:
        method = titles[explanation.method.id]
        yield _maps(f"Maps of {method.title}", archive.members.get(method.maps), explanation)
    for name, old, new in (
        ("Numbers of the methods", then.numbers, today.numbers),
        ("Region ledger", then.ledger, today.ledger),
        ("What would turn the decision", then.flip, today.flip),
        ("Replay and random orders", _plain(then.replay), _plain(today.replay)),
        ("Trust panel", _plain(then.trust), _plain(today.trust)),
    ):
        if old or new:
            yield _alike(name, old, new)


def _crop(archive: Archive, role: Role, then: str, crop: np.ndarray) -> Check:
    name, tolerance = f"Crop of the {spoken(role)}", f"{LEVELS} of 256 grey levels"
    if then == crop_sha256(crop):
        return Check(name, "equal", "", tolerance)
    try:
        shown = open_photo(archive.members.get(f"pictures/{role}_crop.png", b""), f"{role}_crop.png").pixels
    except XssabError as error:
        return Check(name, "different", f"its pixels are others, and {error}", tolerance)
    kept = shown[::PICTURE_FACTOR, ::PICTURE_FACTOR]
    if kept.shape != crop.shape:
        return Check(name, "different", "its size is another", tolerance)
    apart = float(np.abs(kept.astype(int) - crop).max())
    return Check(
        name, "within tolerance" if apart <= LEVELS else "different", f"up to {apart:.0f} grey levels", tolerance
    )


def _maps(name: str, data: bytes | None, explanation: Explanation) -> Check:
    try:
        then = {} if data is None else read_maps(data)
    except DataError as error:
        return Check(name, "different", str(error), "")
    return _near(name, then, explanation.maps(), _OF_LARGEST)


def _alike(name: str, then: Any, today: Any, allowed: _Tolerance = _OF_LARGEST) -> Check:
    """Compare two records: numbers under one key with each other, all else to the letter."""
    old, new = _leaves(then), _leaves(today)
    for key in sorted(old.keys() | new.keys()):
        words = [[value for value in found.get(key, []) if not _is_number(value)] for found in (old, new)]
        counts = [len(found.get(key, [])) for found in (old, new)]
        if counts[0] != counts[1] or words[0] != words[1]:
            told = f"{key}: {_short(old.get(key))} then, {_short(new.get(key))} today"
            return Check(name, "different", told, allowed.told)
    then_numbers, numbers = ({key: list(filter(_is_number, found[key])) for key in found} for found in (old, new))
    return _near(name, then_numbers, numbers, allowed)


def _spread(quality: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Figures in units of how much they differ among LFW's faces: some are close to zero as a rule."""
    return {
        f"{side}.{name}": value / spread_of(name) for side, found in quality.items() for name, value in found.items()
    }


def _near(name: str, then: Mapping[str, Any], today: Mapping[str, Any], allowed: _Tolerance) -> Check:
    """Compare arrays of numbers by name."""
    if then.keys() != today.keys():
        told = f"{', '.join(then) or 'none'} then, {', '.join(today) or 'none'} today"
        return Check(name, "different", told, allowed.told)
    apart: dict[str, float] = {}
    for key in then:
        old, new = np.asarray(then[key], dtype=np.float64), np.asarray(today[key], dtype=np.float64)
        if old.shape != new.shape:
            return Check(name, "different", f"{key}: {old.shape} then, {new.shape} today", allowed.told)
        largest = float(np.abs(old).max(initial=0)) if allowed.is_relative else 1.0
        apart[key] = float(np.abs(old - new).max(initial=0)) / (largest or 1.0)
    worst = max(apart, key=lambda key: apart[key], default="")
    far = apart.get(worst, 0.0)
    shown = f"up to {100 * far:.2g}\u00a0% of the largest value" if allowed.is_relative else f"by {far:.1e}"
    where = f" ({worst})" if worst else ""
    return Check(name, _verdict(far, allowed.most), f"{shown}{where}" if far else "", allowed.told)


def _same(name: str, then: Any, today: Any) -> Check:
    if then == today:
        return Check(name, "equal", "", "none")
    return Check(name, "different", f"{_short(then)} then, {_short(today)} today", "none")


def _verdict(apart: float, allowed: float) -> Verdict:
    return "equal" if apart == 0 else "within tolerance" if apart <= allowed else "different"


def _leaves(record: Any, key: str = "") -> dict[str, list[Any]]:
    """The values of a nested record by the path of their keys; values of lists share a path."""
    found: dict[str, list[Any]] = {}
    if isinstance(record, Mapping):
        inner = [(f"{key}.{name}".lstrip("."), value) for name, value in record.items() if name not in _DERIVED]
    elif isinstance(record, list | tuple):
        inner = [(key, value) for value in record]
    else:
        return {key: [record]}
    for path, value in inner:
        for leaf, values in _leaves(value, path).items():
            found.setdefault(leaf, []).extend(values)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _circumstances(then: Provenance, today: Provenance) -> Iterator[str]:
    pairs = {"device": (then.device, today.device), "processor": (then.processor, today.processor)}
    pairs |= {"detector": (then.detector, today.detector), "aligner": (then.aligner_version, today.aligner_version)}
    pairs["commit"] = str(then.git_commit), str(today.git_commit)
    for name in sorted(then.versions.keys() | today.versions.keys()):
        pairs[name] = then.versions.get(name, "absent"), today.versions.get(name, "absent")
    return (f"{name}: {old} then, {new} today" for name, (old, new) in pairs.items() if old != new)
