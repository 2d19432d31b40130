"""Which methods a page computes unasked, and which wait for a click."""

from __future__ import annotations

from ui.compare_view import SHOWN_FIRST, is_fast
from xssab_core.explain import METHODS, PEERS


def test_methods_of_other_benchmarks_are_not_shown_unasked() -> None:
    assert set(SHOWN_FIRST) <= set(METHODS)
    assert not set(SHOWN_FIRST) & {method.info.id for method in PEERS}


def test_methods_of_many_passes_of_either_kind_wait_for_a_click() -> None:
    slow = {method_id for method_id, method in METHODS.items() if not is_fast(method)}
    assert slow == {"xface1", "xface2", "xface3", "corrrise", "minplus", "fggb", "ig", "smoothgrad"}
