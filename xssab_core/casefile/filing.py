"""File a finding: from a pair to the bytes of a case file."""

from __future__ import annotations

import datetime
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence

import torch

from xssab_core.casefile.archive import MAX_BYTES, sealed
from xssab_core.casefile.contents import Contents, compute, crops_of, faces_of
from xssab_core.casefile.document import document
from xssab_core.casefile.drawings import drawings
from xssab_core.casefile.format import (
    CASE,
    FORMAT,
    FURTHER,
    MOST_LETTERS,
    Blind,
    CaseFile,
    Face,
    Method,
    Model,
    Patches,
    Photograph,
    Provenance,
    Role,
    case_json,
    read_case,
)
from xssab_core.casefile.html_report import html_report
from xssab_core.engine import Engine
from xssab_core.errors import DataError
from xssab_core.explain import CAUTION, METHODS, Explanation
from xssab_core.faces import AlignedFace, Pair, Photo
from xssab_core.faces.align import ALIGNER_VERSION, share_outside
from xssab_core.faces.detect import DETECTOR
from xssab_core.faces.exif import tags_of
from xssab_core.faces.quality import eye_distance, roll
from xssab_core.findings.several import Further
from xssab_core.models import FaceModel, Threshold
from xssab_core.patch_lfw.generator import PatchedFace
from xssab_core.paths import APP
from xssab_core.progress import Progress, ignore, part
from xssab_core.render import DEFAULT_OPACITY, DEFAULT_PALETTE
from xssab_core.replay.case import case_of, known_at_random
from xssab_core.report import crop_png, maps_npz, pictures, versions

REPORT, PRINT = "report.html", "report.pdf"
_SUFFIXES = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif"}
_GIT_SECONDS = 5
# Of a case file, for all but the photographs.
_ROOM = 32 * 2**20


def case_file(
    engine: Engine,
    model: FaceModel,
    pair: Pair,
    methods: Sequence[str],
    threshold: float | str | Threshold | None = None,
    blur: bool = True,
    originals: bool = False,
    notes: str = "",
    blind: Blind | None = None,
    palette: str = DEFAULT_PALETTE,
    opacity: float = DEFAULT_OPACITY,
    further: Further | None = None,
    progress: Progress = ignore,
) -> bytes:
    """The ZIP of a case file: reports, data, pictures and their manifest.

    Args:
        engine: knows what was computed before.
        model, pair, threshold, blur: what is explained, as `xssab_core.explain` takes it.
        methods: ids, the one shown first before all others.
        originals: whether the photographs lie in it, byte for byte.
        notes: the examiner's, free text.
        blind: notes made before score and maps were shown.
        palette, opacity: how maps are drawn.
        further: the faces of further photographs of each side, see `compare_several`.
        progress: told of the share done; may raise CancelledError.

    Raises:
        DataError: the notes are too long, or the photographs too large.
        XssabError: as `xssab_core.explain` raises.
    """
    if len(notes) > MOST_LETTERS:
        raise DataError(f"The notes have {len(notes):,} letters; a case file takes {MOST_LETTERS:,}. Shorten them.")
    further = further or {}
    if originals:
        _check_size(faces_of(pair, further).values())
    started = time.perf_counter()

    def explained(method: str, told: Progress) -> Explanation:
        return engine.explain(model, pair, method, threshold, blur, told)

    beforehand = {method for method in methods if _ships(method, model, pair)}
    contents = compute(engine, model, pair, further, methods, explained, part(progress, 0.0, 0.9))
    seconds = {"measured": round(time.perf_counter() - started, 3)}
    case = _case(contents, beforehand, originals, notes, blind, seconds)
    drawn = drawings(contents, palette, opacity)
    said = document(case, contents, drawn)
    record = case_json(case)
    read_case(record)  # what is filed can be read
    files = {CASE: record, **_data(contents, case, palette, opacity), **drawn.files()}
    from xssab_core.casefile.pdf_report import pdf_report  # see `drawing.pdf`

    files |= {REPORT: html_report(said), PRINT: pdf_report(said)}
    return sealed(files)


def _check_size(faces: Iterable[AlignedFace]) -> None:
    total = sum(len(face.photo.data) for face in faces)
    if total > MAX_BYTES - _ROOM:
        raise DataError(
            f"The photographs have {total / 2**20:,.0f} MiB together; a case file takes "
            f"{(MAX_BYTES - _ROOM) // 2**20}. Leave the originals out, or give fewer photographs."
        )


def _photographs_of(contents: Contents) -> dict[Role, AlignedFace]:
    """The faces whose photographs a case is made of, by their roles; a patched probe has a donor too."""
    probe = contents.pair.probe
    return contents.faces | ({"donor": probe.donor} if isinstance(probe, PatchedFace) else {})


def _ships(method: str, model: FaceModel, pair: Pair) -> bool:
    return METHODS[method].known(model, *crops_of(model, pair)) is not None


def _random_orders_ship(contents: Contents) -> bool:
    case = case_of(contents.pair, contents.model.info.template)
    return contents.measured.replay is not None and known_at_random(contents.model, case) is not None


def _case(
    contents: Contents,
    beforehand: set[str],
    originals: bool,
    notes: str,
    blind: Blind | None,
    seconds: dict[str, float],
) -> CaseFile:
    faces, probe = _photographs_of(contents), contents.pair.probe
    return CaseFile(
        format=FORMAT,
        caution=CAUTION,
        photographs={role: _photograph(face.photo, role, originals) for role, face in faces.items()},
        faces={role: _face(face) for role, face in faces.items()},
        patches=_patches(probe) if isinstance(probe, PatchedFace) else None,
        model=_model(contents.model),
        threshold=contents.shown.threshold,
        methods=tuple(_method(each, each.method.id in beforehand) for each in contents.explanations),
        measured=contents.measured,
        notes=notes,
        blind=blind,
        provenance=provenance(contents.model, seconds),
        random_orders_computed_beforehand=_random_orders_ship(contents),
    )


def _photograph(photo: Photo, role: Role, originals: bool) -> Photograph:
    tags, (width, height) = tags_of(photo.data), photo.size
    suffix = _SUFFIXES.get(photo.format, photo.format.lower())
    return Photograph(
        file=photo.name[:500],
        sha256=photo.sha256,
        bytes=len(photo.data),
        format=photo.format,
        width=width,
        height=height,
        exif_orientation=photo.exif_orientation,
        turn=photo.turn,  # type: ignore[arg-type]  # a multiple of 90, see `turned`
        tags=tags.values,
        tags_readable=tags.readable,
        has_gps=tags.has_gps,
        member=f"originals/{role}.{suffix}" if originals and photo.data else None,
    )


def _face(face: AlignedFace) -> Face:
    return Face(
        landmarks=tuple(map(tuple, face.landmarks.tolist())),  # type: ignore[arg-type]  # (5, 2)
        landmarks_origin=face.landmarks_origin,  # type: ignore[arg-type]  # one of the three
        confidence=face.confidence,
        faces_in_photo=face.faces_in_photo,
        eye_distance=eye_distance(face.landmarks),
        roll=roll(face.landmarks),
        outside=share_outside(face.landmarks, face.photo.size),
        warnings=face.warnings,
    )


def _patches(probe: PatchedFace) -> Patches:
    return Patches(probe.patch_side, tuple(map(tuple, probe.positions.tolist())), probe.change)


def _model(model: FaceModel) -> Model:
    info = model.info
    return Model(
        info.id,
        info.title,
        info.architecture,
        info.loss,
        info.training_set,
        info.licence,
        info.source,
        info.template.name,
        info.template.size,
        info.colour_order,
        info.normalisation,
        info.embedding_size,
        model.weights_sha256,
    )


def _method(explanation: Explanation, beforehand: bool) -> Method:
    info = explanation.method
    return Method(
        info.id,
        info.title,
        info.reference,
        dict(info.parameters),
        explanation.blur,
        f"maps/{info.id}.npz",
        beforehand,
    )


def provenance(model: FaceModel, seconds: dict[str, float]) -> Provenance:
    """What computes here and now."""
    return Provenance(
        created=now(),
        versions=versions(),
        git_commit=git_commit(),
        device=model.device_name,
        processor=f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        detector=DETECTOR,
        aligner_version=ALIGNER_VERSION,
        seconds=seconds,
    )


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def git_commit() -> str | None:
    """The commit that this program runs from, with a word where files were changed since; None outside a checkout."""
    if not (APP / ".git").exists():
        return None
    try:
        commit, changed = (
            subprocess.run(
                ["git", "-C", str(APP), *words], capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}, with changes" if changed else commit


def _data(contents: Contents, case: CaseFile, palette: str, opacity: float) -> dict[str, bytes]:
    """Originals, maps and pictures by name; of the crops one picture each."""
    files: dict[str, bytes] = {}
    for role, face in _photographs_of(contents).items():
        member = case.photographs[role].member
        if member is not None:
            files[member] = face.photo.data
        if role in FURTHER:
            files[f"pictures/{role}_crop.png"] = crop_png(face.crop_for(contents.model.info.template))
    for explanation, method in zip(contents.explanations, case.methods, strict=True):
        files[method.maps] = maps_npz(explanation)
        files |= dict(_pictures(explanation, contents.pair, palette, opacity))
    if contents.ledger is not None:
        files["data/ledger.csv"] = contents.ledger.csv()
    return files


def _pictures(explanation: Explanation, pair: Pair, palette: str, opacity: float) -> Iterator[tuple[str, bytes]]:
    for name, data in pictures(explanation, pair, palette, opacity).items():
        yield f"pictures/{name}" if name.endswith("_crop.png") else f"pictures/{explanation.method.id}/{name}", data
