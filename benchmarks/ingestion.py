"""Durable writes through the store's one writer, against the raw driver doing the same, in turn, in the same run.

Events: the peer is ``executemany`` of the same rows into a table with the same columns and unique index, one durable
commit a batch. Decisions: the peer is one durable commit each. Run it with ``python -m benchmarks.ingestion``.
"""

from __future__ import annotations

import gc
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from feed.storage.records import EventRecord
from feed.storage.sqlite.opening import WRITER_PRAGMAS, open_sqlite
from ranking.reader import EventKind

BATCHES = (10, 100, 1000)
"""Events a batch; a thousand is the most that one POST may bring."""

_COLUMNS = ", ".join(EventRecord._fields)
RAW_TABLE = """
CREATE TABLE events (seq INTEGER PRIMARY KEY, reader TEXT NOT NULL, client_id TEXT NOT NULL, item TEXT NOT NULL,
    kind INTEGER NOT NULL, occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, dwell_ms INTEGER NOT NULL,
    request_id TEXT NOT NULL, consented INTEGER NOT NULL, UNIQUE (reader, client_id))"""
RAW_INSERT = f"INSERT OR IGNORE INTO events ({_COLUMNS}) VALUES ({', '.join('?' * len(EventRecord._fields))})"
_KINDS = [EventKind.IMPRESSION] * 85 + [EventKind.CLICK] * 9 + [EventKind.DWELL] * 3 + [EventKind.LIKE] * 3


@dataclass(frozen=True, slots=True)
class EventRow:
    """Durable events a second at one batch size with so many batches in flight; ``ratio`` is the median over rounds."""

    batch: int
    in_flight: int
    per_second: float
    raw_per_second: float
    ratio: float


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Durable appends a second by one caller with so many in flight, and how long a caller waited for one."""

    in_flight: int
    per_second: float
    single_commits_per_second: float
    ratio: float
    p99_ms: float
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What was measured."""

    events: tuple[EventRow, ...]
    ledger: tuple[LedgerRow, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``: batches of 1000, one at a time; 256 decisions in flight."""
        largest = {row.in_flight: row for row in self.events if row.batch == max(BATCHES)}
        decisions = next(row for row in self.ledger if row.in_flight == 256)
        return {
            "events_over_executemany": largest[1].ratio,
            "events_over_executemany_8_in_flight": largest[8].ratio,
            "events_durable_per_s": largest[8].per_second,
            "ledger_appends_per_s": decisions.per_second,
            "ledger_over_single_commits": decisions.ratio,
            "ledger_longest_wait_ms": decisions.longest_ms,
        }


def run(*, rounds: int = 5, events: int = 20_000, decisions: int = 10_000, folder: Path | None = None) -> Ingestion:
    """Measure on the device of ``folder`` (default: temporary files). ``events`` and ``decisions`` are per round."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=folder) as name:
        place = Path(name)
        return Ingestion(_measure_events(place, rounds, events), _measure_ledger(place, rounds, decisions))


def _measure_events(place: Path, rounds: int, events: int) -> tuple[EventRow, ...]:
    store = open_sqlite(place / "events.db")
    raw = raw_database(place / "raw.db", RAW_TABLE)
    rng = random.Random(1)
    arrivals = itertools.count()

    def through_store(in_flight: int) -> Callable[[Sequence[list[EventRecord]]], None]:
        return partial(keep_in_flight, store.events.append, in_flight=in_flight)

    def through_driver(batches: Sequence[list[EventRecord]]) -> None:
        for batch in batches:
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(RAW_INSERT, batch)
            raw.execute("COMMIT")

    found: list[EventRow] = []
    for size in BATCHES:
        count = max(1, min(events, 200 * size) // size)
        contenders = [("raw", through_driver), (1, through_store(1)), (8, through_store(8))]
        rates: dict[Any, list[float]] = {name: [] for name, _ in contenders}
        for turn in range(rounds):
            # Each goes first in its turn: what the device does to the first it does to all.
            for name, write in contenders[turn % 3 :] + contenders[: turn % 3]:
                batches = [[event_of(rng, next(arrivals)) for _ in range(size)] for _ in range(count)]
                rates[name].append(count * size / timed(write, batches))
        for in_flight in (1, 8):
            ratios = [one / other for one, other in zip(rates[in_flight], rates["raw"], strict=True)]
            ours, theirs = (statistics.median(rates[name]) for name in (in_flight, "raw"))
            found.append(EventRow(size, in_flight, ours, theirs, statistics.median(ratios)))
    store.close()
    raw.close()
    return tuple(found)


def _measure_ledger(place: Path, rounds: int, decisions: int) -> tuple[LedgerRow, ...]:
    store = open_sqlite(place / "ledger.db")
    raw = raw_database(
        place / "single.db", "CREATE TABLE ledger (revision INTEGER PRIMARY KEY, leaf BLOB, leaf_hash BLOB)"
    )

    def one_by_one(leaves: Sequence[bytes]) -> None:
        for leaf in leaves:
            raw.execute("INSERT INTO ledger (leaf, leaf_hash) VALUES (?, ?)", (leaf, leaf[:32]))

    found: list[LedgerRow] = []
    for in_flight in (16, 256):
        rates: list[tuple[float, float]] = []
        waits: list[float] = []

        def append(decision: Decision, waits: list[float] = waits) -> Future[Decision]:
            began = time.perf_counter()
            future = store.ledger.append(decision)
            future.add_done_callback(lambda _: waits.append(time.perf_counter() - began))
            return future

        for turn in range(rounds):
            made = [decision_of(f"{in_flight}-{turn}-{n}") for n in range(decisions)]
            ours = decisions / timed(partial(keep_in_flight, append, in_flight=in_flight), made)
            singles = max(1, decisions // 100)
            rates.append((ours, singles / timed(one_by_one, [b"x" * 700] * singles)))
        found.append(
            LedgerRow(
                in_flight,
                statistics.median(ours for ours, _ in rates),
                statistics.median(single for _, single in rates),
                statistics.median(ours / single for ours, single in rates),
                sorted(waits)[int(len(waits) * 0.99)] * 1000,
                max(waits) * 1000,
            )
        )
    store.close()
    raw.close()
    return tuple(found)


def keep_in_flight(submit: Callable[[Any], Future[Any]], work: Sequence[Any], *, in_flight: int) -> None:
    """One caller that hands in the next as soon as the oldest of so many is durable."""
    waiting: deque[Future[Any]] = deque()
    for each in work:
        waiting.append(submit(each))
        if len(waiting) >= in_flight:
            waiting.popleft().result()
    while waiting:
        waiting.popleft().result()


def timed(write: Callable[[Any], None], work: Sequence[Any]) -> float:
    """Seconds that it takes to write some work."""
    gc.collect()
    gc.freeze()  # the prepared work is nobody's garbage: a service would not have it lying about either
    began = time.perf_counter()
    write(work)
    seconds = time.perf_counter() - began
    gc.unfreeze()
    return seconds


def raw_database(path: Path, table: str) -> sqlite3.Connection:
    """The driver with the pragmas of the store's writer: the same journal, the same flushes."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in WRITER_PRAGMAS:
        connection.execute(pragma)
    connection.execute(table)
    return connection


def event_of(rng: random.Random, arrival: int) -> EventRecord:
    """Events arrive in the order of their time, but for a minute: five hundred a second."""
    second = 1_700_000_000 + arrival // 500 + rng.randrange(60)
    return EventRecord(
        reader=f"reader-{rng.randrange(100_000)}",
        client_id=f"{rng.getrandbits(64):016x}",
        item=f"item-{rng.randrange(1_000_000)}",
        kind=int(rng.choice(_KINDS)),
        occurred_at=second,
        received_at=second + 1,
        dwell_ms=0,
        request_id=f"{rng.getrandbits(64):016x}",
        consented=1,
    )


def decision_of(id: str) -> Decision:
    """A decision to append, with this id."""
    return Decision(
        id=id,
        type=DecisionType.SUPPRESS,
        subject=Subject(SubjectKind.ITEM, f"item-{id}"),
        actor="bench",
        role="editor",
        reason="measured, not meant",
        basis=Basis("terms", "4.2", "https://example.org/terms", "spam"),
        decided_at=1_700_000_000,
        starts_at=1_700_000_000,
        expires_at=1_700_086_400,
    )


def main() -> None:
    """Print what was measured."""
    measured = run()
    print("events a batch  in flight  durable/s  executemany/s  ratio")
    for row in measured.events:
        shown = f"{row.per_second:>11,.0f}{row.raw_per_second:>15,.0f}{row.ratio:>7.2f}"
        print(f"{row.batch:>14}{row.in_flight:>11}{shown}")
    print("     decisions  in flight  durable/s  one commit each  ratio  p99 ms  longest ms")
    for one in measured.ledger:
        shown = f"{one.per_second:>11,.0f}{one.single_commits_per_second:>17,.0f}{one.ratio:>7.0f}"
        print(f"{'':>14}{one.in_flight:>11}{shown}{one.p99_ms:>8.1f}{one.longest_ms:>12.1f}")


if __name__ == "__main__":
    main()
