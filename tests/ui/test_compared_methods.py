"""Which methods a page computes unasked, and which wait for a click."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from tests.explain.tiny import tiny_model
from ui.compare_view import SHOWN_FIRST, first_method
from xssab_core.explain import METHODS, PEERS
from xssab_core.faces import Pair
from xssab_core.models import FaceModel, TorchFaceModel
from xssab_core.paths import ASSETS


def test_methods_of_other_benchmarks_are_not_shown_unasked() -> None:
    assert set(SHOWN_FIRST) <= set(METHODS)
    assert not set(SHOWN_FIRST) & {method.info.id for method in PEERS}


def test_methods_of_many_passes_of_either_kind_wait_for_a_click() -> None:
    slow = {method_id for method_id, method in METHODS.items() if not method.info.is_quick}
    assert slow == {"xface1", "xface2", "xface3", "corrrise", "minplus", "fggb", "ig", "smoothgrad"}


def test_the_map_shown_first_is_that_of_the_quick_method_with_the_largest_measured_gain(sface: FaceModel) -> None:
    results = json.loads((ASSETS / "benchmarks" / "sface-lfw-folds6-7.json").read_text())
    assert results["model"]["weights_sha256"] == sface.weights_sha256
    gains = {method["label"]: method["gain"]["mean"]["value"] for method in results["methods"]}
    quick = {name: gain for name, gain in gains.items() if name in METHODS and METHODS[name].info.is_quick}
    assert len(quick) > 5
    assert quick[first_method(sface)] == max(quick.values())


def test_where_no_gain_was_measured_the_papers_method_is_shown_first(sface: TorchFaceModel) -> None:
    others = TorchFaceModel(sface.info, sface.network, "0" * 64, (), sface.device)
    assert first_method(others) == "xssab"


MODEL, PAIRS = tiny_model(112), list[Pair]()


def offering() -> None:
    import streamlit as st

    from tests.ui.test_compared_methods import MODEL, PAIRS
    from ui.compare_view import _work_of, is_at_once, offer
    from ui.jobs import jobs, session, start_if_asked
    from xssab_core.explain import METHODS

    method = METHODS["ig"]
    if is_at_once(MODEL, PAIRS[0], method):
        st.caption("The map is drawn.")
        return
    work = _work_of(MODEL, PAIRS[0], [method])
    start_if_asked(work)
    job = jobs().get(work.key, session())
    if job is not None:
        job.outcome.result(30)  # it ends while the page is still drawn
    offer(MODEL, PAIRS[0], [method])


def test_a_slow_method_that_ends_before_its_button_is_reached_is_shown(samples) -> None:
    PAIRS.append(Pair(samples["barack_obama_1"], samples["joe_biden_1"]))
    app = AppTest.from_function(offering, default_timeout=60).run()
    assert [button.label.startswith("Compute Integrated gradients: ") for button in app.button] == [True]
    app.button[0].click().run()
    assert [caption.value for caption in app.caption] == ["The map is drawn."]
    assert not app.button
    assert not app.exception
