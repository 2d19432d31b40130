"""Slow work beside the page: it waits its turn, goes on while the user does other things, tells its progress, and can
be stopped."""

from __future__ import annotations

import atexit
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from itertools import chain, count, zip_longest
from typing import Any

import streamlit as st

from ui.words import plain
from xssab_core.device import Urgency, give_way, with_urgency
from xssab_core.errors import CancelledError, XssabError
from xssab_core.progress import Progress, State, clock
from xssab_core.work.caches import mentions

# A long benchmark must not hold up a short explanation, hence two; more would only queue for the lock of the device.
# What was asked for does not wait for what a page began by itself, hence as many again.
AT_ONCE = 2
ENDED_KEPT = 64
# What nobody waits for is ended, but not before a page that is loaded again has had the time to ask for it.
RELOAD_SECONDS = 30.0
# Of work that a page begins by itself, since the next page begins its own.
UNASKED_SECONDS = 5.0
# For what is worth its time to whoever comes next.
FOR_EVER = math.inf
EXIT_SECONDS = 5.0
# So long at most what pages began stands still, until what was asked for and tells what there is so far begins to.
HEAD_START_SECONDS = 2.0
# How often a page looks how far work is. Each look costs the browser a tenth of a second of its processor.
LOOK_SECONDS = 1.0
# So long at most the run of a page in which work was asked for waits for the first that it tells: it would be shown a
# look and another run later.
_FIRST_NEWS_SECONDS = 1.5
_GLANCE_SECONDS = 0.05
_STOPPED = "Stopped."
_SLOT, _ASKED = "_begun_", "_asked_"
_log = logging.getLogger("xssab")


@dataclass(eq=False)
class Job:
    """One piece of work.

    Attributes:
        key: what it computes.
        title: what the user is told it does.
        patience: seconds it goes on for when nobody waits for it any more.
        urgency: whether somebody asked for it, or a page began it by itself.
        grows: whether it tells now and then what there is so far; until it first does, what pages began stands still.
        let_pass: called now and then by what a page began; returns when it may go on.
        state: how far it is.
        latest: how far it was when it last told what there is so far; None before that.
        has_news: set once it has told that, or has ended.
        wanted_by: the sessions that asked for it and neither left nor were told how it ended.
        outcome: what it computed or raised.
    """

    key: Hashable
    title: str
    patience: float = RELOAD_SECONDS
    urgency: Urgency = Urgency.ASKED
    grows: bool = False
    let_pass: Callable[[], None] = lambda: None
    state: State = field(default_factory=lambda: State(0.0))
    latest: State | None = None
    has_news: threading.Event = field(default_factory=threading.Event)
    wanted_by: set[str] = field(default_factory=set)
    outcome: Future[Any] = field(default_factory=Future)
    is_stopping: bool = False
    _left_at: float = 0.0
    _begun_at: float = math.inf

    @property
    def is_in_front(self) -> bool:
        """Whether it uses its head start now."""
        waits = self.latest is None and not self.done and not self.is_stopping
        return self.grows and waits and time.monotonic() - self._begun_at < HEAD_START_SECONDS

    @property
    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.outcome.done()

    @property
    def result(self) -> Any:
        """What was computed, of a job that ended well."""
        return self.outcome.result()

    @property
    def stopped(self) -> bool:
        """Whether it ended because it was told to."""
        return self.done and isinstance(self.outcome.exception(), CancelledError)

    @property
    def error(self) -> str | None:
        """Why it failed, as a sentence; None while it has not."""
        error = self.outcome.exception() if self.done else None
        return None if error is None else str(error)

    def progress(self, state: State) -> None:
        """Given to the work: keeps how far it is, and ends it when it was stopped or nobody waits for it."""
        self.state = state
        if state.partial is not None:
            self.latest = state
            self.has_news.set()
        if self.urgency is Urgency.UNASKED:
            self.let_pass()
        if self.is_stopping:
            raise CancelledError(_STOPPED)
        if not self.wanted_by and time.monotonic() - self._left_at > self.patience:
            raise CancelledError("Stopped, since the page that it was for was closed.")

    def run(self, work: Callable[[Progress], Any]) -> None:
        """Do the work, here and now. Of an error its sentence is kept, not its trace, which holds photographs."""
        self._begun_at = time.monotonic()
        try:
            self.progress(self.state)
            self.outcome.set_result(work(self.progress))
        except XssabError as error:
            kind = CancelledError if isinstance(error, CancelledError) else XssabError
            self.outcome.set_exception(kind(str(error)))
        except Exception:
            _log.exception("%s failed", self.title)
            self.outcome.set_exception(XssabError("This failed unexpectedly; the log has the details. Try again."))
        finally:
            self.has_news.set()

    def leave(self, owner: str) -> None:
        """Called when a session no longer wants it."""
        if owner in self.wanted_by:
            self.wanted_by.remove(owner)
            self._left_at = time.monotonic()


class Jobs:
    """The jobs of the process by what they compute, so that nothing is computed twice at once. So many of each urgency
    are worked on at a time; of the others those that were asked for come next, and whose session was served least
    recently.

    The threads are daemons, not an executor's, which would hold the process open until their work has ended. At its end
    the process stops them and waits a little, since a thread inside a network would bring it down.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._jobs: dict[Hashable, Job] = {}
        self._at_once = at_once
        self._waiting: dict[Job, Callable[[Progress], Any]] = {}
        self._running: set[Job] = set()  # also those that were stopped and forgotten meanwhile
        self._served: dict[str, int] = {}
        self._turns = count(1)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        for number in range(2 * at_once):
            threading.Thread(target=self._serve, name=f"job-{number}", daemon=True).start()
        atexit.register(self._close)

    def get(self, key: Hashable, owner: str) -> Job | None:
        """The job of that key that this session wants or that has ended. One that nobody waits for, since its page
        was loaded again, becomes this session's; one that only others wait for is none of its."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.done:
                return job
            if not job.wanted_by:
                job.wanted_by.add(owner)
            return job if owner in job.wanted_by else None

    def start(
        self,
        key: Hashable,
        owner: str,
        title: str,
        work: Callable[[Progress], Any],
        patience: float = RELOAD_SECONDS,
        urgency: Urgency = Urgency.ASKED,
        grows: bool = False,
    ) -> Job:
        """Put work into the queue, or join those who wait for the same already."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.done or job.is_stopping:
                self._jobs.pop(key, None)
                job = self._jobs[key] = Job(key, title, patience, urgency, grows, self._let_pass)
                self._waiting[job] = work
                self._changed.notify()
                ended = [other.key for other in self._jobs.values() if other.done]
                for old in ended[: max(0, len(ended) - ENDED_KEPT)]:
                    del self._jobs[old]
            job.wanted_by.add(owner)
            job.urgency = min(job.urgency, urgency)
        return job

    def place(self, job: Job) -> int | None:
        """How many come before a job that waits; None when it does not."""
        with self._lock:
            return list(self._order()).index(job) if job in self._waiting else None

    def stop(self, key: Hashable, owner: str) -> None:
        """This session no longer waits; the job ends if no other does."""
        with self._lock:
            if key in self._jobs:
                self._stop(self._jobs[key], owner)

    def take_ended(self, key: Hashable, owner: str) -> Job | None:
        """The job of that key if it has ended, once for each session that waited for it, or once for whoever comes
        if none did: the work may be started again."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.done or (job.wanted_by and owner not in job.wanted_by):
                return None
            job.wanted_by.discard(owner)
            if not job.wanted_by:
                del self._jobs[key]
            return job

    def forget(self, part: Hashable, owner: str) -> None:
        """Stop for this session what has `part` in its key, and keep no result of it that no other session wants."""
        with self._lock:
            for job in [job for job in self._jobs.values() if mentions(job.key, part)]:
                self._stop(job, owner)
                if not job.wanted_by:
                    del self._jobs[job.key]

    def leave(self, owner: str) -> None:
        """This session has ended: what it alone waited for goes on for as long as its patience lasts."""
        with self._lock:
            self._served.pop(owner, None)
            for job in self._jobs.values():
                job.leave(owner)
            self._changed.notify()

    def _stop(self, job: Job, owner: str) -> None:
        job.leave(owner)
        if job.wanted_by or job.done:
            return
        job.is_stopping = True
        if self._waiting.pop(job, None) is not None:
            job.outcome.set_exception(CancelledError(_STOPPED))

    def _order(self) -> Iterator[Job]:
        """The jobs that wait, as they would be taken: those that were asked for first; of these one of each session in
        turn, then those nobody waits for."""
        owners = dict.fromkeys(chain.from_iterable(job.wanted_by for job in self._waiting))
        lanes = [
            [job for job in self._waiting if owner in job.wanted_by]
            for owner in sorted(owners, key=lambda owner: self._served.get(owner, 0))
        ]
        rounds = chain.from_iterable(zip_longest(*lanes))
        in_turn = dict.fromkeys(job for job in chain(rounds, self._waiting) if job is not None)
        return iter(sorted(in_turn, key=lambda job: job.urgency))

    def _next(self) -> Job | None:
        """The first that waits and for whose urgency there is room."""
        return next((job for job in self._order() if self._has_room(job.urgency)), None)

    def _has_room(self, urgency: Urgency) -> bool:
        """What a page began and nobody waits for makes room: it only went on for whoever might come back."""
        alike = [job for job in self._running if job.urgency is urgency and not job.is_stopping]
        if len(alike) >= self._at_once and urgency is Urgency.UNASKED:
            for job in alike:
                job.is_stopping = not job.wanted_by
        return sum(not job.is_stopping for job in alike) < self._at_once

    def _take(self) -> tuple[Job, Callable[[Progress], Any]]:
        with self._changed:
            while (job := self._next()) is None:
                self._changed.wait()
            self._served |= dict.fromkeys(job.wanted_by, next(self._turns))
            self._running.add(job)
            return job, self._waiting.pop(job)

    def _let_pass(self) -> None:
        while self._has_one_in_front():
            time.sleep(_GLANCE_SECONDS)

    def _has_one_in_front(self) -> bool:
        with self._lock:
            return any(job.is_in_front for job in self._running)

    def _close(self) -> None:
        with self._lock:
            self._waiting.clear()
            running = list(self._running)
        for job in running:
            job.is_stopping = True
        wait([job.outcome for job in running], EXIT_SECONDS)

    def _serve(self) -> None:
        give_way(Urgency.ASKED)
        while True:
            job, work = self._take()
            with with_urgency(job.urgency):
                job.run(work)
            with self._changed:
                self._running.discard(job)
                self._changed.notify()
            del job, work  # the work holds photographs


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The jobs of this process."""
    return Jobs()


@st.cache_resource(scope="session", on_release=lambda owner: jobs().leave(owner), show_spinner=False)
def session() -> str:
    """Who asks: this connection of a browser. It ends with the page."""
    return secrets.token_hex(8)


def watch(key: Hashable, name: str, after: Hashable | None = None) -> None:
    """Progress of a job that has not ended, counted where its work says what it counts, or its place in the queue,
    with a button to stop it; runs the page again when it ends. It is not looked at while the page looks at the job
    `after`, at whose end the page is run again and shows what both have found."""
    (_watched if after is None else _told)(key, name)


def _tell(key: Hashable, name: str) -> None:
    job = jobs().get(key, session())
    if job is None or job.done:
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.state.share, text=f"{plain(job.title)}: {_standing(job)}")
    if button.button("Stop", key=f"stop_{name}"):
        jobs().stop(key, session())


_told, _watched = st.fragment(_tell), st.fragment(_tell, run_every=LOOK_SECONDS)


def _standing(job: Job) -> str:
    place, state = jobs().place(job), job.state
    if place is not None:
        return f"waiting, {place or 'none'} before it"
    left = "" if state.seconds_left is None else f", about {clock(state.seconds_left)} left"
    if state.what and state.total:
        return f"{state.done:,.0f} of {state.total:,.0f} {state.what}{left}"
    return f"{state.share:.0%}{left}"


def so_far(key: Hashable | None) -> State | None:
    """The state of a job when it last told what there is so far."""
    job = None if key is None else jobs().get(key, session())
    return None if job is None else job.latest


def begin_work(slot: str, key: Hashable, title: str, work: Callable[[Progress], Any]) -> None:
    """Start work when the user comes to what it is about; what was begun in the same slot is waited for no more."""
    name = _SLOT + slot
    before = st.session_state.get(name)
    if key == before:
        return
    st.session_state[name] = key
    jobs().stop(before, session())
    job = jobs().get(key, session())
    if job is None or job.error or job.is_stopping:
        jobs().start(key, session(), title, work, UNASKED_SECONDS, Urgency.UNASKED)


def begin_anew(slot: str) -> None:
    """Let the work of a slot start once more."""
    del st.session_state[_SLOT + slot]
    st.rerun()


@dataclass(frozen=True)
class Offer:
    """Work that a button of the page starts.

    Attributes:
        key: what it computes.
        name: of its button.
        title: what the user is told it does.
        work: does it.
        patience, grows: see `Job`.
    """

    key: Hashable
    name: str
    title: str
    work: Callable[[Progress], Any]
    patience: float = RELOAD_SECONDS
    grows: bool = False

    @property
    def button(self) -> str:
        """The key of its button."""
        return f"start_{self.name}"


def offer_work(offer: Offer, button: str, about: str = "", after: Hashable | None = None) -> None:
    """A button that starts work, with a sentence on it; while the work waits or runs, its progress instead, see
    `watch`."""
    is_asked = start_if_asked(offer)
    job = jobs().get(offer.key, session())
    if job is not None and (is_asked or not job.done):
        watch(offer.key, offer.name, after)
        return
    if about:
        st.caption(about)
    st.button(button, key=offer.button, icon=":material/play_arrow:")
    st.session_state.pop(_ASKED + offer.name, None)


def start_if_asked(offer: Offer) -> bool:
    """Start work whose button was pressed; whether it was. Who draws something of the work above the button calls it
    before, so that the page need not run twice."""
    is_asked = bool(st.session_state.get(offer.button))
    if is_asked and _ASKED + offer.name not in st.session_state:
        st.session_state[_ASKED + offer.name] = True  # until the button is drawn again
        job = jobs().start(offer.key, session(), offer.title, offer.work, offer.patience, grows=offer.grows)
        if offer.grows:
            job.has_news.wait(_FIRST_NEWS_SECONDS)
    return is_asked


def result_or_offer(offer: Offer, button: str, about: str = "", after: Hashable | None = None) -> Any:
    """What work beside the page found. None while it has found nothing: then how it failed, if it did, and
    `offer_work`."""
    job = jobs().get(offer.key, session())
    if job is not None and job.done and not job.error:
        return job.result
    ended = jobs().take_ended(offer.key, session())
    if ended is not None and ended.error:
        st.info(plain(ended.error), icon=":material/info:")
    offer_work(offer, button, about, after)
    return None
