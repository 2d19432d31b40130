"""What is kept: bounded by weight, forgotten by part, and computed once also where several ask at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from xssab_core.errors import CancelledError
from xssab_core.progress import Progress, State, ignore
from xssab_core.work.caches import LruCache, Once, mentions

SECONDS = 10.0


def test_the_least_recently_used_value_makes_room() -> None:
    cache: LruCache[int] = LruCache(10, lambda value: value)
    cache.put("a", 4)
    cache.put("b", 4)
    assert cache.get("a") == 4
    cache.put("c", 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (4, None, 4)
    cache.put("d", 99)
    assert (cache.get("c"), cache.get("d")) == (None, 99)


def test_a_forgotten_weight_makes_room_for_others() -> None:
    cache: LruCache[int] = LruCache(10, lambda value: value)
    cache.put(("a", "x"), 6)
    cache.put("b", 4)
    cache.forget("x")
    cache.put("c", 6)
    assert (cache.get(("a", "x")), cache.get("b"), cache.get("c")) == (None, 4, 6)
    cache.clear()
    cache.put("d", 5)
    cache.put("e", 5)
    assert (cache.get("c"), cache.get("d"), cache.get("e")) == (None, 5, 5)


@pytest.mark.parametrize(
    ("key", "is_part"),
    [
        ("a", True),
        (("a", 1), True),
        ((1, (2, ("a",))), True),
        ("ab", False),
        ((1, ("ab",)), False),
        (frozenset("a"), False),
    ],
)
def test_a_key_mentions_what_it_holds_at_any_depth(key, is_part) -> None:
    assert mentions(key, "a") is is_part


class Work:
    """Goes on until the test lets it end."""

    def __init__(self, outcome: object) -> None:
        self.outcome, self.times = outcome, 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, progress: Progress) -> object:
        self.times += 1
        progress(State(1, 4))
        self.begun.set()
        assert self.may_end.wait(SECONDS)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_who_asks_for_what_is_under_way_waits_for_it_and_hears_how_far_it_is() -> None:
    once, work, heard = Once(10), Work("value"), threading.Event()

    def hear(state: State) -> None:
        if state == State(1, 4):
            heard.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(once.get, "key", work, ignore)
        assert work.begun.wait(SECONDS)
        second = pool.submit(once.get, "key", work, hear)
        assert heard.wait(SECONDS)
        work.may_end.set()
        assert (first.result(SECONDS), second.result(SECONDS)) == ("value", "value")
    assert once.get("key", work, ignore) == "value"
    assert work.times == 1


def test_what_was_stopped_or_failed_is_done_by_who_waits() -> None:
    once, stopped, work = Once(10), Work(CancelledError("Stopped.")), Work("value")
    work.may_end.set()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(once.get, "key", stopped, ignore)
        assert stopped.begun.wait(SECONDS)
        second = pool.submit(once.get, "key", work, ignore)
        stopped.may_end.set()
        assert isinstance(first.exception(SECONDS), CancelledError)
        assert second.result(SECONDS) == "value"


def test_who_waits_can_be_stopped_and_the_work_goes_on() -> None:
    once, work = Once(10), Work("value")

    def stop(state: State) -> None:
        raise CancelledError("Stopped.")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(once.get, "key", work, ignore)
        assert work.begun.wait(SECONDS)
        with pytest.raises(CancelledError):
            once.get("key", work, stop)
        work.may_end.set()
        assert first.result(SECONDS) == "value"


def test_what_is_forgotten_is_computed_anew() -> None:
    once = Once(10)
    assert once.get(("kind", "photo"), lambda progress: "before", ignore) == "before"
    once.forget("photo")
    assert once.get(("kind", "photo"), lambda progress: "after", ignore) == "after"
