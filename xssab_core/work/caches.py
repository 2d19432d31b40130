"""What is kept of what was computed: bounded, and nothing computed twice at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from xssab_core.progress import Progress, State

Value = TypeVar("Value")
# So often whoever waits for another thread's work looks whether it was stopped itself.
_LOOK_SECONDS = 0.1


class LruCache(Generic[Value]):
    """Least recently used values, bounded by their summed weight; safe between threads.

    The newest value is always kept, however heavy: it is the one in hand.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value, which becomes the most recently used; None when absent."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value; the least recently used ones make room."""
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit and len(self._values) > 1:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])

    def forget(self, part: Hashable) -> None:
        """Drop the values whose key is or holds `part`, see `mentions`."""
        with self._lock:
            for key in [key for key in self._values if mentions(key, part)]:
                self._weight -= self._weigh(self._values.pop(key))

    def clear(self) -> None:
        """Drop every value."""
        with self._lock:
            self._values.clear()
            self._weight = 0


def mentions(key: Hashable, part: Hashable) -> bool:
    """Whether a key is `part`, or a tuple that holds it at any depth."""
    return key == part or (isinstance(key, tuple) and any(mentions(inner, part) for inner in key))


@dataclass(eq=False)
class _UnderWay:
    """Work that a thread does, and that others wait for."""

    state: State = field(default_factory=lambda: State(0.0))
    over: threading.Event = field(default_factory=threading.Event)


class Once:
    """Values that are computed once: who asks for one that another thread is computing waits for it. The most recently
    used are kept."""

    def __init__(self, limit: int) -> None:
        self._values: LruCache[Any] = LruCache(limit)
        self._under_way: dict[Hashable, _UnderWay] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, work: Callable[[Progress], Value], progress: Progress) -> Value:
        """The value of a key, which `work` computes where nobody has, or where the one who does is stopped or fails.

        Args:
            key: all that decides the value.
            work: gets a progress; returns the value, which is not None.
            progress: told how far the work is, whoever does it; may raise CancelledError.
        """
        while True:
            with self._lock:
                found, others = self._values.get(key), self._under_way.get(key)
                if found is not None:
                    return found  # type: ignore[no-any-return]  # what is kept under a key is of its kind
                if others is None:
                    mine = self._under_way[key] = _UnderWay()
                    break
            while not others.over.wait(_LOOK_SECONDS):
                progress(others.state)
        return self._worked_out(key, mine, work, progress)

    def _worked_out(
        self, key: Hashable, mine: _UnderWay, work: Callable[[Progress], Value], progress: Progress
    ) -> Value:
        def told(state: State) -> None:
            mine.state = state
            progress(state)

        try:
            value = work(told)
            self._values.put(key, value)
            return value
        finally:
            with self._lock:
                del self._under_way[key]
            mine.over.set()

    def forget(self, part: Hashable) -> None:
        """Drop the values whose key is or holds `part`, see `mentions`."""
        self._values.forget(part)
