"""The viewer of maps over crops: pixels as they are, values under the pointer, one crosshair on all tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ui.components import component, packed
from ui.pictures import data_url
from xssab_core.render import colour_layer, grey_crop, legend


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of the grid.

    Attributes:
        title: shown above it.
        note: a few words below the title.
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
    note: str = ""


_component = component("map_viewer")


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
        return {
            "title": tile.title,
            "note": tile.note,
            "alt": tile.alt,
            "base": data_url(tile.crop),
            "size": len(tile.crop),
        }
    return {
        "title": tile.title,
        "note": tile.note,
        "alt": tile.alt,
        "base": data_url(grey_crop(tile.crop)),
        "layer": data_url(colour_layer(tile.values, tile.scale, palette, tile.dissimilar)),
        "values": packed(tile.values.astype("<f4")),
        "scale": tile.scale,
        "size": len(tile.crop),
    }
