"""Maps on the cards of Browse: of the pairs that are looked at, by a quick method, each drawn once a session."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from ui.browse_sets import Face, PairSet
from ui.choices import belongs
from ui.sidebar import Drawing, pick_drawing
from xssab_core.errors import XssabError
from xssab_core.explain import METHODS, explain
from xssab_core.metrics import counted
from xssab_core.models import FaceModel, Threshold
from xssab_core.render import colour_layer, overlay, png, shared_scale

_DRAWN = "_browse_maps"
# Pictures of so many pairs are kept in a session.
_KEPT = 500


@dataclass(frozen=True)
class Maps:
    """Maps of the pairs of a set, by one method at one threshold."""

    pairs: PairSet
    model: FaceModel
    threshold: Threshold
    method_id: str
    drawing: Drawing

    @property
    def title(self) -> str:
        """Of the method."""
        return METHODS[self.method_id].info.short_title

    def draw(self, indexes: Sequence[int]) -> None:
        """Draw those that are still to be drawn, and tell how far that is. Whoever goes on ends it."""
        known = self._known()
        missing = [index for index in indexes if index not in known]
        if not missing:
            return
        bar = st.progress(0.0)
        for done, index in enumerate(missing):
            bar.progress(done / len(missing), text=f"Explaining pair {done + 1} of {counted(len(missing), 'pair')}")
            known[index] = self._drawn(index)
        bar.empty()

    def of(self, index: int) -> tuple[bytes, bytes] | None:
        """PNG of the maps over probe and reference; None where there are none, or they were not drawn."""
        return self._known().get(index)

    def _known(self) -> dict[int, tuple[bytes, bytes] | None]:
        key: Hashable = (self.pairs.name, self.model.weights_sha256, self.threshold.value, self.method_id, self.drawing)
        kept = st.session_state.get(_DRAWN)
        if kept is None or kept[0] != key or len(kept[1]) > _KEPT:
            kept = st.session_state[_DRAWN] = key, {}
        found: dict[int, tuple[bytes, bytes] | None] = kept[1]
        return found

    def _drawn(self, index: int) -> tuple[bytes, bytes] | None:
        crops = self.pairs.crops(index)
        if crops is None:
            return None
        try:
            found = explain(self.model, *crops, self.method_id, self.threshold)
        except XssabError:
            return None
        maps = [side.combined for _, side in found.by_side()]
        shown = [values for values in maps if values is not None]
        if len(shown) < len(crops):
            return None
        scale, drawing = shared_scale(shown), self.drawing
        first, second = (
            png(overlay(crop, colour_layer(values, scale, drawing.palette), drawing.opacity), quick=True)
            for crop, values in zip(crops, shown, strict=True)
        )
        return first, second


def pick_maps(pairs: PairSet, model: FaceModel, threshold: Threshold) -> Maps | None:
    """Which maps stand on the cards; None for the faces alone."""
    quick = [
        m for m, method in METHODS.items() if m != "random" and method.info.is_quick and not method.unavailable(model)
    ]
    belongs("maps", tuple(quick), None)
    chosen = st.selectbox(
        "Maps on the cards",
        quick,
        index=None,
        placeholder="None, the faces",
        format_func=lambda method_id: METHODS[method_id].info.short_title,
        key="maps",
        bind="query-params",
        help="Of the quick methods; each on the scale of its pair.",
    )
    return None if chosen is None else Maps(pairs, model, threshold, chosen, pick_drawing())


def with_maps(faces: tuple[Face, Face], index: int, maps: Maps | None) -> tuple[Face, Face]:
    """The faces of a pair with their maps over them, where there are some."""
    drawn = None if maps is None else maps.of(index)
    if drawn is None or maps is None:
        return faces
    first, second = (
        replace(face, png=picture, alt=f"{maps.title} map over {face.alt}")
        for face, picture in zip(faces, drawn, strict=True)
    )
    return first, second
