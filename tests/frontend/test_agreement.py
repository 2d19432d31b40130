"""What JavaScript computes is what Python computes: colours of a map, and the words on a threshold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.test_components import run
from ui.components import FOLDER, packed
from xssab_core.metrics import Rate, compared
from xssab_core.models.calibration import Calibration
from xssab_core.paths import ASSETS
from xssab_core.render import ALPHA_POWER, PALETTES, colour_layer


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("dissimilar", [False, True])
def test_a_map_has_the_same_colours_in_the_browser_and_in_files(tmp_path: Path, palette: str, dissimilar: bool) -> None:
    values = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    values = np.abs(values) if dissimilar else values
    scale, (negative, positive) = float(np.abs(values).max()) * 0.9, PALETTES[palette]
    told = {"scale": scale, "dissimilar": dissimilar}
    code = f"""
import {{ colourLayer }} from "{FOLDER}/map_viewer/colours.js";
import {{ floats }} from "{FOLDER}/shared/decode.js";
const palette = {json.dumps({"dissimilar": negative, "similar": positive})};
const layer = colourLayer(floats("{packed(values)}"), {json.dumps(told)}, palette, {ALPHA_POWER});
console.log(Buffer.from(layer).toString("hex"));
"""
    found = np.frombuffer(bytes.fromhex(run(tmp_path, code)), np.uint8).reshape(40, 40, 4)
    expected = colour_layer(values, scale, palette, dissimilar)
    np.testing.assert_array_equal(found[..., :3], expected[..., :3])
    assert np.abs(found[..., 3].astype(int) - expected[..., 3]).max() <= 1  # a half may be rounded either way


def test_rates_decision_and_margin_that_follow_the_slider_are_those_of_the_page(tmp_path: Path) -> None:
    calibration = Calibration.load(ASSETS / "calibrations" / "sface.json")
    exact, score = calibration.thresholds()[0].value, 0.31234567
    thresholds = [round(float(t), 4) for t in np.random.default_rng(0).uniform(-0.5, 1, 300)]
    thresholds += [-1.0, 1.0, 0.3123, round(exact, 4), round(float(calibration.genuine.max()), 4)]
    data = {
        "known": [exact],
        "score": score,
        "genuine": packed(np.sort(calibration.genuine)),
        "impostor": packed(np.sort(calibration.impostor)),
    }
    code = f"""
import {{ wordsOf }} from "{FOLDER}/threshold/words.js";
import {{ doubles }} from "{FOLDER}/shared/decode.js";
const data = {json.dumps(data)};
const scores = {{ genuine: doubles(data.genuine), impostor: doubles(data.impostor) }};
console.log(JSON.stringify({json.dumps(thresholds)}.map((value) => wordsOf(value, data, scores))));
"""
    for threshold, found in zip(thresholds, json.loads(run(tmp_path, code)), strict=True):
        meant = exact if threshold == round(exact, 4) else threshold
        rates = calibration.rates(meant)
        assert found["decision"] == ("match" if score >= meant else "non-match")
        assert found["lines"] == [
            f"margin {compared(score, meant).margin}",
            f"FMR {rates.false_match}",
            f"FNMR {rates.false_non_match}",
        ]


def test_rates_at_the_ends_are_said_as_in_python(tmp_path: Path) -> None:
    rates = [Rate(0, 1), Rate(1, 1), Rate(0, 2100), Rate(2100, 2100), Rate(1, 2100), Rate(1, 99_999)]
    counts = [(rate.errors, rate.trials) for rate in rates]
    code = f"""
import {{ rateText }} from "{FOLDER}/threshold/rates.js";
console.log(JSON.stringify({json.dumps(counts)}.map((rate) => rateText(...rate))));
"""
    assert json.loads(run(tmp_path, code)) == [str(rate) for rate in rates]
