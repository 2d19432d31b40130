"""Slow work as a page offers it: a button, then its place or its progress with a Stop, then how it ended."""

import threading
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from ui.jobs import AT_ONCE, jobs
from xssab_core.progress import Progress, State

SECONDS = 30
BUSY = [f"busy {number}" for number in range(AT_ONCE)]


class Work:
    """Work that tells one step and then waits for the test."""

    def __init__(self) -> None:
        self.told, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, progress: Progress) -> str:
        try:
            while not self.may_end.wait(0.01):
                progress(State(3, 8, "passes"))
                self.told.set()
            return "result"
        finally:
            self.ended.set()


WORKS: dict[str, Work] = {}


@pytest.fixture
def work() -> Iterator[dict[str, Work]]:
    """Work by name, where the script of a page finds it; all of it ends with the test."""
    WORKS.update({name: Work() for name in ("one", "two", *BUSY)})
    yield WORKS
    for each in WORKS.values():
        each.may_end.set()


def page() -> None:
    import streamlit as st

    from tests.ui.test_offered_work import WORKS
    from ui.jobs import Offer, jobs, offer_work, session

    st.session_state.runs = st.session_state.get("runs", 0) + 1
    for name in ("one", "two"):
        ended = jobs().take_ended(("offered", name), session())
        if ended is not None:
            st.info(ended.error or f"Ended with {ended.result}")
        offer_work(Offer(("offered", name), name, name, WORKS[name]), f"Start {name}", f"{name} takes a while.")


def begun() -> None:
    import streamlit as st

    from tests.ui.test_offered_work import WORKS
    from ui.jobs import begin_work, jobs, session

    name = st.session_state.get("case", "one")
    begin_work("slot", ("case", name), name, WORKS[name])
    job = jobs().get(("case", name), session())
    st.caption("nothing" if job is None else "ended" if job.done else "goes on")


def opened(script: Callable[[], None]) -> AppTest:
    return AppTest.from_function(script, default_timeout=SECONDS).run()


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def bars(app: AppTest) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


def test_work_starts_by_its_button_tells_what_it_counts_and_is_stopped(work) -> None:
    app = opened(page)
    assert [caption.value for caption in app.caption] == ["one takes a while.", "two takes a while."]
    app.button[0].click().run()
    assert buttons(app) == ["Stop", "Start two"]
    assert app.session_state.runs == 2  # the page runs once for a click
    assert work["one"].told.wait(SECONDS)
    app.run()
    assert bars(app) == ["one: 3 of 8 passes"]
    assert buttons(app) == ["Stop", "Start two"]
    app.button[0].click().run()
    assert work["one"].ended.wait(SECONDS)
    app.run()
    assert [info.value for info in app.info] == ["Stopped."]
    app.run()
    assert not app.info
    assert buttons(app) == ["Start one", "Start two"]


def test_a_page_joins_work_of_another_session_by_the_button_and_leaves_it_without_stopping_it(work) -> None:
    other = jobs().start(("offered", "one"), "another session", "one", work["one"])
    assert work["one"].told.wait(SECONDS)
    app = opened(page)
    assert buttons(app) == ["Start one", "Start two"]
    app.button[0].click().run()
    assert bars(app) == ["one: 3 of 8 passes"]
    app.button[0].click().run()
    app.run()
    assert buttons(app) == ["Start one", "Start two"]
    assert not other.done
    work["one"].may_end.set()
    assert other.outcome.result(SECONDS) == "result"
    assert jobs().take_ended(("offered", "one"), "another session") is other


def test_work_that_waits_tells_how_many_come_before_it(work) -> None:
    busy = [work[name] for name in BUSY]
    for number, each in enumerate(busy):
        jobs().start(("busy", number), "another session", "Busy", each)
        assert each.told.wait(SECONDS)
    app = opened(page)
    app.button[0].click().run()
    app.button[1].click().run()
    assert bars(app) == ["one: waiting, none before it", "two: waiting, 1 before it"]
    app.button[0].click().run()
    app.run()
    assert bars(app) == ["two: waiting, none before it"]
    app.button[1].click().run()


def test_work_begun_for_one_case_is_waited_for_no_more_when_the_user_goes_to_another(work) -> None:
    app = opened(begun)
    assert work["one"].told.wait(SECONDS)
    assert [caption.value for caption in app.caption] == ["goes on"]
    app.session_state["case"] = "two"
    app.run()
    assert work["one"].ended.wait(SECONDS)
    assert not work["one"].may_end.is_set()
    assert work["two"].told.wait(SECONDS)
    assert [caption.value for caption in app.caption] == ["goes on"]


failed: list[str] = []


def failing() -> None:
    import streamlit as st

    from tests.ui.test_offered_work import failed
    from ui.jobs import Offer, jobs, offer_work, session, start_if_asked
    from xssab_core.errors import DataError

    def work(progress) -> None:
        failed.append("once more")
        raise DataError("It cannot be done.")

    offer = Offer("failing", "failing", "Work", work)
    start_if_asked(offer)
    job = jobs().get("failing", session())
    if job is not None:
        job.outcome.exception(30)  # it ends while the page is still drawn
    ended = jobs().take_ended("failing", session())
    if ended is not None:
        st.info(ended.error)
    offer_work(offer, "Start")


def test_work_that_fails_before_its_button_is_reached_is_done_once_and_says_why() -> None:
    app = opened(failing)
    for times in (1, 2):
        app.button[0].click().run()
        assert [info.value for info in app.info] == ["It cannot be done."]
        assert failed == ["once more"] * times
        assert buttons(app) == ["Start"]
