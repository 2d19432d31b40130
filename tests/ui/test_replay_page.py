"""The Replay page: which methods the address names, and what is said of them."""

import pytest
from streamlit.testing.v1 import AppTest

from xssab_core.models import FaceModel
from xssab_core.paths import ASSETS

APP = ASSETS.parent / "app.py"


@pytest.mark.slow
def test_methods_of_the_address_stand_on_one_chart_and_slow_ones_are_offered(
    sface: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XSSAB_LFW", raising=False)
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page("pages/replay.py")
    app.query_params["beside"] = ["Layered", "xSSAB", "xCos S", "CorrRISE"]
    app.run()
    assert not app.exception
    said = [text.value.replace("\\", "") for text in app.markdown]
    # The method that orders the pixels stands there once.
    assert sum("Order of Layered" in text for text in said) == 1
    assert any("Order of xSSAB" in text for text in said)
    assert any("Order of xCos S" in text for text in said)
    table = next(frame.value for frame in app.dataframe if "replaced" in frame.value)
    assert [name for name in table if name.split(",")[0] in ("Layered", "xSSAB", "xCos S", "CorrRISE")] == [
        *("Layered", "xSSAB, unblurred", "xCos S")
    ]
    assert any("Compute CorrRISE" in button.label for button in app.button)
