"""Pace: how far a run is, how long the rest will take, and that a user can stop it during long work too."""

from __future__ import annotations

import time
from collections import defaultdict

from xssab_core.progress import Progress, State


class Teller:
    """Passes states on, and repeats the last one during long work so that a user can stop it then too."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last: State | None = None

    def __call__(self, state: State) -> None:
        self._last = state
        self.again()

    def again(self) -> None:
        """Tell the last state once more; whoever listens may raise CancelledError."""
        if self._last:
            self._progress(self._last)


class Pace:
    """Counts finished work and estimates the time left from what each kind of it took in this run."""

    def __init__(self, progress: Progress, what: str, done: int, left: dict[str, int]) -> None:
        self._progress, self._what, self._done = progress, what, done
        self._left = dict(left)
        self._total = done + sum(left.values())
        self._spent: dict[str, float] = defaultdict(float)
        self._count: dict[str, int] = defaultdict(int)
        self._started = time.perf_counter()
        progress(State(done, self._total, what))

    def done(self, label: str, spent: float = 1.0, pieces: int = 1) -> None:
        """Pieces of work of that kind are finished; `spent` weighs them against other kinds."""
        self._done += pieces
        self._left[label] -= pieces
        self._spent[label] += spent
        self._count[label] += pieces
        self._progress(State(self._done, self._total, self._what, self._seconds_left()))

    def _seconds_left(self) -> float | None:
        spent = sum(self._spent.values())
        if not spent:
            return None
        mean = spent / sum(self._count.values())
        weight = sum(
            left * (self._spent[label] / self._count[label] if self._count[label] else mean)
            for label, left in self._left.items()
        )
        # Workers side by side and time between tasks both show in the ratio of the clock to the work done.
        return weight * (time.perf_counter() - self._started) / spent
