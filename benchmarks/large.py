"""GET /v1/feed with a million items and a million readers: those in memory, those who come often, and anybody.

*Regular* readers are all in memory and have HISTORY votes, as in the smaller measurement. *Often* draws readers by
Zipf's law with exponent 1 over all of them (the first comes twice as often as the second), *anybody* draws them evenly.
IN_MEMORY of those who come most often were asked for before; of the others a page reads the store. The server is at
rest before: one that was just started counts what its store holds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
from numpy.typing import NDArray

from benchmarks.endtoend import EndToEnd, Server, drive, get, measured, page_request, served, token_of
from benchmarks.filling import REGULARS, fill
from benchmarks.server import STATES, frequent

IN_MEMORY = 100_000
"""Readers in memory when the measuring begins; the rest of WEIR_READER_STATES is room."""

_UNREAD = "weir_reader_unread_total"
_TAKEN = 250
_ATTEMPTS = 100
_REST_SECONDS = 120
_AT_REST = 0.1
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """Readers drawn in one way: the share of pages whose reader was in memory, the pages that waited for theirs in vain
    (WEIR_READER_PATIENCE), and both routes."""

    drawn: str
    in_memory: float
    unread: int
    both: EndToEnd


@dataclass(frozen=True, slots=True)
class Large:
    """What was measured. Memory in bytes: the server's own before and after the states were taken in, of files that
    processes share (the graph), and what the server says of the states."""

    items: int
    readers: int
    events: int
    filled_s: float
    rows: tuple[Row, ...]
    states: int
    state_bytes: int
    own_before: int
    own_after: int
    shared: int


def run(
    *,
    items: int = 1_000_000,
    readers: int = 1_000_000,
    visits: int = 2,
    requests: int = 2500,
    states: int = IN_MEMORY,
    rounds: int = 5,
) -> Large:
    """Fill a folder's store, serve it, take readers in, measure."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder, began = Path(name), time.perf_counter()
        events = fill(folder, items=items, readers=readers, visits=visits)
        filled = time.perf_counter() - began
        token = token_of(folder)
        with served(folder) as server:
            regulars = [page_request(frequent(place, readers), token) for place in range(min(REGULARS, readers))]
            drive(server.port, regulars, len(regulars), _CONNECTIONS)
            before = server.memory()
            _take_in(server, token, states, readers)
            _rest(server)
            after, taken = server.memory(), _metric(server, token, "weir_reader_state_bytes")
            crowd = _Crowd(readers, states, token)

            def row(drawn: str, pages: Callable[[], list[str]]) -> Row:
                crowd.asked = crowd.known = 0
                unread = _metric(server, token, _UNREAD)
                both = measured(server, token, pages, items, requests, _CONNECTIONS, rounds)
                unread = _metric(server, token, _UNREAD) - unread
                return Row(drawn, crowd.known / crowd.asked if crowd.asked else 1.0, unread, both)

            rows = (
                row("regular", lambda: regulars),
                row("often", lambda: crowd.often(requests)),
                row("anybody", lambda: crowd.anybody(requests)),
            )
    return Large(
        items, readers, events, filled, rows, states, taken, before["RssAnon"], after["RssAnon"], after["RssFile"]
    )


class _Crowd:
    """Draws readers, and knows which of them are in memory: fewer come than there is room for."""

    def __init__(self, readers: int, states: int, token: str) -> None:
        self._readers = readers
        self._token = token
        self._rng = np.random.default_rng(5)
        self._mass = np.cumsum(1 / np.arange(1, readers + 1))
        self._there = set(range(states))
        self.asked = self.known = 0

    def often(self, count: int) -> list[str]:
        """Requests of readers drawn by how often they come."""
        return self._requests(np.searchsorted(self._mass, self._rng.random(count) * self._mass[-1]))

    def anybody(self, count: int) -> list[str]:
        """Requests of readers drawn evenly."""
        return self._requests(self._rng.integers(0, self._readers, count))

    def _requests(self, places: NDArray[np.int64]) -> list[str]:
        for place in places.tolist():
            self.asked += 1
            self.known += place in self._there
            self._there.add(place)
        return [page_request(frequent(place, self._readers), self._token) for place in places.tolist()]


def _take_in(server: Server, token: str, states: int, readers: int) -> None:
    """Have the readers of the first places in memory; those who come most often come last."""
    for end in range(states, 0, -_TAKEN):
        query = f"first={max(end - _TAKEN, 0)}&end={end}&readers={readers}"
        for attempt in range(_ATTEMPTS):
            try:
                get(server.port, f"{STATES}?{query}", token, method="POST", seconds=300)
                break
            except HTTPError as refused:  # what is no page is refused first where the machine is overloaded
                if refused.code != HTTPStatus.SERVICE_UNAVAILABLE or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.1)


def _rest(server: Server) -> None:
    """Wait until a server that was just started has counted what its store holds, and does nothing by itself."""
    for _ in range(_REST_SECONDS):
        before = server.processor_seconds()
        time.sleep(1)
        if server.processor_seconds() - before < _AT_REST:
            return
    raise RuntimeError(f"the server did not come to rest within {_REST_SECONDS} s")


def _metric(server: Server, token: str, name: str) -> int:
    lines = get(server.port, "/metrics", token).decode().splitlines()
    return int(float(next(line for line in lines if line.startswith(f"{name} ")).split()[1]))
