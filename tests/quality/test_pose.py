"""Pose from landmarks of heads whose pose is known."""

from __future__ import annotations

import numpy as np
import pytest

from xssab_core.faces import AlignedFace
from xssab_core.faces.quality import roll
from xssab_core.quality.pose import HEAD, yaw_and_pitch


def _seen(yaw: float, pitch: float, turn: float, scale: float) -> np.ndarray:
    """Landmarks of the mean head: nodding by pitch first, then turned by yaw, then in the picture."""
    (cy, cp, cr), (sy, sp, sr) = (function(np.radians([yaw, pitch, turn])) for function in (np.cos, np.sin))
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    shake = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(scale * (HEAD @ (lean @ shake @ nod).T)[:, :2] + [310.0, 120.0])


@pytest.mark.parametrize("yaw", [-60.0, -20.0, 0.0, 35.0])
@pytest.mark.parametrize("pitch", [-30.0, 0.0, 25.0])
@pytest.mark.parametrize("turn", [-40.0, 0.0, 100.0])
def test_the_pose_of_the_mean_head_is_found_whatever_its_roll_and_size(yaw: float, pitch: float, turn: float) -> None:
    assert yaw_and_pitch(_seen(yaw, pitch, turn, 47.0)) == pytest.approx((yaw, pitch), abs=1e-6)


def test_signs_are_those_that_are_said() -> None:
    straight, right, up = _seen(0, 0, 0, 100), _seen(20, 0, 0, 100), _seen(0, 20, 0, 100)
    eyes = slice(0, 2)
    assert right[2, 0] - right[eyes, 0].mean() > straight[2, 0] - straight[eyes, 0].mean()  # nose to the right
    assert up[2, 1] - up[eyes, 1].mean() < straight[2, 1] - straight[eyes, 1].mean()  # nose up
    assert roll(_seen(0, 0, 20, 100)) > 15


def test_a_face_in_a_mirror_looks_the_other_way(samples: dict[str, AlignedFace]) -> None:
    for face in samples.values():
        width, _ = face.photo.size
        mirrored = ([width - 1, 0] + face.landmarks * [-1, 1])[[1, 0, 2, 4, 3]]
        (yaw, pitch), (other_yaw, other_pitch) = map(yaw_and_pitch, (face.landmarks, mirrored))
        # The mean head is not quite symmetric.
        assert other_yaw == pytest.approx(-yaw, abs=2)
        assert other_pitch == pytest.approx(pitch, abs=2)
