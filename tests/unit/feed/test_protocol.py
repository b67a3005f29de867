"""What is no HTTP is answered as a problem, and the connection ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from feed.protocol import ProblemProtocol


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


@pytest.mark.parametrize("sent", [b"FOO /v1/feed HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n"])
def test_what_is_no_http_is_answered_as_a_problem(sent: bytes) -> None:
    async def answered() -> Wire:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("nothing reaches the application")

        config = Config(app, log_config=None)
        config.load()
        protocol, wire = ProblemProtocol(config, ServerState(), {}), Wire()
        protocol.connection_made(wire)
        protocol.data_received(sent)
        return wire

    wire = asyncio.run(answered())
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert b"content-length: %d\r\n" % len(body) in head
    assert json.loads(body)["type"] == "/problems/request-unreadable"
    assert wire.closed
