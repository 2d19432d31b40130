"""What Browse calls the outcomes of pairs."""

from __future__ import annotations

from xssab_core.gallery.selection import FALSE_MATCH, FALSE_NON_MATCH, MATCH, NO_SCORE, NON_MATCH

OUTCOME_TITLES = {
    FALSE_MATCH: "False match (FM)",
    FALSE_NON_MATCH: "False non-match (FNM)",
    MATCH: "Correct match",
    NON_MATCH: "Correct non-match",
    NO_SCORE: "No score",
}
