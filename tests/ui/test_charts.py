"""What is said of a figure agrees with what is drawn, and with the numbers beside it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from ui.charts import argument_spectrum, spectrum_sentence
from xssab_core.explain import explain
from xssab_core.faces import AlignedFace
from xssab_core.models import TorchFaceModel


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.3057, 1.0])
def test_the_spectrum_is_counted_by_the_argument_threshold_and_adds_up_to_the_score(
    sface: TorchFaceModel, samples: dict[str, AlignedFace], threshold: float
) -> None:
    found = explain(sface, samples["barack_obama_1"], samples["barack_obama_2"], threshold=threshold)
    said = re.findall(r"(\d+) arguments?, (\d+) of them above zero, adds? ([+-]\d\.\d+)", spectrum_sentence(found))
    counts = [(int(count), int(positive)) for count, positive, _ in said]
    reaches, positive = found.arguments >= found.argument_threshold, found.arguments > 0
    assert counts == [(side.sum(), (side & positive).sum()) for side in (reaches, ~reaches)]
    assert sum(float(total) for *_, total in said) == pytest.approx(round(found.score, 4), abs=1e-9)
    assert f"the score, {found.score:.4f}." in spectrum_sentence(found)
    legend = [line.name for line in argument_spectrum(found, "pink-green").data]
    for line, (count, above), side in zip(legend, counts, ("at or above", "below"), strict=True):
        assert line.startswith(f"{side} the argument threshold: {count}, {above} above zero, sum ")


def test_one_argument_is_said_in_the_singular(sface: TorchFaceModel, samples: dict[str, AlignedFace]) -> None:
    found = explain(sface, samples["barack_obama_1"], samples["barack_obama_1"])
    rows = np.array([[1, 0, 0], [1, 0, 0]], dtype=np.float32)
    assert spectrum_sentence(replace(found, embeddings=rows, score=1.0)).endswith(
        "1 argument, 1 of them above zero, adds +1.0000. Below it: 2 arguments, 0 of them above zero, add +0.0000. "
        "Together they are the score, 1.0000."
    )
