"""Downloads against a real HTTP server on this machine."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from xssab_core.errors import WeightsError
from xssab_core.models import store as weight_store
from xssab_core.models.store import UrlSource, WeightsFile, fetch

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What it serves is chosen by path; it remembers the ranges asked for."""

    url: str
    ranges: list[str | None] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def file(self, path: str, sha256: str = SHA256) -> WeightsFile:
        return WeightsFile("weights.bin", sha256, (UrlSource(f"{self.url}/{path}"),))


@pytest.fixture
def server() -> Iterator[Server]:
    serving: Server

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            serving.ranges.append(self.headers.get("Range"))
            getattr(self, f"serve_{self.path.strip('/').replace('-', '_')}", self.serve_missing)()

        def serve_missing(self) -> None:
            self.send_error(404)

        def serve_whole(self) -> None:
            wanted = self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if start >= len(CONTENT):
                self.send_error(416)
                return
            self._begin(206 if wanted else 200, len(CONTENT) - start)
            self.wfile.write(CONTENT[start:])

        def serve_without_ranges(self) -> None:
            self._begin(200, len(CONTENT))
            self.wfile.write(CONTENT)

        def serve_truncated(self) -> None:
            self._begin(200, len(CONTENT))
            self.wfile.write(CONTENT[: len(CONTENT) // 2])

        def serve_other(self) -> None:
            self._begin(200, len(CONTENT))
            self.wfile.write(CONTENT[::-1])

        def serve_silent(self) -> None:
            serving.stop.wait(30)

        def serve_stalling(self) -> None:
            self._begin(200, len(CONTENT))
            self.wfile.write(CONTENT[:1000])
            self.wfile.flush()
            serving.stop.wait(30)

        def serve_dripping(self) -> None:
            self._begin(200, len(CONTENT))
            for byte in CONTENT:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if serving.stop.wait(0.05):
                    return

        def _begin(self, status: int, length: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        serving = Server(f"http://127.0.0.1:{listening.server_port}")
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield serving
        serving.stop.set()
        listening.shutdown()


def test_a_file_arrives_whole_and_is_fetched_once(server: Server, tmp_path: Path) -> None:
    told: list[tuple[float, float | None]] = []
    path = fetch(server.file("whole"), tmp_path, lambda state: told.append((state.done, state.total)))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(server.file("whole"), tmp_path) == path
    assert server.ranges == [None]


def test_a_download_that_broke_off_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="broke off after 524288"):
        fetch(server.file("truncated"), tmp_path)
    assert fetch(server.file("whole"), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=524288-"]


def test_a_server_without_ranges_sends_the_file_anew(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        fetch(server.file("truncated"), tmp_path)
    assert fetch(server.file("without-ranges"), tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.bin.part").write_bytes(CONTENT)
    assert fetch(server.file("whole"), tmp_path).read_bytes() == CONTENT


def test_a_damaged_part_is_thrown_away_so_that_the_next_try_succeeds(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.bin.part").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="gave another file"):
        fetch(server.file("whole"), tmp_path)
    assert fetch(server.file("whole"), tmp_path).read_bytes() == CONTENT


def test_another_file_than_expected_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"gave another file.*expected {SHA256[:12]}"):
        fetch(server.file("other"), tmp_path)
    assert list(tmp_path.glob("weights.bin*")) == []


def test_a_missing_file_is_named_with_the_answer_and_what_to_do(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(server.file("nothing-here"), tmp_path)
    assert "HTTP 404" in str(caught.value)
    assert f"put the file at {tmp_path / 'weights.bin'} yourself (sha256 {SHA256})" in str(caught.value)


def test_the_next_source_is_asked_when_one_fails(server: Server, tmp_path: Path) -> None:
    sources = tuple(UrlSource(f"{server.url}/{path}") for path in ("nothing-here", "other", "whole"))
    assert fetch(WeightsFile("weights.bin", SHA256, sources), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "says"), [("silent", "did not answer"), ("stalling", "broke off after 1000"), ("dripping", "is too slow")]
)
def test_a_slow_source_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.setattr(weight_store, "SOURCE_TIMEOUT", 1)
    started = time.monotonic()
    with pytest.raises(WeightsError, match=says):
        fetch(server.file(path), tmp_path)
    assert time.monotonic() - started < 8


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    weights = WeightsFile("weights.bin", SHA256, (UrlSource("http://127.0.0.1:9/weights.bin"),))
    with pytest.raises(WeightsError, match="did not answer"):
        fetch(weights, tmp_path)


def test_a_file_without_published_digest_is_fetched_as_it_is(server: Server, tmp_path: Path) -> None:
    assert fetch(server.file("other", ""), tmp_path).read_bytes() == CONTENT[::-1]
