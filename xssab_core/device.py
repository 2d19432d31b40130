"""The device that computes: which one, how its memory is managed, and who may use it now."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, lru_cache
from typing import TypeVar

import torch

Item = TypeVar("Item")
Value = TypeVar("Value")


def choose_device() -> torch.device:
    """CUDA if there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


class Urgency(IntEnum):
    """Who waits for what a thread computes, the most urgent first."""

    PAGE = 0
    """Somebody with the page in hand, or nobody else."""
    ASKED = 1
    """Somebody who asked for it and does other things meanwhile."""
    UNASKED = 2
    """Whoever may want to know it soon."""


_urgency: ContextVar[Urgency] = ContextVar("urgency", default=Urgency.PAGE)
# Linux gives a thread that is 5 nicer a third of the processor beside one that is not.
_NICENESS = {Urgency.PAGE: 0, Urgency.ASKED: 5, Urgency.UNASKED: 10}
# So often others come before one that waits and is less urgent: it slows down, and does not stand still.
_TURNS_PASSED_OVER = 8


@contextlib.contextmanager
def with_urgency(urgency: Urgency) -> Iterator[None]:
    """Within, this thread gives way to more urgent ones that want a device."""
    token = _urgency.set(urgency)
    try:
        yield
    finally:
        _urgency.reset(token)


@dataclass(eq=False)
class _Turn:
    """What a thread waits for: so many of the device's places."""

    places: int
    begun: threading.Event = field(default_factory=threading.Event)


def give_way(urgency: Urgency) -> None:
    """From now on this thread gets less of the processor than more urgent ones and other programs, where the system has
    a priority for each thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        before = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(19, before + _NICENESS[urgency]))


class DeviceLock:
    """The places of a device, given in order of arrival, to the most urgent first (see `Urgency`). A CPU has as many as
    threads that compute at once, and a thread takes as many as it computes with; any other device has one.

    Long computations take them once a batch. A plain lock would let the thread that just released it take it
    again first, so one user's slow method could starve everybody's fast ones.

    Args:
        places: how many there are.
        gives_way: whether less urgent threads that have places get out of the way of more urgent ones, which then need
            not wait for them. The threads of a CPU do, by their priority (see `give_way`); and with little of the
            processor they might keep a place for long.
    """

    def __init__(self, places: int = 1, gives_way: bool = False) -> None:
        self._guard = threading.Lock()
        self._places, self._gives_way = places, gives_way
        self._taken = dict.fromkeys(Urgency, 0)
        self._waiting: dict[Urgency, deque[_Turn]] = {urgency: deque() for urgency in Urgency}
        self._passed_over = dict.fromkeys(Urgency, 0)

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Within, this thread has its places."""
        urgency, turn = _urgency.get(), _Turn(min(self._places, torch.get_num_threads()))
        with self._guard:
            self._waiting[urgency].append(turn)
            self._serve()
        turn.begun.wait()
        try:
            yield
        finally:
            with self._guard:
                self._taken[urgency] -= turn.places
                self._serve()

    def _serve(self) -> None:
        """Give places to those who come next."""
        while (served := self._next()) is not None:
            turn = self._waiting[served][0]
            for urgency in Urgency:
                self._passed_over[urgency] += urgency > served and bool(self._waiting[urgency])
            self._passed_over[served] = 0
            self._waiting[served].popleft()
            self._taken[served] += turn.places
            turn.begun.set()

    def _next(self) -> Urgency | None:
        """Whose turn it is. Nobody overtakes one for whom too few are free: else it might never get them. But who is
        held up by others of its urgency, or less, holds up nobody."""
        waiting = [urgency for urgency in Urgency if self._waiting[urgency]]
        due = [urgency for urgency in waiting if self._passed_over[urgency] >= _TURNS_PASSED_OVER]
        for urgency in dict.fromkeys((*due, *waiting)):
            needed = self._waiting[urgency][0].places
            if needed <= self._places - self._in_the_way_of(urgency):
                return urgency
            more_urgent = sum(self._taken[other] for other in Urgency if other < urgency)
            if needed <= self._places - self._in_the_way_of(urgency) + more_urgent:
                return None
        return None

    def _in_the_way_of(self, urgency: Urgency) -> int:
        """Places that are taken by those for whom this urgency waits."""
        return sum(self._taken[other] for other in Urgency if other <= urgency or not self._gives_way)


@cache
def device_lock(device: torch.device) -> DeviceLock:
    """The one lock of a device in this process."""
    is_cpu = device.type == "cpu"
    return DeviceLock(torch.get_num_threads() if is_cpu else 1, gives_way=is_cpu)


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Ask glibc to reuse freed memory instead of handing it back to the kernel after each tensor.

    Page faults on fresh memory otherwise slow each CPU forward down. One arena for all threads,
    since each would keep its own; tensors of more than 32 MiB still go back at once, so batches are kept small.
    Returns whether the allocator took the settings; other C libraries are left alone.
    """
    settings = {  # M_* constants of <malloc.h>
        "arena_max": (-8, 1),
        "mmap_threshold": (-3, 32 * 2**20),
        "trim_threshold": (-1, 512 * 2**20),
        "top_pad": (-2, 64 * 2**20),
    }
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(option, value) for option, value in settings.values())


def full_precision() -> None:
    """Have GPUs multiply in float32. PyTorch lets convolutions round to TF32 otherwise, 10 of its 23 bits, and
    scores would differ from a CPU's."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def on_one_thread(call: Callable[[], Value]) -> Value:
    """What a call returns when a single CPU thread makes its sums, whatever the number of cores.

    Sums that several threads share end in other last bits, and where a gradient is close to a kink of the network it
    jumps: a map differs by up to a percent, and with it the order of its pixels. The benchmark runs each task on one
    thread; what must equal its numbers is computed here.
    """
    threads = torch.get_num_threads()
    return call() if threads == 1 else _workers(threads).submit(copy_context().run, call).result()


def side_by_side(call: Callable[[Item], Value], items: Sequence[Item]) -> list[Value]:
    """The values of a call, in order: as many at once as this thread may use CPU threads, each on one of them.

    Two networks on a thread each need less time than two threads that share every sum and wait for each other after
    it, above all where other programs take one of them away.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [call(item) for item in items]
    workers = _workers(threads)
    running = [workers.submit(copy_context().run, call, item) for item in items]
    return [each.result() for each in running]


_starting = threading.Lock()


def _workers(count: int) -> ThreadPoolExecutor:
    with _starting:
        return _started(count, _urgency.get())


@cache
def _started(count: int, urgency: Urgency) -> ThreadPoolExecutor:
    """Workers of their own for what is less urgent: a page must not wait for a job to leave them. Twice as many as
    compute at once, for which they wait at the device: a call of several seconds holds one, and short ones go on."""
    threads = torch.get_num_threads()
    all_here = threading.Barrier(2 * count)

    def begin() -> None:
        give_way(urgency)
        torch.get_num_threads()  # the first call in a thread sets its number; it must not come later
        torch.set_num_threads(1)
        all_here.wait()

    workers = ThreadPoolExecutor(2 * count, f"one-thread-{count}-{urgency.name.lower()}")
    wait([workers.submit(begin) for _ in range(2 * count)])
    torch.set_num_threads(threads)  # the number that new threads begin with
    return workers
