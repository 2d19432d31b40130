"""The Models page: thresholds with their origin, and where the pair in hand falls."""

import re

from playwright.sync_api import expect

from tests.e2e.test_inspect import ORDINARY, wait_for_maps
from xssab_core.metrics import percent
from xssab_core.models.calibration import calibration_of


def test_scores_thresholds_and_the_pair_in_hand_are_shown(visit, sface) -> None:
    visit.goto(ORDINARY)
    wait_for_maps(visit)
    visit.get_by_role("link", name="Models").click()
    expect(visit.get_by_role("heading", name="Face recognition models")).to_be_visible()
    expect(visit.locator(".js-plotly-plot")).to_have_count(3)
    calibration = calibration_of("sface", sface.weights_sha256)
    rates = calibration.rates(calibration.thresholds()[0].value)
    metric = visit.get_by_test_id("stMetric").filter(has_text="FMR at EER threshold")
    expect(metric).to_contain_text(percent(rates.false_match.value))
    expect(visit.get_by_text("Pair in hand:")).to_be_visible()
    expect(
        visit.get_by_text(re.compile(r"a match at 0\.3057\. 0 of 2,100 impostor pairs scored this high"))
    ).to_be_visible()
    expect(visit.get_by_text("4,200 of 6,000 pairs").first).to_be_visible()
    expect(visit.get_by_text("log10 likelihood ratio 3.27, its upper bound")).to_be_visible()


def test_a_model_without_weights_says_how_to_bring_them(visit) -> None:
    visit.goto("/models?model=ArcFace+(IResNet-100)")
    expect(visit.get_by_text("The weights of arcface are not in the store.")).to_be_visible()
