"""The viewer of maps over crops: values as they are, drawn and looked at in the browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st

from ui.components import component, packed
from ui.pictures import data_url, view_of
from ui.sidebar import PALETTE_TITLES, Drawing, looked_at
from xssab_core.faces import Photo
from xssab_core.gallery.thumbnails import outline
from xssab_core.metrics import percent
from xssab_core.render import ALPHA_POWER, PALETTES, grey_crop, shared_scale, strongest_areas

# A whole photograph longer than this is sent reduced, with the rectangle around the face in its own pixels. That too is
# reduced where it is longer than the second number: 37 times as fine as a crop of 112 pixels.
_WHOLE, _CLOSE = 1280, 4096


@dataclass(frozen=True)
class Legend:
    """What the two ends of the colour scale stand for."""

    dissimilar: str
    similar: str


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a row.

    Attributes:
        title: shown above it.
        note: a few words below the title.
        alt: what a reader who cannot see it should know.
        values: float32 (S, S) map over the crop, or None for the crop alone.
        scale: the |value| drawn at full colour.
        dissimilar: a single map of dissimilarity.
        areas: bool (S, S) masks of the strongest areas, similar and dissimilar, which are outlined.
        legend: the ends of its scale in words, where it is the large one.
    """

    title: str
    alt: str
    values: np.ndarray | None = None
    scale: float = 1.0
    dissimilar: bool = False
    note: str = ""
    areas: tuple[np.ndarray, np.ndarray] | None = None
    legend: Legend | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures of one face.

    Attributes:
        label: whose they are.
        crop: uint8 (S, S, 3) RGB, which the maps lie over.
        tiles: the pictures; where the viewer has a large one, the first is that at first.
        original: the photograph of the crop, for a viewer with a large tile.
    """

    label: str
    crop: np.ndarray
    tiles: list[Tile]
    original: Original | None = None


@dataclass(frozen=True, eq=False)
class Original:
    """The photograph that a crop was taken from. It is sent once the user asks for it.

    Attributes:
        photo: the photograph.
        to_photo: float64 (2, 3), from the crop to the photograph, see `AlignedFace.crop_to_photo`.
        note: what else is to be known of it, in a word or two.
    """

    photo: Photo
    to_photo: np.ndarray
    note: str = ""

    @property
    def key(self) -> str:
        """Equal for what looks equal."""
        return f"{self.photo.key} {self.to_photo.tolist()}"


_component = component("map_viewer")
# Apart from the maps, which change more often: what stays as it is, is not sent again.
_photographs = component("photographs")


def combined_tiles(
    maps: Sequence[np.ndarray], titles: Sequence[str], alts: Sequence[str], note: str = ""
) -> list[Tile]:
    """A tile for each combined map of a pair, on the scale they share, with the outlines of their strongest areas."""
    scale, areas, legend = shared_scale(maps), strongest_areas(maps), strongest(maps)
    said = [f"{alt}, values {values.min():.2e} to {values.max():.2e}" for alt, values in zip(alts, maps, strict=True)]
    return [
        Tile(title, alt, values, scale, note=note, areas=area, legend=legend)
        for title, alt, values, area in zip(titles, said, maps, areas, strict=True)
    ]


def strongest(maps: Sequence[np.ndarray]) -> Legend:
    """The strongest places of the combined maps of a pair, in words."""
    scale = shared_scale(maps)
    high, low = max(float(values.max()) for values in maps), min(float(values.min()) for values in maps)
    return Legend(_end("against", -low / scale), _end("for", high / scale))


def _end(side: str, share: float) -> str:
    if share <= 0:
        return f"no place {side} a match"
    reaches = " on these two faces" if share == 1 else f", {percent(share, 0)} of full colour"
    return f"strongest place {side} a match{reaches}"


def map_viewer(
    rows: list[Row],
    drawing: Drawing,
    legend: Legend,
    key: str,
    large: bool = False,
    on_drawing_change: Callable[[], None] | None = None,
) -> None:
    """Show rows of tiles and the legend.

    Args:
        rows: the faces.
        drawing: how maps are drawn until the user draws them otherwise, in the browser.
        legend: the ends of the scale in words, where the large tile has none of its own.
        key: of the component.
        large: one tile of each row is large, the rows stand beside each other.
        on_drawing_change: called when a drawing that the user changed has rested, see `drawn`. The viewer that has it
            bears the controls.
    """
    look = looked_at()
    data = {
        "rows": [_row(row) for row in rows],
        "legend": asdict(legend),
        "large": large,
        "controls": on_drawing_change is not None,
        "drawing": asdict(look) | {"palette": drawing.palette, "opacity": round(100 * drawing.opacity)},
        "palettes": {
            name: {"title": PALETTE_TITLES[name], "dissimilar": colours[0], "similar": colours[1]}
            for name, colours in PALETTES.items()
        },
        "power": ALPHA_POWER,
    }
    with st.container(gap=None):
        _component(key=key, data=data, on_drawing_change=on_drawing_change or _ignore)
        if look.original and any(row.original for row in rows):
            views = dict(_views(row.original, len(row.crop)) for row in rows if row.original is not None)
            _photographs(key=f"{key}_photographs", data={"views": views})


def _ignore() -> None:
    """The component is mounted with the callbacks of all that it may report."""


def _row(row: Row) -> dict[str, object]:
    return {
        "label": row.label,
        "size": len(row.crop),
        "crop": data_url(row.crop),
        "grey": data_url(grey_crop(row.crop)),
        "tiles": [_tile(tile) for tile in row.tiles],
        "original": None if row.original is None else _original(row.original),
    }


def _original(original: Original) -> dict[str, object]:
    photo, (width, height) = original.photo, original.photo.size
    note = f"{width} x {height} px" + (f", {original.note}" if original.note else "")
    return {
        "key": original.key,
        "alt": f"Photograph {photo.name}, {note}",
        "note": note,
        "width": width,
        "height": height,
        "toPhoto": original.to_photo.T.ravel().tolist(),
    }


def _views(original: Original, size: int) -> tuple[str, list[dict[str, object]]]:
    """The whole photograph, and in more pixels what is seen of it once it is enlarged, if the whole is reduced; by its
    key."""
    photo, (width, height) = original.photo, original.photo.size
    views = [view_of(photo, (0, 0, width, height), _WHOLE)]
    if max(width, height) > _WHOLE:
        views.append(view_of(photo, _around(original.to_photo, size, photo.size), _CLOSE))
    return original.key, views


def _around(to_photo: np.ndarray, size: int, photo_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The rectangle around a crop of that side, as far as it lies on the photograph; at least a pixel."""
    corners = to_photo @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    limits = np.array(photo_size)
    low = np.clip(np.floor(corners.min(axis=1)), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=1)), low + 1, limits).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _tile(tile: Tile) -> dict[str, object]:
    found: dict[str, object] = {"title": tile.title, "note": tile.note, "alt": tile.alt}
    if tile.values is None:
        return found
    if tile.legend is not None:
        found["legend"] = asdict(tile.legend)
    if tile.areas is not None:
        found["outlines"] = {"similar": outline(tile.areas[0]), "dissimilar": outline(tile.areas[1])}
    return found | {
        "values": packed(tile.values.astype("<f4")),
        "scale": tile.scale,
        "dissimilar": tile.dissimilar,
    }
