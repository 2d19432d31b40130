"""The report of a triage: one HTML file with all its pictures inside, to be opened anywhere and printed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from xssab_core.explain import CAUTION
from xssab_core.faces import SIDES
from xssab_core.gallery.selection import FALSE_MATCH, FALSE_NON_MATCH
from xssab_core.metrics import compared, counted, signed_percent
from xssab_core.render import DEFAULT_PALETTE, colour_layer, enlarge, overlay, png, shared_scale
from xssab_core.triage.cohort import Cohort, Versus
from xssab_core.triage.results import TABLE_CSV, Triage
from xssab_core.triage.table import ERRORS
from xssab_core.triage.tasks import decode_png

# Lines with pictures; lines of the table, of problems and of disagreements in words.
PICTURED, LISTED = 24, 1_000
_FACTOR = 2
_TITLES = {FALSE_MATCH: "False match", FALSE_NON_MATCH: "False non-match"}


def html_of(
    triage: Triage, maps: Sequence[np.ndarray], against: Triage | None = None, compared_with: Versus | None = None
) -> bytes:
    """The report as a self-contained HTML file, UTF-8. It holds no script and asks nobody for anything.

    Args:
        triage: what was found.
        maps: float (2, S, S) of the first lines, in order; they are pictured.
        against: another model on the same list.
        compared_with: what comparing with it gave.
    """
    return (
        _template()
        .render(
            caution=CAUTION,
            triage=triage,
            summary=triage.summary,
            facts=facts(triage),
            cards=list(_cards(triage, maps)),
            lines=[verdict(line) for line in triage.table.head(LISTED).itertuples(index=False)],
            lines_left=max(0, len(triage.table) - LISTED),
            refused=triage.refused.head(LISTED).to_dict("records"),
            refused_left=max(0, len(triage.refused) - LISTED),
            cohorts=[_cohort(name, cohort) for name, cohort in triage.cohorts.items()],
            against=against,
            versus=compared_with,
            said=[] if compared_with is None or against is None else sentences(triage, against, compared_with),
            apart=[] if compared_with is None else compared_with.rows.head(LISTED).to_dict("records"),
            csv_name=TABLE_CSV,
        )
        .encode()
    )


def title_of(outcome: str) -> str:
    """An outcome of a table in words."""
    return _TITLES.get(outcome, outcome[:1].upper() + outcome[1:])


def facts(triage: Triage) -> list[str]:
    """What was found, in sentences."""
    table, summary = triage.table, triage.summary
    wrong = int(table["outcome"].isin(ERRORS).sum())
    labelled = int(table["label"].notna().sum())
    said = [f"{counted(summary.rows, 'row')}: {len(table):,} scored, {len(triage.refused):,} without a score."]
    if labelled:
        said.append(f"Of {labelled:,} scored with a label, {wrong:,} are decided wrongly.")
    said += [f"{name} {rate}." for name, rate in triage.rates.items()]
    inside = int(table["inside_interval"].fillna(False).sum())
    if inside:
        said.append(
            f"{counted(inside, 'score')} {'is' if inside == 1 else 'are'} too close to the threshold for the "
            "calibration to tell: both error rates there lie in the 95\u00a0% intervals of those at the threshold."
        )
    return said


def sentences(first: Triage, second: Triage, found: Versus) -> list[str]:
    """What comparing two models on the same list gave."""
    a, b = (each.summary.model_title for each in (first, second))
    if a == b:
        a, b = (f"{each.summary.model_title} at {each.summary.threshold:.4f}" for each in (first, second))
    said = [
        f"Both scored {counted(found.pairs, 'row')}; they decide {len(found.rows):,} differently. "
        f"Rank correlation of the scores: {found.correlation:.3f}."
    ]
    if found.labelled:
        said.append(
            f"Of {found.labelled:,} with a label, both are wrong on {found.both_wrong:,}, only {a} on "
            f"{found.only_a_wrong:,}, only {b} on {found.only_b_wrong:,}."
        )
    if found.p is not None:
        said.append(
            "If both were equally good, errors that only one makes would be split at least as unevenly with "
            f"probability {found.p:.2g} (exact McNemar test)."
        )
    return said


@lru_cache(maxsize=1)
def _template() -> Template:
    # Autoescape for every value: names and labels come from strangers.
    environment = Environment(
        loader=PackageLoader("xssab_core.triage", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _cards(triage: Triage, maps: Sequence[np.ndarray]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(triage.table.head(PICTURED).itertuples(index=False)):
        crops = [triage.crop_png(line, side) for side in SIDES]
        pictures = [("crop", side, _url(crop)) for side, crop in zip(SIDES, crops, strict=True) if crop]
        if number < len(maps):
            pictures += _overlays([crop or b"" for crop in crops], maps[number])
        yield verdict(line) | {"pictures": pictures, "drove": drove(line)}


def _overlays(crops: Sequence[bytes], maps: np.ndarray) -> list[tuple[str, str, str]]:
    scale = shared_scale(maps)
    found = []
    for side, crop, values in zip(SIDES, crops, maps, strict=True):
        shown = overlay(decode_png(crop), colour_layer(values, scale, DEFAULT_PALETTE))
        found.append(("map", side, _url(png(enlarge(shown, _FACTOR)))))
    return found


def verdict(line: Any) -> dict[str, Any]:
    """A line of the table as the report and the page say it."""
    shown = compared(line.score, line.threshold)
    return {
        "row": line.row,
        "probe": line.probe,
        "reference": line.reference,
        "label": line.label or "",
        "outcome": title_of(line.outcome),
        "is_error": line.outcome in ERRORS,
        "score": shown.score,
        "threshold": shown.threshold,
        "margin": shown.margin,
        "warnings": line.warnings,
        "inside": line.inside_interval is True,
    }


def drove(line: Any) -> str:
    """Which region of each face drove the decision; empty where nothing was explained."""
    if not hasattr(line, "probe_region"):
        return ""
    found = ((side, getattr(line, f"{side}_region"), getattr(line, f"{side}_share")) for side in SIDES)
    return "; ".join(f"{side} {region} ({signed_percent(share, 0)} of its map)" for side, region, share in found)


def _cohort(name: str, cohort: Cohort) -> dict[str, Any]:
    pictures = cohort.pictures(DEFAULT_PALETTE)
    return {
        "title": title_of(name),
        "pairs": cohort.pairs,
        "pictures": [(side, _url(png(enlarge(each, _FACTOR)))) for side, each in zip(SIDES, pictures, strict=True)],
    }


def _url(encoded: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(encoded).decode()
