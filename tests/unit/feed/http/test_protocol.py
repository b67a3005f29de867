"""What is no HTTP is answered as a problem, and the connection ends; a head is bounded in bytes, fields and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from feed.http import protocol as protocols
from feed.http.protocol import HEAD_BYTES, HEAD_FIELDS, ProblemProtocol


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """What came already is read all the same."""

    resume_reading = pause_reading


async def unreached(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing reaches the application")


def answered(*sent: bytes, app: Callable[..., Awaitable[None]] = unreached) -> Wire:
    async def answering() -> Wire:
        config = Config(app, log_config=None, ws="none")
        config.load()
        protocol, wire = ProblemProtocol(config, ServerState(), {}), Wire()
        protocol.connection_made(wire)
        for part in sent:
            if not wire.closed:
                protocol.data_received(part)
        while protocol.tasks:
            await asyncio.gather(*protocol.tasks)
        protocol.connection_lost(None)
        return wire

    return asyncio.run(answering())


def refused(wire: Wire, status: int, name: str) -> None:
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"content-length: %d\r\n" % len(body) in head
    assert json.loads(body)["type"] == f"/problems/{name}"
    assert wire.closed


@pytest.mark.parametrize("sent", [b"FOO /v1/feed HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n"])
def test_what_is_no_http_is_answered_as_a_problem(sent: bytes) -> None:
    refused(answered(sent), 400, "request-unreadable")


@pytest.mark.parametrize(
    "sent",
    [
        [b"GET /?" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_BYTES + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 1000] * 40],
        [b"GET /", *[b"a" * 1000] * 40],
        [b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (HEAD_FIELDS + 1) + b"\r\n"],
    ],
    ids=["query", "header", "header in parts", "path in parts", "many"],
)
def test_a_head_that_is_beyond_bounds_is_refused_before_it_is_whole(sent: Sequence[bytes]) -> None:
    refused(answered(*sent), 431, "request-head-too-large")


async def empty(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def test_a_head_within_bounds_is_let_through_however_it_comes_and_heads_are_counted_one_by_one() -> None:
    whole = b"GET /?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    wire = answered(*(whole[at : at + 999] for at in range(0, len(whole), 999)), whole, app=empty)
    assert wire.written.count(b"HTTP/1.1 204 ") == 2


def test_an_upgrade_to_another_protocol_is_answered_as_plain_http() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
    assert answered(head, app=empty).written.startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("sent", [[], [b"GET / HTTP/1.1\r\nHost:"]])
def test_a_head_that_does_not_come_ends_its_connection(sent: Sequence[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "HEAD_SECONDS", 0.01)

    async def waited() -> None:
        config = Config(unreached, log_config=None)
        config.load()
        protocol, wire = ProblemProtocol(config, ServerState(), {}), Wire()
        ended = asyncio.Event()
        wire.close = ended.set  # type: ignore[method-assign]
        protocol.connection_made(wire)
        for part in sent:
            protocol.data_received(part)
        await asyncio.wait_for(ended.wait(), 10)

    asyncio.run(waited())


def closed(wire: Wire) -> bool:
    return wire.closed


@pytest.mark.parametrize("asks", [True, False])
def test_a_server_that_ends_answers_what_is_on_its_way_on_a_new_connection(asks: bool, monkeypatch) -> None:
    monkeypatch.setattr(protocols, "LAST_SECONDS", 5.0 if asks else 0.0)

    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ending() -> Wire:
        config = Config(hello, log_config=None, ws="none")
        config.load()
        protocol, wire = ProblemProtocol(config, ServerState(), {}), Wire()
        protocol.connection_made(wire)
        protocol.shutdown()
        assert not wire.closed
        if asks:
            protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not closed(wire):
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        return wire

    wire = asyncio.run(ending())
    assert wire.written.startswith(b"HTTP/1.1 204 ") if asks else wire.written == b""
