"""The report of a case as text, tables and figures: one content that HTML and PDF print alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xssab_core.casefile.contents import Contents
from xssab_core.casefile.drawings import Drawings
from xssab_core.casefile.format import CASE, MANIFEST, CaseFile, ErrorRate, Face, Photograph, Role, spoken
from xssab_core.explain.base import QUICK_PASSES
from xssab_core.faces import SIDES
from xssab_core.findings.ledger import Ledger
from xssab_core.metrics import Rate, compared, counted, percent, signed_percent
from xssab_core.quality.standing import among_lfw, readings
from xssab_core.quality.standing import sentences as quality_sentences
from xssab_core.render import shared_scale

# Controls, and marks of direction, which would change what stands beside; line breaks are the caller's.
_UNSHOWN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
_LANDMARKS = "1 left eye, 2 right eye, 3 nose, 4 and 5 corners of the mouth, left and right as seen in the picture"
_SIGNS = (
    "What speaks for a match has a solid outline, what speaks against it a dashed outline and hatching; outlined is "
    "what reaches a third of the largest value on the two faces. Colours grow with the value."
)
# Columns of photographs in a table.
_ABREAST = 3
_LIMITS = (
    "The score says how alike the two photographs are to this model. It is no probability that they show one person.",
    "Error rates and scores of known pairs hold for pictures like those of the data set they were counted on.",
    "Maps, regions and replays describe what moves this model's score. They do not say which facial features two "
    "people share.",
    "Replacing pixels makes pictures that no camera takes; how a model scores those is part of what is measured.",
    "The digests in the manifest show accidental changes. Whoever changes a member on purpose can write a new "
    f"manifest: note the SHA-256 of {MANIFEST} elsewhere when the case is made.",
)
_ORIGINS = {
    "detected": "found by the detector",
    "by hand": "placed by hand",
    "already aligned": "those of the template",
}


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """Sentences, one a line."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells of text.

    Attributes:
        head: empty where the first cell of a row says what it is.
        pictures: an SVG before the cells of each row, with a cell of `head` above them; none unless given.
    """

    rows: tuple[tuple[str, ...], ...]
    head: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """An SVG with its caption; a picture is square, a chart is wide."""

    svg: str
    caption: str
    is_square: bool = True


@dataclass(frozen=True)
class Figures:
    """Figures side by side."""

    items: tuple[Figure, ...]


@dataclass(frozen=True)
class Written:
    """Text of the user, line by line as it was written."""

    text: str


Block = Paragraph | Bullets | Table | Figures | Written


@dataclass(frozen=True)
class Section:
    """A titled part."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        finding: what was found, in a sentence.
    """

    title: str
    subject: str
    created: str
    finding: str
    caution: str
    sections: tuple[Section, ...]


def visible(text: str) -> str:
    """Text of others with its controls as their code points, so that it is read as it was written."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def document(case: CaseFile, contents: Contents, drawn: Drawings) -> Document:
    """The report of a case."""
    sections = (
        Section("Decision", tuple(_decision(case, contents, drawn))),
        Section("Faces and maps", tuple(_maps(case, contents, drawn))),
        *_several(case, contents, drawn),
        Section("Regions of the face", tuple(_regions(contents, drawn))),
        Section("What would turn the decision", tuple(_flip(contents, drawn))),
        Section("Replay", tuple(_replay(case, contents, drawn))),
        Section("How far the map can be trusted", tuple(_trust(case, contents))),
        Section("Photographs", tuple(_photographs(case))),
        Section("Examiner's notes", tuple(_notes(case))),
        Section("Model and methods", tuple(_methods(case))),
        Section("Limits", (Bullets(_LIMITS),)),
        Section("Provenance", tuple(_provenance(case))),
    )
    names = " and ".join(visible(case.photographs[side].file) for side in ("probe", "reference"))
    return Document(
        title="Case file: one comparison by a face recognition model",
        subject=names,
        created=case.provenance.created,
        finding=_finding(case),
        caution=case.caution,
        sections=sections,
    )


def _finding(case: CaseFile) -> str:
    measured, shown = case.measured, compared(case.measured.score, case.threshold.value)
    relation = "above" if measured.margin > 0 else "exactly at" if measured.is_match else "below"
    decision = "match" if measured.is_match else "non-match"
    return (
        f"{case.model.title} gives the two photographs a score of {shown.score}, which is {relation} the threshold of "
        f"{shown.threshold}: the model's decision is {decision}."
    )


def _decision(case: CaseFile, contents: Contents, drawn: Drawings) -> Iterator[Block]:
    measured, rates = case.measured, case.measured.rates
    shown = compared(measured.score, case.threshold.value)
    sign = "score ≥ threshold" if measured.is_match else "score < threshold"
    rows = [
        ("Score (cosine)", shown.score),
        ("Threshold", f"{shown.threshold} ({case.threshold.name})"),
        ("Origin of the threshold", case.threshold.origin),
        ("Margin", shown.margin),
        ("Decision of the model", f"{'match' if measured.is_match else 'non-match'} ({sign})"),
    ]
    if contents.several is not None:
        rows.append(("Means of all photographs", contents.several.sentences()[0]))
    if rates is None:
        rows.append(("Error rates", "not known: this model has no calibration"))
    else:
        rows += [
            ("FMR at this threshold", _rate(rates.false_match, "impostor")),
            ("FNMR at this threshold", _rate(rates.false_non_match, "genuine")),
            ("What known pairs say", rates.standing),
            ("Counted on", rates.data_set),
        ]
    yield Table((*rows, ("What the score is worth", " ".join(measured.likelihood.sentences))))
    if drawn.histogram is not None:
        told = "Scores of the pairs that the rates were counted on, with the threshold (dashed) and this pair (thick)."
        yield Figures((Figure(drawn.histogram, told, is_square=False),))


def _rate(rate: ErrorRate, kind: str) -> str:
    found = Rate(rate.errors, rate.pairs)
    return f"{percent(rate.value)} ({found.likely}; {rate.errors:,} of {counted(rate.pairs, f'{kind} pair')})"


def _maps(case: CaseFile, contents: Contents, drawn: Drawings) -> Iterator[Block]:
    names = dict(zip(SIDES, (case.photographs["probe"].file, case.photographs["reference"].file), strict=True))
    crops = (Figure(drawn.crops[side], f"Aligned crop of the {side}, {name}") for side, name in names.items())
    yield Figures(tuple(crops))
    yield Paragraph(f"Landmarks: {_LANDMARKS}. {_SIGNS}")
    for explanation in contents.explanations:
        maps = drawn.maps[explanation.method.id]
        if not maps:
            continue
        combined = (each.combined for _, each in explanation.by_side() if each.combined is not None)
        scale = shared_scale(combined)
        told = "; ".join(f"{name} {value:.4f}" for name, value in explanation.numbers.items())
        about = f"full colour at |value| {scale:.3e}{f'; {told}' if told else ''}"
        title = explanation.method.title
        yield Figures(tuple(Figure(svg, f"{title}, {side}; {about}") for side, svg in maps.items()))


def _several(case: CaseFile, contents: Contents, drawn: Drawings) -> Iterator[Section]:
    """The comparison of all photographs of each side, where there are several."""
    several, record = contents.several, case.measured.several
    if several is None or record is None:
        return
    rows: dict[Role, tuple[str, ...]] = {}
    for side in SIDES:
        roles = (role for role in contents.faces if role.partition("-")[0] == side)
        rows |= {role: _one_of_several(case, role, found) for role, found in zip(roles, record[side], strict=True)}
    told = Paragraph(
        "The mean of the embeddings of a side's photographs stands for the person. Own score: of the photograph with "
        "the mean of the other side. All else in this report is of the probe and the reference alone."
    )
    table = Table(tuple(rows.values()), _SEVERAL_COLUMNS, tuple(drawn.crops[role] for role in rows))
    yield Section("All photographs of each side", (Bullets(several.sentences()), told, table))


_SEVERAL_COLUMNS = ("Crop", "Photograph", "Own score", "Means without it", "Carries the decision")


def _one_of_several(case: CaseFile, role: Role, found: Mapping[str, Any]) -> tuple[str, ...]:
    """A row: what a photograph has to do with the score of the means."""
    name = f"{spoken(role).capitalize()}: {case.photographs[role].file}"
    without = found["score_without"]
    left = "the only one" if without is None else f"{without:z.4f}"
    return name, f"{found['score']:z.4f}", left, "most" if found["carries"] else ""


def _regions(contents: Contents, drawn: Drawings) -> Iterator[Block]:
    if contents.ledger is None:
        yield Paragraph("Not measured: the method shown first gives no map of both faces.")
        return
    names = ", ".join(f"{number} {name}" for number, name in enumerate(contents.ledger.names, start=1))
    yield Figures(tuple(Figure(svg, f"Regions on the {side}") for side, svg in drawn.regions.items()))
    yield Paragraph(
        f"Regions: {names}. Shares are parts of the map of {contents.shown.method.short_title}, of the sum of its "
        "|values|; changes are what hiding a region does to the score, measured, with * where it turns the decision. A "
        "hidden region shows the same crop blurred."
    )
    exact = contents.ledger.exact is not None
    rows = tuple(_region(contents.ledger, number) for number in range(len(contents.ledger.names)))
    yield Table(rows, _REGION_COLUMNS if exact else _REGION_COLUMNS[:-2])
    if exact:
        yield Paragraph(
            "Exact: what each region adds to score minus threshold by the last grid of the network, whose head is "
            "affine; each of the two columns adds up to the margin."
        )
    yield Bullets(tuple(contents.ledger.sentences()))


_REGION_COLUMNS = (
    *("Region", "Share, probe", "Share, reference", "Hidden, probe", "Hidden, reference", "Hidden, both"),
    *("Exact, probe", "Exact, reference"),
)


def _region(ledger: Ledger, number: int) -> tuple[str, ...]:
    """A row of the ledger."""
    shares = [signed_percent(share) for share in ledger.shares[:, number]]
    turned = ["*" if flips else "" for flips in ledger.flips[number]]
    changes = [f"{change:+z.4f}{star}" for change, star in zip(ledger.changes[number], turned, strict=True)]
    exact = [] if ledger.exact is None else [f"{added:+z.4f}" for added in ledger.exact[:, number]]
    return (f"{number + 1} {ledger.names[number]}", *shares, *changes, *exact)


def _flip(contents: Contents, drawn: Drawings) -> Iterator[Block]:
    if contents.flip is None:
        yield Paragraph("Not measured: the method shown first gives no map of both faces.")
        return
    if drawn.flip is not None:
        yield Figures((Figure(drawn.flip, "Outlined: the pixels of the probe whose replacement turns the decision"),))
    yield Bullets(tuple(contents.flip.sentences()))


def _replay(case: CaseFile, contents: Contents, drawn: Drawings) -> Iterator[Block]:
    replay = case.measured.replay
    if replay is None or drawn.replay is None or contents.ordering is None:
        yield Paragraph("Not measured: the method shown first gives no map of both faces.")
        return
    title = contents.ordering.order_title
    told = (
        f"Pixels of the probe are replaced by those of {replay.fill}, in the order of {title} (solid), in the inverse "
        f"order (dashed), and in {len(replay.random)} random orders (band and dotted mean)."
    )
    if case.random_orders_computed_beforehand:
        told += " The scores in random orders came with the program, which computed them beforehand."
    yield Figures((Figure(drawn.replay, told, is_square=False),))
    yield Bullets(replay.sentences)


def _trust(case: CaseFile, contents: Contents) -> Iterator[Block]:
    trust = case.measured.trust
    if trust is None:
        yield Paragraph(
            "Not measured: this explains the pair several times over, which is done for methods of at most "
            f"{QUICK_PASSES} passes that give a signed map."
        )
        return
    yield Paragraph(
        f"About the map of {contents.shown.method.title}. Rank correlations over all pixels: 1 is the same order, 0 "
        "unrelated. What the words stand for is a convention."
    )
    yield Bullets(trust.sentences)


def _photographs(case: CaseFile) -> Iterator[Block]:
    pair = [role for role in case.photographs if role not in case.further]
    groups = (case.further[start : start + _ABREAST] for start in range(0, len(case.further), _ABREAST))
    for roles in (pair, *groups):
        yield _beside_each_other(case, roles)
    yield from _quality(case)
    every = (*pair, *case.further)
    warned = [f"{spoken(role).capitalize()}: {sentence}" for role in every for sentence in case.faces[role].warnings]
    if warned:
        yield Bullets(tuple(warned))
    tags = [
        (spoken(role).capitalize(), name, value)
        for role in every
        for name, value in case.photographs[role].tags.items()
    ]
    if tags:
        yield Table(tuple(tags), ("EXIF of the", "Tag", "Value"))


def _beside_each_other(case: CaseFile, roles: Sequence[Role]) -> Table:
    columns = [dict(_of_photograph(case.photographs[role], case.faces[role])) for role in roles]
    rows = tuple((name, *(column[name] for column in columns)) for name in columns[0])
    return Table(rows, ("", *(spoken(role).capitalize() for role in roles)))


def _quality(case: CaseFile) -> Iterator[Block]:
    """How good the two pictures are, each figure beside where it falls among the faces of LFW."""
    table = among_lfw()
    found = {side: readings(case.measured.quality.get(side, {}), case.model.weights_sha256) for side in SIDES}
    told = [f"{side.capitalize()}: {sentence}" for side in SIDES for sentence in quality_sentences(found[side])]
    yield Paragraph(
        f"How good the pictures are, beside {table.faces:,} faces of {table.data_set}; inspired by ISO/IEC 29794-5, "
        "not that standard's measures. Yaw and pitch are estimates from five landmarks."
    )
    values = {
        side: {reading.kind.title: f"{reading.shown}, {reading.standing}" for reading in found[side]} for side in SIDES
    }
    titles = dict.fromkeys(title for side in SIDES for title in values[side])
    rows = tuple((title, *(values[side].get(title, "not measured") for side in SIDES)) for title in titles)
    yield Table(rows, ("Figure", *(f"{side.capitalize()}, among LFW's faces" for side in SIDES)))
    if told:
        yield Bullets(tuple(told))


def _of_photograph(photograph: Photograph, face: Face) -> Iterator[tuple[str, str]]:
    yield "File", photograph.file
    yield "SHA-256", photograph.sha256
    yield "Size", f"{counted(photograph.bytes, 'byte')}, {photograph.width} x {photograph.height} pixels"
    yield "Format", photograph.format
    turned = "as stored" if photograph.exif_orientation == 1 else f"turned upright from {photograph.exif_orientation}"
    by_user = f"; turned by {photograph.turn} degrees by the user" if photograph.turn else ""
    yield "EXIF orientation", f"{photograph.exif_orientation} ({turned}){by_user}"
    unread = "" if photograph.tags_readable else "; not all of it could be read"
    yield "Other EXIF tags", f"{len(photograph.tags)}{unread}"
    place = "PRESENT: the file says where it was taken" if photograph.has_gps else "none"
    yield "GPS position", place
    yield "In this case file", "byte for byte" if photograph.member else "no, by its digest only"
    points = "; ".join(f"{x:.1f},{y:.1f}" for x, y in face.landmarks)
    yield "Landmarks", f"{_ORIGINS[face.landmarks_origin]}; in pixels {points}"
    confidence, count = face.confidence, face.faces_in_photo
    yield "Detector's confidence", "not asked" if confidence is None else f"{confidence:.4f}"
    yield "Faces found", "not asked" if count is None else str(count)


def _notes(case: CaseFile) -> Iterator[Block]:
    yield Written(case.notes) if case.notes.strip() else Paragraph("None.")
    if case.blind is not None:
        yield Paragraph(
            f"Noted before score and maps were shown, which was at {case.blind.locked_at}; SHA-256 of these notes "
            f"{case.blind.sha256}."
        )
        yield Table(tuple((name, text or "nothing noted") for name, text in case.blind.components.items()))


def _methods(case: CaseFile) -> Iterator[Block]:
    model = case.model
    yield Table(
        (
            ("Model", f"{model.title} ({model.id})"),
            ("Architecture", model.architecture),
            ("Loss", model.loss),
            ("Training set", model.training_set),
            ("Licence", model.licence),
            ("Source", model.source),
            (
                "Input",
                f"{model.size} x {model.size} {model.colour_order}, {model.normalisation}; template {model.template}",
            ),
            ("Embedding", counted(model.embedding_size, "number")),
            ("SHA-256 of the weights", model.weights_sha256),
        )
    )
    rows = []
    for method in case.methods:
        parameters = "; ".join(f"{name} {_listed(value)}" for name, value in method.parameters.items()) or "none"
        blur = "blurred" if method.blur else "not blurred"
        beforehand = "; its passes were made beforehand" if method.computed_beforehand else ""
        rows.append((method.title, method.reference, f"{parameters}; map {blur}{beforehand}"))
    yield Table(tuple(rows), ("Method", "Reference", "Parameters"))


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _provenance(case: CaseFile) -> Iterator[Block]:
    about = case.provenance
    yield Table(
        (
            ("Made at (UTC)", about.created),
            ("Versions", ", ".join(f"{name} {version}" for name, version in about.versions.items())),
            ("Commit of the program", about.git_commit or "not known: it does not run from a checkout"),
            ("Device", f"{about.device} ({about.processor})"),
            ("Detector, aligner", f"{about.detector}; aligner {about.aligner_version}"),
            ("Seconds", ", ".join(f"{name} {seconds:.1f}" for name, seconds in about.seconds.items())),
        )
    )
    yield Paragraph(
        f"{CASE} holds every number and parameter of this report, {MANIFEST} the SHA-256 of each file beside it. "
        "The command xssab reproduce checks the digests and computes all numbers again."
    )
