"""The device that computes: which one, how its memory is managed, and who may use it now."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
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


_in_background: ContextVar[bool] = ContextVar("in_background", default=False)
# So many turns are served before one in the background that waits: it slows down, and does not stand still.
_TURNS_BEFORE_BACKGROUND = 8


@contextlib.contextmanager
def in_background() -> Iterator[None]:
    """Within, this thread gives way to others that want a device: nobody waits for its work with the page in hand."""
    token = _in_background.set(True)
    try:
        yield
    finally:
        _in_background.reset(token)


class DeviceLock:
    """A lock served in order of arrival, work in the background after the other (see `in_background`).

    Long computations take it once a batch. A plain lock would let the thread that just released it take it
    again first, so one user's slow method could starve everybody's fast ones.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._in_background: deque[threading.Lock] = deque()
        self._passed_over = 0
        self._held = False

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        with self._guard:
            turn = None
            if self._held:
                turn = threading.Lock()
                turn.acquire()
                (self._in_background if _in_background.get() else self._waiting).append(turn)
            self._held = True
        if turn is not None:
            turn.acquire()
        try:
            yield
        finally:
            with self._guard:
                self._serve_next()

    def _serve_next(self) -> None:
        background_is_due = self._passed_over >= _TURNS_BEFORE_BACKGROUND
        if self._waiting and not (self._in_background and background_is_due):
            self._passed_over = self._passed_over + 1 if self._in_background else 0
            self._waiting.popleft().release()
        elif self._in_background:
            self._passed_over = 0
            self._in_background.popleft().release()
        else:
            self._held = False

    def __call__(self) -> contextlib.AbstractContextManager[None]:
        return self._turn()


@cache
def device_lock(device: torch.device) -> DeviceLock:
    """The one lock of a device in this process."""
    return DeviceLock()


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
    if torch.get_num_threads() == 1:
        return call()
    return _workers(1).submit(copy_context().run, call).result()


def side_by_side(call: Callable[[Item], Value], items: Sequence[Item]) -> list[Value]:
    """The values of a call, in order: as many at once as this thread may use CPU threads, each on one of them.

    Two networks on a thread each need less time than two threads that share every sum and wait for each other after
    it, above all where other programs take one of them away.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [call(item) for item in items]
    return list(_workers(threads).map(call, items))


_starting = threading.Lock()


def _workers(count: int) -> ThreadPoolExecutor:
    with _starting:
        return _started(count, _in_background.get())


@cache
def _started(count: int, behind: bool) -> ThreadPoolExecutor:
    """Workers of their own for what is in the background: a page must not wait for a job to leave them."""
    threads = torch.get_num_threads()
    all_here = threading.Barrier(count)

    def begin() -> None:
        torch.get_num_threads()  # the first call in a thread sets its number; it must not come later
        torch.set_num_threads(1)
        all_here.wait()

    workers = ThreadPoolExecutor(count, f"one-thread-{count}{'-behind' * behind}")
    wait([workers.submit(begin) for _ in range(count)])
    torch.set_num_threads(threads)  # the number that new threads begin with
    return workers
