"""How far work is, and times in words."""

import pytest

from xssab_core.progress import State, clock, parts_at_once, roughly


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "about 1 s"),
        (3.4, "about 3 s"),
        (9.9, "about 10 s"),
        (21.4, "about 20 s"),
        (88.0, "about 90 s"),
        (100.0, "about 2 min"),
        (3600.0, "about 60 min"),
    ],
)
def test_an_estimate_is_no_more_exact_than_it_can_be(seconds: float, told: str) -> None:
    assert roughly(seconds) == told


def test_a_clock_has_hours_minutes_and_seconds() -> None:
    assert clock(3723.4) == "1:02:03"


def test_steps_that_are_taken_at_once_add_up() -> None:
    told: list[float] = []
    first, second = parts_at_once(lambda state: told.append(state.share), 0.4, 0.4, 0.2)
    first(State(1, 2))
    second(State(1.0))
    first(State(2, 2))
    assert told == pytest.approx([0.4, 0.6, 0.8, 1.0])
