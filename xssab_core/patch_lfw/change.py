"""What the layout `hard` does to patches, so that equal pixels do not give them away."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# All lengths are pixels of a crop of this size, and scale with the crop.
_SIZE = 112
# Half-widths of the uniform distributions that a change is drawn from: degrees, share, pixels, share, grey levels.
_ROTATION, _SCALING, _SHIFT, _GAIN, _OFFSET = 2.0, 0.02, 1.0, 0.15, 15.0
_BLUR = (0.3, 0.6)
_FEATHER = 2.0


@dataclass(frozen=True)
class Change:
    """A mirrored face, moved a little about the middle of the crop, of another exposure and less sharp.

    Mirroring does most of it: networks hardly mind a mirrored face, but its pixels are others. The rest is kept small,
    because what hides a copy by force also hides the person.

    Attributes:
        rotation: degrees.
        scale: factor of lengths.
        shift: x and y, pixels of a 112-pixel crop.
        gain, offset: grey values become gain * value + offset.
        blur: sigma of a Gaussian, pixels of a 112-pixel crop.
    """

    rotation: float
    scale: float
    shift: tuple[float, float]
    gain: float
    offset: float
    blur: float

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Change:
        """A change with each number drawn uniformly."""
        around = generator.uniform(-1.0, 1.0, 6).tolist()
        return cls(
            rotation=_ROTATION * around[0],
            scale=1.0 + _SCALING * around[1],
            shift=(_SHIFT * around[2], _SHIFT * around[3]),
            gain=1.0 + _GAIN * around[4],
            offset=_OFFSET * around[5],
            blur=float(generator.uniform(*_BLUR)),
        )

    def of(self, crop: np.ndarray) -> np.ndarray:
        """uint8 (S, S, 3) crop, changed; edges are repeated."""
        size = len(crop)
        matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), self.rotation, self.scale)
        matrix = matrix + np.array([[0.0, 0.0, x] for x in self.shift]) * size / _SIZE
        mirrored = np.ascontiguousarray(crop[:, ::-1], dtype=np.float32)
        moved = cv2.warpAffine(mirrored, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        soft = cv2.GaussianBlur(moved, (0, 0), self.blur * size / _SIZE)
        return np.asarray(np.clip(np.rint(self.gain * soft + self.offset), 0, 255), dtype=np.uint8)

    def paste(self, probe: np.ndarray, source: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probe with the changed source where the bool (S, S) mask of squares is, edges feathered, uint8 (S, S, 3);
        and the mask of the pixels that show at least half of it, bool (S, S)."""
        share = feathered(mask)
        mixed = probe + (self.of(source) - probe.astype(np.float32)) * share[:, :, None]
        return np.asarray(np.rint(mixed), dtype=np.uint8), np.asarray(share >= 0.5)


def feathered(mask: np.ndarray) -> np.ndarray:
    """float32 (S, S), 0..1: how much of a pixel shows the patch, from a bool (S, S) mask of squares, whose edges become
    slopes of about four pixels (a Gaussian of sigma 2 on a 112-pixel crop)."""
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _FEATHER * len(mask) / _SIZE))
