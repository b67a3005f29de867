"""A closed-loop HTTP/1.1 client for one local server: prebuilt requests over a few keep-alive connections.

Runs as a process of its own (``python -m benchmarks.client``), so that the server's core is not shared with it. Bounded
in count and time; refuses any address but loopback.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Run:
    """Requests to send in turn, how many in all, over how many connections."""

    port: int
    requests: list[bytes]
    count: int
    connections: int
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    sent: int = 0


class _Connection(asyncio.Protocol):
    def __init__(self, run: Run, done: asyncio.Future[None]) -> None:
        self._run = run
        self._done = done
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 : at + 30].split(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        self._run.latencies.append(time.perf_counter() - self._began)
        if not head.startswith(b"http/1.1 200"):
            self._run.failures += 1
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._run.failures += 1
            self._done.set_result(None)

    def _next(self) -> None:
        run, transport = self._run, self._transport
        assert transport is not None
        if run.sent >= run.count:
            if not self._done.done():
                self._done.set_result(None)
            transport.close()
            return
        request = run.requests[run.sent % len(run.requests)]
        run.sent += 1
        self._began = time.perf_counter()
        transport.write(request)


async def _drive(run: Run, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    finished = []
    for _ in range(run.connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: _Connection(run, done), "127.0.0.1", run.port)  # type: ignore[misc]
        finished.append(done)
    await asyncio.wait_for(asyncio.gather(*finished), seconds)
    return time.perf_counter() - began


def main() -> None:
    """Read a run as JSON from standard input; write requests a second and latencies (milliseconds) as JSON."""
    asked = json.load(sys.stdin)
    run = Run(asked["port"], [text.encode() for text in asked["requests"]], asked["count"], asked["connections"])
    took = asyncio.run(_drive(run, asked.get("seconds", 60.0)))
    run.latencies.sort()
    count = len(run.latencies)
    figures = {
        "per_second": count / took,
        "p50_ms": run.latencies[count // 2] * 1000,
        "p99_ms": run.latencies[min(count - 1, int(count * 0.99))] * 1000,
        "failures": run.failures,
        "count": count,
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
