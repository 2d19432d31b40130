"""What files show: the combined map at full colour, and what a check said of it."""

import io

import numpy as np
import pytest
from PIL import Image

from ui.pair_picker import first_pair, sample_pairs
from xssab_core import AlignedFace, explain
from xssab_core.explain import Explanation
from xssab_core.faces import Pair
from xssab_core.models import TorchFaceModel
from xssab_core.render import PALETTES
from xssab_core.report import PICTURE_FACTOR, pictures, record
from xssab_core.trust.checks import Stability, Trust


def _shown(explanation: Explanation, pair: Pair) -> tuple[int, int, int]:
    """The colour of the strongest place of the combined maps, as their files have it without the crop below."""
    maps = {side: found.combined for side, found in explanation.by_side()}
    side = max(maps, key=lambda side: float(np.abs(maps[side]).max()))
    y, x = np.unravel_index(np.abs(maps[side]).argmax(), maps[side].shape)
    with Image.open(io.BytesIO(pictures(explanation, pair, opacity=1.0)[f"{side}_combined.png"])) as picture:
        red, green, blue = picture.getpixel((int(x) * PICTURE_FACTOR, int(y) * PICTURE_FACTOR))
    return red, green, blue


@pytest.mark.slow
@pytest.mark.parametrize("method", ["layered", "xssab"])
def test_the_strongest_place_of_the_combined_map_reaches_full_colour_on_every_shipped_pair(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], method: str
) -> None:
    for pair in (first_pair(), *(Pair(samples[a], samples[b]) for a, b in sample_pairs())):
        explanation = explain(sface, *pair, method)
        assert _shown(explanation, pair) in PALETTES["pink-green"], pair.title


def test_a_record_keeps_the_verdict_on_its_map(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    pair = Pair(samples["barack_obama_1"], samples["joe_biden_1"])
    explanation = explain(sface, *pair)
    assert record(explanation, pair, "cpu", {})["trust_check"] == {"verdict": "not checked"}
    change = Stability("jpeg", 75.0, 0.4, explanation.score)
    trust = Trust("xSSAB", explanation.score, explanation.threshold, stability=(change,), randomised=0.1)
    assert record(explanation, pair, "cpu", {}, trust)["trust_check"] == {
        "verdict": "unstable",
        "stability": [{"change": "jpeg", "amount": 75.0, "correlation": 0.4, "score": explanation.score}],
        "randomised": 0.1,
    }
