"""Which figures a case has, by the names of their members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xssab_core.casefile.contents import Contents, crops_of
from xssab_core.casefile.figures import crop_figure, map_figures, score_histogram
from xssab_core.casefile.format import spoken
from xssab_core.faces import SIDES
from xssab_core.findings.figure import outlined
from xssab_core.render import grey_crop
from xssab_core.replay.figure import replay_figure


@dataclass(frozen=True)
class Drawings:
    """SVG of each figure; None where a case has none.

    Attributes:
        crops: by role, as `Contents.faces`.
        regions: by side.
        maps: by method, then by side.
    """

    crops: dict[str, str]
    maps: dict[str, dict[str, str]]
    histogram: str | None
    regions: dict[str, str]
    flip: str | None
    replay: str | None

    def files(self) -> dict[str, bytes]:
        """The members of the archive that hold them."""
        return {f"figures/{name}.svg": svg.encode() for name, svg in self._named() if svg is not None}

    def _named(self) -> Iterator[tuple[str, str | None]]:
        yield from ((f"{role}_landmarks", svg) for role, svg in self.crops.items())
        for side in SIDES:
            yield f"{side}_regions", self.regions.get(side)
            for method, sides in self.maps.items():
                yield f"{side}_{method}", sides.get(side)
        yield from (("scores", self.histogram), ("flip", self.flip), ("replay", self.replay))


def drawings(contents: Contents, palette: str, opacity: float) -> Drawings:
    """Draw all figures of a case.

    Args:
        contents: what was computed.
        palette, opacity: how maps are drawn.
    """
    shown, template = contents.shown, contents.model.info.template
    crops = dict(zip(SIDES, crops_of(contents.model, contents.pair), strict=True))
    calibration, replay = contents.calibration, contents.measured.replay
    return Drawings(
        crops={
            role: crop_figure(face, template, f"Aligned crop of the {spoken(role)} with its five landmarks")
            for role, face in contents.faces.items()
        },
        maps={each.method.id: map_figures(each, crops, palette, opacity) for each in contents.explanations},
        histogram=None if calibration is None else score_histogram(calibration, shown.threshold.value, shown.score),
        regions=_regions(contents, crops),
        flip=_flip(contents, crops["probe"]),
        replay=None
        if replay is None or contents.ordering is None
        else replay_figure(
            {contents.ordering.order_title: replay.scores}, shown.threshold.value, replay.inverse, replay.random
        ),
    )


def _regions(contents: Contents, crops: dict[str, np.ndarray]) -> dict[str, str]:
    if contents.ledger is None:
        return {}
    regions = contents.ledger.measured.regions
    masks = [(str(number + 1), regions.mask(number)) for number in range(len(regions.names))]
    return {side: outlined(grey_crop(crop), masks) for side, crop in crops.items()}


def _flip(contents: Contents, crop: np.ndarray) -> str | None:
    if contents.flip is None or contents.flip.mask is None:
        return None
    return outlined(grey_crop(crop), [("", contents.flip.mask)])
