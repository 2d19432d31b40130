"""Jobs: so many at a time, each session in its turn, one computation for all who ask for the same."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from ui.jobs import ENDED_KEPT, FOR_EVER, Job, Jobs
from xssab_core.device import Urgency
from xssab_core.errors import CancelledError, ExplainError
from xssab_core.progress import Progress, State

ROOT = Path(__file__).parent.parent.parent
SECONDS = 10.0


class Gate:
    """Work that goes on, telling its progress, until the test lets it end."""

    def __init__(self) -> None:
        self.started, self.may_end = threading.Event(), threading.Event()

    def __call__(self, progress: Progress) -> str:
        self.started.set()
        while not self.may_end.wait(0.005):
            progress(State(1, 4, "steps"))
        return "result"


class Counter(Gate):
    """A gate that counts how often it told of itself."""

    told = 0

    def __call__(self, progress: Progress) -> str:
        def counted(state: State) -> None:
            progress(state)
            self.told += 1

        return super().__call__(counted)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(at_once=1)


@pytest.fixture
def busy(jobs) -> Iterator[Gate]:
    """Keeps the only worker of `jobs` from everything else until the test opens it."""
    gate = Gate()
    jobs.start("busy", "nobody else", "Busy", gate)
    assert gate.started.wait(SECONDS)
    yield gate
    gate.may_end.set()


def nothing(progress: Progress) -> None:
    """Work that ends at once."""


def ended(*jobs: Job) -> bool:
    return not wait([job.outcome for job in jobs], SECONDS).not_done


def note(order: list[Any], name: Any) -> Callable[[Progress], None]:
    return lambda progress: order.append(name)


def test_no_more_jobs_than_workers_run_at_once() -> None:
    jobs, gates = Jobs(at_once=3), [Gate() for _ in range(7)]
    started = [jobs.start(number, f"session {number}", "Work", gate) for number, gate in enumerate(gates)]
    for finished in range(len(gates)):
        running = min(3, len(gates) - finished)
        for gate in gates[finished : finished + running]:
            assert gate.started.wait(SECONDS)
        time.sleep(0.02)
        assert [gate.started.is_set() for gate in gates].count(True) == finished + running
        gates[finished].may_end.set()
        assert ended(started[finished])


def test_ten_jobs_of_one_session_do_not_delay_the_first_of_another(jobs, busy) -> None:
    order: list[str] = []
    many = [jobs.start(f"a{n}", "a", "Work", note(order, f"a{n}")) for n in range(10)]
    others = [jobs.start(f"{owner}{n}", owner, "Work", note(order, f"{owner}{n}")) for owner in "bc" for n in range(2)]
    busy.may_end.set()
    assert ended(*many, *others)
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", *(f"a{n}" for n in range(2, 10))]


def test_who_was_never_served_comes_before_who_was(jobs) -> None:
    order: list[str] = []
    gate = Gate()
    jobs.start("first", "a", "Work", gate)
    assert gate.started.wait(SECONDS)
    waiting = [jobs.start(f"a{n}", "a", "Work", note(order, f"a{n}")) for n in range(2)]
    waiting.append(jobs.start("b0", "b", "Work", note(order, "b0")))
    gate.may_end.set()
    assert ended(*waiting)
    assert order == ["b0", "a0", "a1"]


def test_what_was_asked_for_does_not_wait_for_what_was_not() -> None:
    jobs, unasked, asked = Jobs(at_once=2), [Gate() for _ in range(4)], Gate()
    begun = [jobs.start(n, "a", "Work", gate, urgency=Urgency.UNASKED) for n, gate in enumerate(unasked)]
    assert all(gate.started.wait(SECONDS) for gate in unasked[:2])
    assert [jobs.place(job) for job in begun] == [None, None, 0, 1]
    jobs.start("asked", "a", "Work", asked)
    assert asked.started.wait(SECONDS)
    assert not any(gate.started.is_set() for gate in unasked[2:])
    for gate in (asked, *unasked):
        gate.may_end.set()
    assert ended(*begun)


def test_what_a_page_began_makes_room_once_the_page_was_left_and_others_wait() -> None:
    jobs, gates, after = Jobs(at_once=1), [Gate(), Gate()], Gate()
    left = jobs.start("left", "a", "Work", gates[0], FOR_EVER, Urgency.UNASKED)
    assert gates[0].started.wait(SECONDS)
    jobs.leave("a")
    jobs.start("next", "b", "Work", gates[1], FOR_EVER, Urgency.UNASKED)
    assert gates[1].started.wait(SECONDS)
    assert ended(left)
    assert left.stopped
    waiting = jobs.start("after", "c", "Work", after, FOR_EVER, Urgency.UNASKED)
    assert jobs.place(waiting) == 0
    jobs.leave("b")  # now too
    assert after.started.wait(SECONDS)
    after.may_end.set()
    assert ended(waiting)


def test_work_that_a_page_began_is_more_urgent_once_somebody_asks_for_it(jobs, busy) -> None:
    order: list[str] = []
    gate = Gate()
    jobs.start("check", "a", "Work", gate, urgency=Urgency.UNASKED)
    assert gate.started.wait(SECONDS)
    waiting = [jobs.start(n, "a", "Work", note(order, n), urgency=Urgency.UNASKED) for n in "abc"]
    jobs.start("c", "a", "Work", note(order, "c"))
    busy.may_end.set()
    assert ended(waiting[2])
    gate.may_end.set()
    assert ended(*waiting)
    assert order == ["c", "a", "b"]


def test_what_a_page_began_stands_still_until_what_was_asked_for_tells_what_there_is() -> None:
    jobs, begun, show = Jobs(at_once=1), Counter(), threading.Event()

    def asked(progress: Progress) -> None:
        show.wait(SECONDS)
        progress(State(1, 4, partial="first map"))
        show.clear()
        show.wait(SECONDS)

    def pace() -> int:
        """How often the work that a page began tells of itself within a moment."""
        time.sleep(0.2)
        before = begun.told
        time.sleep(0.2)
        return begun.told - before

    check = jobs.start("check", "a", "Check", begun, urgency=Urgency.UNASKED)
    assert pace() > 0
    first = jobs.start("asked", "b", "Asked", asked, grows=True)
    assert pace() == 0
    show.set()
    assert pace() > 0  # though what was asked for goes on
    show.set()
    assert ended(first)
    begun.may_end.set()
    assert ended(check)


def test_there_is_news_once_work_has_shown_something_or_has_ended(jobs) -> None:
    told, go_on, may_end = (threading.Event() for _ in range(3))

    def grow(progress: Progress) -> None:
        progress(State(1, 3))
        told.set()
        go_on.wait(SECONDS)
        progress(State(2, 3, partial="something"))
        may_end.wait(SECONDS)

    def fail(progress: Progress) -> None:
        raise ValueError

    job = jobs.start("grows", "a", "Work", grow, grows=True)
    assert told.wait(SECONDS)
    assert not job.has_news.is_set()
    go_on.set()
    assert job.has_news.wait(SECONDS)
    assert not job.done
    may_end.set()
    failed = jobs.start("fails", "a", "Work", fail, grows=True)
    assert failed.has_news.wait(SECONDS)
    assert failed.done


def test_what_was_asked_for_and_shows_nothing_holds_nobody_up_for_long(monkeypatch) -> None:
    monkeypatch.setattr("ui.jobs.HEAD_START_SECONDS", 0.3)
    jobs, begun, silent = Jobs(at_once=1), Counter(), threading.Event()
    jobs.start("check", "a", "Check", begun, urgency=Urgency.UNASKED)
    jobs.start("asked", "b", "Asked", lambda progress: silent.wait(SECONDS), grows=True)
    time.sleep(0.5)
    before = begun.told
    time.sleep(0.2)
    assert begun.told > before
    silent.set()
    begun.may_end.set()


def test_the_place_told_is_the_number_of_jobs_that_come_before(jobs, busy) -> None:
    order: list[Job] = []
    started = [jobs.start((owner, n), owner, "Work", nothing) for owner in "aab" for n in range(4)]
    waiting = list(dict.fromkeys(started))
    places = {job: jobs.place(job) for job in waiting}
    for job in waiting:
        job.outcome.add_done_callback(lambda _, job=job: order.append(job))
    busy.may_end.set()
    assert ended(*waiting)
    assert sorted(places.values()) == list(range(8))
    assert [places[job] for job in order] == list(range(8))
    assert {jobs.place(job) for job in waiting} == {None}


def test_a_job_that_runs_has_no_place_and_tells_its_progress(jobs, busy) -> None:
    job = jobs.get("busy", "nobody else")
    assert jobs.place(job) is None
    assert not job.done
    deadline = time.monotonic() + SECONDS
    while job.state != State(1, 4, "steps"):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_stopped_in_the_queue_it_never_begins_and_the_next_moves_up(jobs, busy) -> None:
    order: list[str] = []
    first = jobs.start("first", "a", "Work", note(order, "first"))
    second = jobs.start("second", "b", "Work", note(order, "second"))
    assert jobs.place(second) == 1
    jobs.stop("first", "a")
    assert first.done
    assert first.stopped
    assert first.error == "Stopped."
    assert jobs.place(second) == 0
    busy.may_end.set()
    assert ended(second)
    assert order == ["second"]


def test_stopped_while_it_runs_it_ends_and_says_so(jobs, busy) -> None:
    job = jobs.get("busy", "nobody else")
    jobs.stop("busy", "nobody else")
    assert ended(job)
    assert (job.stopped, job.error) == (True, "Stopped.")
    after = jobs.start("after", "a", "Work", nothing)
    assert ended(after)


def test_two_sessions_that_ask_for_the_same_share_one_job(jobs) -> None:
    calls: list[int] = []
    gate = Gate()

    def work(progress: Progress) -> str:
        calls.append(1)
        return gate(progress)

    first, second = (jobs.start("key", owner, "Work", work) for owner in "ab")
    assert first is second
    gate.may_end.set()
    assert ended(first)
    assert [jobs.get("key", owner).result for owner in "abc"] == ["result"] * 3
    assert calls == [1]


def test_a_stop_by_one_session_leaves_the_job_to_the_other(jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "a", "Work", gate)
    jobs.start("key", "b", "Work", gate)
    jobs.stop("key", "a")
    assert jobs.get("key", "a") is None
    assert jobs.get("key", "b") is job
    gate.may_end.set()
    assert ended(job)
    assert job.result == "result"


def test_it_stops_when_the_last_session_stops_it(jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "a", "Work", gate)
    jobs.start("key", "b", "Work", gate)
    for owner in "ab":
        jobs.stop("key", owner)
    assert ended(job)
    assert job.stopped


def test_what_is_being_stopped_is_not_joined_but_begun_again(jobs) -> None:
    gate = Gate()
    old = jobs.start("key", "a", "Work", gate)
    old.is_stopping = True
    new = jobs.start("key", "b", "Work", lambda progress: "new")
    assert ended(old, new)
    assert (old.stopped, new.result) == (True, "new")


def test_who_asked_for_a_job_is_told_once_how_it_ended(jobs) -> None:
    gate = Gate()

    def fail(progress: Progress) -> None:
        gate(progress)
        raise ExplainError("This pair cannot be explained. Choose another.")

    job = jobs.start("key", "a", "Work", fail)
    jobs.start("key", "b", "Work", fail)
    gate.may_end.set()
    assert ended(job)
    assert jobs.take_ended("key", "stranger") is None
    for owner in "ab":
        assert jobs.take_ended("key", owner) is job
        assert jobs.take_ended("key", owner) is None
    assert jobs.get("key", "a") is None


def test_who_comes_back_is_told_how_a_job_ended_that_went_on_alone(jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "closed page", "Work", gate, FOR_EVER)
    jobs.leave("closed page")
    gate.may_end.set()
    assert ended(job)
    assert jobs.take_ended("key", "new page") is job
    assert jobs.take_ended("key", "another page") is None


@pytest.mark.parametrize("error", [ExplainError("This pair cannot be explained."), CancelledError("Stopped here.")])
def test_an_expected_error_is_its_sentence(jobs, error) -> None:
    def fail(progress: Progress) -> None:
        raise error

    job = jobs.start("key", "a", "Work", fail)
    assert ended(job)
    assert job.error == str(error)
    assert job.stopped == isinstance(error, CancelledError)


def test_an_unexpected_error_is_a_sentence_and_logged_and_the_worker_goes_on(jobs, caplog) -> None:
    job = jobs.start("key", "a", "The division", lambda progress: 1 / 0)
    assert ended(job)
    assert job.error == "This failed unexpectedly; the log has the details. Try again."
    assert not job.stopped
    (record,) = [record for record in caplog.records if record.name == "xssab"]
    assert record.getMessage() == "The division failed"
    assert record.exc_info[0] is ZeroDivisionError
    assert ended(jobs.start("next", "a", "Work", nothing))


def test_an_error_holds_on_to_nothing_that_the_work_had(jobs) -> None:
    def fail(progress: Progress) -> None:
        raise ExplainError("No.")

    job = jobs.start("key", "a", "Work", fail)
    assert ended(job)
    assert job.outcome.exception().__traceback__ is None
    assert job.outcome.exception().__context__ is None


def test_ended_jobs_are_bounded_and_those_that_go_on_are_kept() -> None:
    kept = Jobs(at_once=2)
    gate = Gate()
    kept.start("gate", "a", "Work", gate)
    for number in range(ENDED_KEPT + 20):
        assert ended(kept.start(number, "a", "Work", nothing))
    assert kept.get("gate", "a") is not None
    present = [number for number in range(ENDED_KEPT + 20) if kept.get(number, "a") is not None]
    assert present == list(range(20 - 1, ENDED_KEPT + 20))
    gate.may_end.set()


def test_work_whose_page_was_closed_ends_by_itself(jobs) -> None:
    job = jobs.start("key", "a", "Work", Gate(), patience=0.05)
    jobs.leave("a")
    assert ended(job)
    assert job.stopped
    assert job.error == "Stopped, since the page that it was for was closed."


def test_work_in_the_queue_whose_page_was_closed_never_begins(jobs, busy) -> None:
    gate = Gate()
    job = jobs.start("key", "a", "Work", gate, patience=0.0)
    jobs.leave("a")
    time.sleep(0.01)
    busy.may_end.set()
    assert ended(job)
    assert not gate.started.is_set()


def test_a_page_that_is_loaded_again_takes_its_work_over(jobs) -> None:
    gate = Gate()
    job = jobs.start("key", "before", "Work", gate, patience=1.0)
    jobs.leave("before")
    assert jobs.get("key", "after") is job
    time.sleep(1.1)
    assert not job.done
    jobs.stop("key", "after")
    assert ended(job)


def test_lasting_work_goes_on_when_its_page_is_closed_and_is_stopped_by_who_comes_next(jobs) -> None:
    job = jobs.start("key", "a", "Work", Gate(), FOR_EVER)
    jobs.leave("a")
    time.sleep(0.05)
    assert not job.done
    assert jobs.get("key", "b") is job
    jobs.stop("key", "b")
    assert ended(job)


def test_nothing_computed_from_a_forgotten_photograph_is_kept(jobs) -> None:
    gate = Gate()
    done = jobs.start(("trust", (("photo", b"points"), ("other", b"points"))), "a", "Work", lambda progress: "maps")
    assert ended(done)
    running = jobs.start(("method", (("other", b""), (("photo", b""), "patches"))), "a", "Work", gate)
    unrelated = jobs.start(("trust", (("other", b""), ("third", b""))), "a", "Work", lambda progress: "kept")
    jobs.forget("photo", "a")
    assert ended(running, unrelated)
    assert running.stopped
    assert [jobs.get(job.key, "a") for job in (done, running, unrelated)] == [None, None, unrelated]


def test_what_another_session_computed_from_the_same_photograph_is_left_to_it(jobs) -> None:
    key, gate = ("trust", "photo"), Gate()
    job = jobs.start(key, "a", "Work", gate)
    jobs.start(key, "b", "Work", gate)
    gate.may_end.set()
    assert ended(job)
    jobs.forget("photo", "a")
    assert jobs.get(key, "b") is job


@pytest.mark.slow
def test_running_work_does_not_hold_the_process_open() -> None:
    script = """
import time
from ui.jobs import Jobs
from xssab_core.progress import State
jobs = Jobs(at_once=2)
deaf = jobs.start("deaf", "a", "Work", lambda progress: time.sleep(600))
jobs.start("heeds", "a", "Work", lambda progress: [(time.sleep(0.01), progress(State(0))) for _ in range(60_000)])
waits = jobs.start("waits", "a", "Work", lambda progress: None)
time.sleep(0.2)
print(jobs.place(deaf), jobs.place(waits))
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["None", "0"]


def test_the_end_of_the_process_waits_for_work_that_was_forgotten(jobs) -> None:
    gate = Gate()
    job = jobs.start(("map", "photo"), "a", "Work", gate)
    assert gate.started.wait(SECONDS)
    jobs.forget("photo", "a")
    jobs._close()
    assert job.done
