"""The load's client: requests leave at planned moments, whether or not earlier ones were answered (open loop).

Latency is counted from the planned moment, so that a server that stalls is charged with everybody who would have come
meanwhile. Runs as a process of its own (``python -m benchmarks.load_client``), lives as long as the load, reads one
step a line as JSON and answers with one line; talks to loopback only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from random import Random

from benchmarks.load_mix import SHED, Ask, Mix

_IDLE_SECONDS = 2.0
"""A kept connection is not used again after this: the server may be closing it at this very moment."""

PROMPT_SECONDS = 1.0
"""What comes later than this is of no use to somebody who scrolls."""

UNANSWERED = 0
"""Stands for the status of a request that was not answered in time, or whose connection broke."""


@dataclass(slots=True)
class Step:
    """What became of one step: latencies (seconds) by kind, what was shed apart; counts by kind and status, and of
    those that came within a second; and how late the client itself was (seconds): where that is much, the client was
    the bottleneck, not the server."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    prompt: Counter[tuple[str, int]] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Sent:
    ask: Ask
    planned: float


class _Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._sent: _Sent | None = None
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, sent: _Sent) -> None:
        """Send one request."""
        assert self._transport is not None
        self._sent = sent
        self._transport.write(sent.ask.wire)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Drop the connection, and what was asked on it."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._sent is None:
            return
        head = bytes(self._buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body, sent, self._sent = bytes(self._buffer[end + 4 : end + 4 + length]), self._sent, None
        self._buffer.clear()
        if b"connection: close" in head:
            self.close()
        self._driver.answered(self, sent, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        sent, self._sent = self._sent, None
        self._driver.lost(self, sent)


class Driver:
    """Sends a mix over at most so many connections; what finds none waits, and the waiting counts."""

    def __init__(self, port: int, mix: Mix, connections: int, seed: int) -> None:
        self._port = port
        self._mix = mix
        self._most = connections
        self._rng = Random(seed)
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._opening = 0
        self._waiting: deque[_Sent] = deque()
        self._outstanding = 0
        self._step = Step()
        self._changed = asyncio.Event()
        self._connecting: set[asyncio.Task[None]] = set()

    async def step(self, rate: float, seconds: float, grace: float) -> Step:
        """Offer ``rate`` requests a second, at random moments, then wait ``grace`` seconds at most for the rest."""
        self._step = step = Step()
        began = planned = time.perf_counter()
        while True:
            planned += self._rng.expovariate(rate)
            if planned > began + seconds:
                break
            now = time.perf_counter()
            if planned > now:
                await asyncio.sleep(planned - now)
            elif len(step.late) % 64 == 0:
                await asyncio.sleep(0)  # far behind: answers must still be read
            step.late.append(max(0.0, time.perf_counter() - planned))
            self._offer(_Sent(self._mix.draw(int(time.time())), planned))
        ends = began + seconds + grace
        while self._outstanding and time.perf_counter() < ends:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(ends - time.perf_counter(), 0.001))
            except TimeoutError:
                break
        self._give_up()
        return step

    def answered(self, connection: _Connection, sent: _Sent, status: int, body: bytes) -> None:
        """Count an answer; the connection takes what waits."""
        self._count(sent, status)
        self._mix.answered(sent.ask, status, body)
        connection.idle_since = time.perf_counter()
        if not connection.closed:
            self._idle.append(connection)
            self._serve()

    def lost(self, connection: _Connection, sent: _Sent | None) -> None:
        """Count what was asked on a connection that broke."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if sent is not None:
            self._count(sent, UNANSWERED)
        self._serve()

    def close(self) -> None:
        """Drop every connection."""
        for connection in list(self._open):
            connection.close()

    def _offer(self, sent: _Sent) -> None:
        self._outstanding += 1
        self._waiting.append(sent)
        self._serve()

    def _serve(self) -> None:
        """Send what waits, on idle connections first, then on new ones."""
        while self._waiting and self._idle:
            connection = self._idle.pop()
            if connection.closed or time.perf_counter() - connection.idle_since > _IDLE_SECONDS:
                connection.close()
                continue
            connection.send(self._waiting.popleft())
        while len(self._waiting) > self._opening and len(self._open) + self._opening < self._most:
            self._opening += 1
            task = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), "127.0.0.1", self._port
            )
        except OSError:
            if self._waiting:
                self._count(self._waiting.popleft(), UNANSWERED)
            return
        finally:
            self._opening -= 1
        self._open.add(connection)
        connection.idle_since = time.perf_counter()
        self._idle.append(connection)
        self._serve()

    def _count(self, sent: _Sent, status: int) -> None:
        self._outstanding -= 1
        self._step.statuses[sent.ask.kind, status] += 1
        latency = time.perf_counter() - sent.planned
        self._step.latencies["shed" if status in SHED else sent.ask.kind].append(latency)
        if latency <= PROMPT_SECONDS:
            self._step.prompt[sent.ask.kind, status] += 1
        self._changed.set()

    def _give_up(self) -> None:
        """What is not answered by now is counted as such, with the time it has waited."""
        while self._waiting:
            self._count(self._waiting.popleft(), UNANSWERED)
        if self._outstanding:
            self.close()


async def _work(asked: dict[str, object], driver: Driver) -> dict[str, object]:
    step = await driver.step(float(str(asked["rate"])), float(str(asked["seconds"])), float(str(asked["grace"])))
    await asyncio.sleep(0)  # connections that were given up count as lost now
    return {
        "latencies": {kind: [round(one, 6) for one in some] for kind, some in step.latencies.items()},
        "statuses": [[kind, status, count] for (kind, status), count in step.statuses.items()],
        "prompt": [[kind, status, count] for (kind, status), count in step.prompt.items()],
        "late": sorted(step.late)[int(len(step.late) * 0.99)] if step.late else 0.0,
    }


def main() -> None:
    """Read who to be from the first line, then one step a line; answer each with a line."""
    who = json.loads(sys.stdin.readline())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    driver = Driver(who["port"], Mix(who["tokens"], who["readers"], who["seed"]), who["connections"], who["seed"])
    for line in sys.stdin:
        print(json.dumps(loop.run_until_complete(_work(json.loads(line), driver))), flush=True)
    driver.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


if __name__ == "__main__":
    main()
