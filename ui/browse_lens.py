"""Through what Browse looks at pairs: a model at a threshold, others beside it, and maps."""

from __future__ import annotations

from dataclasses import dataclass

from ui.browse_beside import Other
from ui.browse_maps import Maps
from ui.browse_sets import PairSet
from xssab_core.models import FaceModel, Threshold


@dataclass(frozen=True, eq=False)
class Lens:
    """What a view of Browse is made by.

    Attributes:
        pairs: the set, under the model.
        model, threshold: that decide.
        others: models beside it.
        maps: on the cards; None for the faces alone.
    """

    pairs: PairSet
    model: FaceModel
    threshold: Threshold
    others: tuple[Other, ...]
    maps: Maps | None

    @property
    def about(self) -> tuple[str, ...]:
        """What exported rows and figures are of, in lines."""
        title, threshold = self.model.info.title, self.threshold
        lines = [f"{self.pairs.name}; {title}, threshold {threshold.value:.4f} ({threshold.origin})"]
        lines += [f"beside it {other.title}, threshold {other.threshold.value:.4f}" for other in self.others]
        if self.maps is not None:
            lines.append(f"maps: {self.maps.title}, each pair on its own scale")
        return tuple(lines)
