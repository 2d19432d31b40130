"""The viewer of maps over crops: pixels as they are, values under the pointer, one crosshair on all tiles."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from ui.pictures import data_url
from xssab_core.render import colour_layer, grey_crop, legend

_FOLDER = Path(__file__).parent / "frontend"


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of the grid.

    Attributes:
        title: shown above it.
        alt: what a reader who cannot see it should know.
        crop: uint8 (S, S, 3) RGB.
        values: float32 (S, S) map over the crop, or None for the crop alone.
        scale: the |value| drawn at full colour.
        dissimilar: a single map of dissimilarity.
    """

    title: str
    alt: str
    crop: np.ndarray
    values: np.ndarray | None = None
    scale: float = 1.0
    dissimilar: bool = False


_component = st.components.v2.component(
    "xssab_map_viewer",
    html='<div class="viewer"></div>',
    css=(_FOLDER / "map_viewer.css").read_text(),
    js=(_FOLDER / "map_viewer.js").read_text(),
)


def map_viewer(rows: dict[str, list[Tile]], palette: str, opacity: float, key: str) -> None:
    """Show rows of tiles, each row with its name at the left, and the legend below."""
    data = {
        "rows": [{"label": label, "tiles": [_tile(tile, palette) for tile in tiles]} for label, tiles in rows.items()],
        "opacity": opacity,
        "legend": data_url(legend(palette, opacity)),
    }
    _component(key=key, data=data)


def _tile(tile: Tile, palette: str) -> dict[str, object]:
    if tile.values is None:
        return {"title": tile.title, "alt": tile.alt, "base": data_url(tile.crop), "size": len(tile.crop)}
    values = np.ascontiguousarray(tile.values, dtype="<f4")
    return {
        "title": tile.title,
        "alt": tile.alt,
        "base": data_url(grey_crop(tile.crop)),
        "layer": data_url(colour_layer(tile.values, tile.scale, palette, tile.dissimilar)),
        "values": base64.b64encode(values.tobytes()).decode(),
        "scale": tile.scale,
        "size": len(tile.crop),
    }
