"""Progress: what slow work tells of itself while it goes on, and the line on a terminal that shows it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class State:
    """How far a piece of work is.

    Attributes:
        done, total: in units of `what`; `total` is None while unknown.
        what: what is counted or done, as a phrase: "images", "pairs x methods", "Fetching FILE from SOURCE".
        seconds_left: estimate, None while unknown.
        partial: what the work done so far amounts to, in the form of its result, told now and then; else None.
    """

    done: float
    total: float | None = 1.0
    what: str = ""
    seconds_left: float | None = None
    partial: Any = None

    @property
    def share(self) -> float:
        """0..1; 0 while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def is_last(self) -> bool:
        """Whether everything is done."""
        return self.total is not None and self.done >= self.total


Progress = Callable[[State], None]
"""Told of each finished piece of work. It may raise CancelledError to stop the work; what is finished is kept."""


Pulse = Callable[[], None]
"""Called now and then during long work. It may raise CancelledError."""


def ignore(state: State) -> None:
    """For work nobody watches."""


def part(progress: Progress, start: float, width: float) -> Progress:
    """Progress of a step that begins at the share `start` of the whole and takes the share `width` of it.

    The first thing told is the start itself.
    """
    progress(State(start))
    return lambda state: progress(replace(state, done=start + width * state.share, total=1.0, what=""))


def parts_at_once(progress: Progress, start: float, *widths: float) -> list[Progress]:
    """Progress of steps that are taken at once, each on a thread of its own: of the whole they begin at the share
    `start`, and each takes the share that is its width.

    The first thing told is the start itself.
    """
    shares, lock = [0.0] * len(widths), threading.Lock()

    def of(number: int) -> Progress:
        def tell(state: State) -> None:
            with lock:
                shares[number] = widths[number] * state.share
                whole = start + sum(shares)
            progress(replace(state, done=whole, total=1.0, what=""))

        return tell

    progress(State(start))
    return [of(number) for number in range(len(widths))]


class Line:
    """One line on stderr that keeps up with a piece of work: on a terminal rewritten, in a log now and then.

    Args:
        unit: "MiB" shows bytes as such; anything else counts as it is.
        every: seconds between two lines in a log; the last one always comes.
    """

    def __init__(self, unit: str = "", every: float = 30.0) -> None:
        self._unit, self._every = unit, every
        self._told = -every
        self._what = ""

    def __call__(self, state: State) -> None:
        now, is_terminal = time.monotonic(), sys.stderr.isatty()
        is_news = state.what != self._what or state.is_last
        if not is_news and now - self._told < (0.2 if is_terminal else self._every):
            return
        self._told, self._what = now, state.what
        text = self._text(state)
        rewritten = is_terminal and not state.is_last
        print(f"{text:78}" if is_terminal else text, end="\r" if rewritten else "\n", file=sys.stderr, flush=True)

    def _text(self, state: State) -> str:
        if state.total == 1.0:
            amount = f"{state.share:.0%}"
        elif self._unit == "MiB":
            amount = f"{state.done / 2**20:.1f} MiB" + (f" of {state.total / 2**20:.1f}" if state.total else "")
        else:
            amount = f"{state.done:,.0f}" + (f" of {state.total:,.0f}" if state.total else "")
        left = "" if state.seconds_left is None or state.is_last else f", about {clock(state.seconds_left)} left"
        return f"{state.what}: {amount}{left}" if state.what else f"{amount}{left}"


def roughly(seconds: float) -> str:
    """An estimate in words, such as "about 3 s", "about 25 s", "about 4 min"."""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s"
    return f"about {5 * round(seconds / 5)} s" if seconds < 90 else f"about {round(seconds / 60)} min"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, such as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
