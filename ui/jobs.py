"""Slow work beside the page: it goes on while the user does other things, tells its progress, and can be stopped."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ui.words import plain
from xssab_core.errors import CancelledError, XssabError
from xssab_core.progress import Progress, State

_KEPT = 64
_log = logging.getLogger("xssab")


@dataclass(eq=False)
class Job:
    """One piece of work. Only its own thread writes its fields, but for `stop`."""

    title: str
    state: State = field(default_factory=lambda: State(0.0))
    result: Any = None
    error: str | None = None
    done: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def progress(self, state: State) -> None:
        """Given to the work: keeps how far it is, and ends the work when the user asked for it."""
        self.state = state
        if self.stop.is_set():
            raise CancelledError("Stopped.")


class Jobs:
    """The jobs of the process by what they compute, so that nothing is computed twice at once."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Job | None:
        """The job of that key, running or done."""
        with self._lock:
            return self._jobs.get(key)

    def forget(self, key: Hashable) -> None:
        """Let the work be started again."""
        with self._lock:
            self._jobs.pop(key, None)

    def take_ended(self, key: Hashable) -> Job | None:
        """The job of that key if it has ended, once: the work may be started again."""
        with self._lock:
            job = self._jobs.get(key)
            return self._jobs.pop(key) if job is not None and job.done else None

    def start(self, key: Hashable, title: str, work: Callable[[Progress], Any]) -> Job:
        """Start work unless it is running or done already."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = Job(title)
                threading.Thread(target=_run, args=(job, work), daemon=True, name=title).start()
                for old in [k for k, other in self._jobs.items() if other.done][: max(0, len(self._jobs) - _KEPT)]:
                    del self._jobs[old]
        return job


def _run(job: Job, work: Callable[[Progress], Any]) -> None:
    try:
        job.result = work(job.progress)
    except XssabError as error:
        job.error = str(error)
    except Exception:
        _log.exception("%s failed", job.title)
        job.error = "This failed unexpectedly; the log has the details. Try again."
    finally:
        job.done = True


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The jobs of this process."""
    return Jobs()


@st.fragment(run_every=0.5)
def watch(key: Hashable, name: str) -> None:
    """Progress of a running job, counted where its work says what it counts, with a button to stop it; runs the page
    again when it ends."""
    job = jobs().get(key)
    if job is None or job.done:
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="center")
    state = job.state
    done = (
        f"{state.done:,.0f} of {state.total:,.0f} {state.what}" if state.what and state.total else f"{state.share:.0%}"
    )
    bar.progress(state.share, text=plain(f"{job.title}: {done}"))
    if button.button("Stop", key=f"stop_{name}"):
        job.stop.set()


def offer_work(
    key: Hashable, name: str, button: str, title: str, work: Callable[[Progress], Any], about: str = ""
) -> None:
    """A button that starts work, with a sentence on it; while the work runs, its progress instead."""
    if jobs().get(key) is None:
        if about:
            st.caption(about)
        if not st.button(button, key=f"start_{name}", icon=":material/play_arrow:"):
            return
        jobs().start(key, title, work)
    watch(key, name)
