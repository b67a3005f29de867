"""An address of which no worker answers: whoever comes is refused, whatever they send, and nobody is waited for."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import orjson
import pytest

from feed.processes.vacancy import Vacancy
from tests.journeys.http_service import until


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_with_nobody_there_nobody_is_refused_and_nothing_blocks(listener):
    Vacancy(listener).refuse()


def test_whoever_waits_is_told_to_come_again_and_then_left(listener):
    vacancy = Vacancy(listener)
    port = listener.getsockname()[1]
    callers = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(3)]
    for caller, body in zip(callers, (b"", b"x", bytes(50_000)), strict=True):
        caller.request("POST", "/v1/events", body)
    vacancy.refuse()
    for caller in callers:
        answer = caller.getresponse()
        told = orjson.loads(answer.read())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (told["type"], told["status"]) == ("/problems/controls-stale", 503)
        assert answer.will_close
        caller.close()
    vacancy.leave()


def test_a_caller_who_says_nothing_is_left_in_the_next_turn(listener):
    vacancy = Vacancy(listener)
    with socket.create_connection(listener.getsockname(), timeout=10) as silent:
        vacancy.refuse()
        assert silent.recv(12) == b"HTTP/1.1 503"
        while silent.recv(4096):
            pass
        vacancy.refuse()

        def gone() -> bool:
            try:
                silent.sendall(b"x")
            except OSError:
                return True
            return False

        until(gone)


def test_what_is_listened_on_again_is_not_taken_from_a_worker(listener):
    vacancy = Vacancy(listener)
    vacancy.refuse()
    with socket.create_connection(listener.getsockname(), timeout=10):
        caller, _ = listener.accept()
        caller.close()
