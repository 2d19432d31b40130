"""The pair: two aligned faces, the probe first, as one value that everything about a pair is asked with."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from xssab_core.faces.align import AlignedFace, Template

SIDES = ("probe", "reference")
_SAME_FILE = "Probe and reference are the same file: the score only shows that."


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photographs and the face meant in each.

    Attributes:
        probe, reference: first and second image; the explanation of the probe given the reference colours the probe.
    """

    probe: AlignedFace
    reference: AlignedFace

    def __iter__(self) -> Iterator[AlignedFace]:
        """Probe, then reference."""
        return iter((self.probe, self.reference))

    @property
    def key(self) -> Hashable:
        """Equal for equal photographs with equal landmarks and equal patches."""
        return self.probe.key, self.reference.key

    @property
    def title(self) -> str:
        """The names of the two photographs."""
        return f"{self.probe.photo.name} and {self.reference.photo.name}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what the two faces together leave little to explain of."""
        return (_SAME_FILE,) if self.probe.key == self.reference.key else ()

    def by_side(self) -> Iterator[tuple[str, AlignedFace]]:
        """The faces by the names of `SIDES`."""
        return zip(SIDES, self, strict=True)

    def crops_for(self, template: Template) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (S, S, 3) RGB crops of probe and reference on a model's template, read-only."""
        return self.probe.crop_for(template), self.reference.crop_for(template)
