"""Uploads: found again by the browser that made them, by nobody else, for a while, within a bound."""

import os
import time

import pytest
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from ui.state import Uploads, browser_of


def test_the_browser_that_uploaded_a_file_finds_it_by_its_ticket() -> None:
    uploads = Uploads()
    ticket = uploads.put("browser", "face.jpg", b"bytes")
    found = uploads.get("browser", ticket)
    assert found is not None
    assert (found.name, found.data) == ("face.jpg", b"bytes")


def test_another_browser_gets_nothing_even_with_the_ticket_and_takes_nothing_away() -> None:
    uploads = Uploads()
    ticket = uploads.put("browser", "face.jpg", b"bytes")
    assert uploads.get("another", ticket) is None
    assert uploads.take("another", ticket) is None
    assert uploads.get("", ticket) is None
    assert uploads.get("browser", ticket) is not None


def test_tickets_differ_for_equal_files_and_cannot_be_guessed() -> None:
    uploads = Uploads()
    tickets = {uploads.put("browser", "face.jpg", b"bytes") for _ in range(100)}
    assert len(tickets) == 100
    assert all(len(ticket) >= 16 for ticket in tickets)


def test_a_taken_file_is_gone() -> None:
    uploads = Uploads()
    ticket = uploads.put("browser", "face.jpg", b"bytes")
    assert uploads.take("browser", ticket).data == b"bytes"
    assert uploads.take("browser", ticket) is None
    assert uploads.get("browser", ticket) is None


def test_a_file_is_forgotten_after_its_time() -> None:
    uploads = Uploads(seconds=0.05)
    ticket = uploads.put("browser", "face.jpg", b"bytes")
    time.sleep(0.06)
    assert uploads.get("browser", ticket) is None


def test_an_upload_makes_room_of_those_whose_time_is_over_before_others() -> None:
    uploads = Uploads(seconds=0.05)
    uploads.put("browser", "old.jpg", b"bytes")
    time.sleep(0.06)
    uploads.put("browser", "new.jpg", b"bytes")
    assert [file.name for file in uploads._files.values()] == ["new.jpg"]


def test_the_bytes_kept_are_bounded_and_the_oldest_make_room() -> None:
    uploads = Uploads(limit=100)
    tickets = [uploads.put("browser", f"{n}.jpg", bytes(40)) for n in range(4)]
    assert [uploads.get("browser", ticket) is not None for ticket in tickets] == [False, False, True, True]
    large = uploads.put("browser", "large.jpg", bytes(500))
    assert uploads.get("browser", large) is not None
    assert uploads.get("browser", tickets[-1]) is None


def test_a_browser_is_known_by_its_cookie_however_that_is_masked() -> None:
    token, other = os.urandom(16), os.urandom(16)
    cookies = {generate_xsrf_token_string(token, timestamp) for timestamp in range(20)}
    assert len(cookies) == 20
    assert len({browser_of(cookie) for cookie in cookies}) == 1
    assert browser_of(generate_xsrf_token_string(other)) not in {browser_of(cookie) for cookie in cookies}
    assert token.hex() not in str(browser_of(cookies.pop()))


@pytest.mark.parametrize("cookie", ["", "2|||1", "2|ab|cd|1", "2|zz|zz|1", "1|2|3", "2|é|é|1", "|||"])
def test_a_cookie_that_is_no_secret_makes_nobody_the_owner_of_anything(cookie) -> None:
    assert browser_of(cookie) is None
