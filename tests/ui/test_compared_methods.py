"""Which methods a page computes unasked, and which wait for a click."""

from __future__ import annotations

from ui.compare_view import is_fast, is_shown_first
from xssab_core.explain import METHODS, PEERS


def test_methods_of_other_papers_are_never_computed_unasked() -> None:
    first = {method_id for method_id, method in METHODS.items() if is_shown_first(method)}
    assert {"xssab", "xcos-s", "random"} <= first
    assert not first & {method.info.id for method in PEERS}


def test_methods_of_many_passes_of_either_kind_wait_for_a_click() -> None:
    slow = {method_id for method_id, method in METHODS.items() if not is_fast(method)}
    assert slow == {"xface1", "xface2", "xface3", "corrrise", "minplus", "fggb", "ig", "smoothgrad"}
