"""Durable events through a PostgreSQL store, against raw COPY of the same rows into a table of the same shape.

The peer is one COPY and one durable commit a batch, in turn, in the same run, on a server that is started for it with
``fsync`` on. Run it with ``python -m benchmarks.postgresql``.
"""

from __future__ import annotations

import itertools
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.ingestion import BATCHES, event_of, keep_in_flight, timed
from benchmarks.markdown import Scale, Section, table
from feed.demo.postgres_server import binaries, fresh_database, running_server
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.records import EventRecord
from feed.storage.sql.store import SqlStore

_COLUMNS = ", ".join(EventRecord._fields)
IN_FLIGHT = (1, 8)


@dataclass(frozen=True, slots=True)
class CopyRow:
    """Durable events a second at one batch size with so many batches in flight; ``ratio`` is the median over rounds."""

    batch: int
    in_flight: int
    per_second: float
    copy_per_second: float
    ratio: float


def run(*, rounds: int = 5, events: int = 10_000, folder: Path | None = None) -> list[CopyRow]:
    """Measure on the device of ``folder`` (default: temporary files); ``events`` a round and contender at most. Empty
    where PostgreSQL is not installed."""
    if binaries() is None:
        return []
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=folder) as name, running_server(Path(name)) as server:
        url = fresh_database(server, "bench")
        store = open_postgresql(url, shared=True)
        with psycopg.connect(url, autocommit=True) as raw:
            raw.execute("CREATE TABLE raw (LIKE events_0 INCLUDING ALL)")
            found = _measured(store, raw, rounds, events)
        store.close()
    return found


def _measured(store: SqlStore, raw: psycopg.Connection[Any], rounds: int, events: int) -> list[CopyRow]:
    rng = random.Random(1)
    arrivals = itertools.count()

    def through_copy(batches: Sequence[list[EventRecord]]) -> None:
        cursor = raw.cursor()
        for batch in batches:
            cursor.execute("BEGIN")
            with cursor.copy(f"COPY raw ({_COLUMNS}) FROM STDIN".encode()) as copy:
                for row in batch:
                    copy.write_row(row)
            cursor.execute("COMMIT")

    contenders: list[tuple[int, Callable[[Sequence[list[EventRecord]]], None]]] = [(0, through_copy)]
    contenders += [(many, partial(keep_in_flight, store.events.append, in_flight=many)) for many in IN_FLIGHT]
    found: list[CopyRow] = []
    for size in BATCHES:
        count = max(1, min(events, 50 * size) // size)
        rates: dict[int, list[float]] = {name: [] for name, _ in contenders}
        for turn in range(rounds):
            # Each goes first in its turn: what the device does to the first it does to all.
            for name, write in contenders[turn % 3 :] + contenders[: turn % 3]:
                batches = [[event_of(rng, next(arrivals)) for _ in range(size)] for _ in range(count)]
                rates[name].append(count * size / timed(write, batches))
        for many in IN_FLIGHT:
            ratio = statistics.median(ours / copy for ours, copy in zip(rates[many], rates[0], strict=True))
            found.append(CopyRow(size, many, statistics.median(rates[many]), statistics.median(rates[0]), ratio))
    return found


def postgresql_section(scale: Scale) -> Section:
    """Durable events against COPY."""
    made = run(rounds=2, events=2000) if scale.quick else run()
    text = (
        "## Durable events (PostgreSQL)\n\n"
        "Events that may be there already, through the writer of a store that several processes share; the peer is\n"
        "COPY of the same rows into a table with the same indexes, which could not leave duplicates out. One durable\n"
        "commit a batch, or for what is in flight together. Repeat: `python -m benchmarks postgresql`.\n\n"
    )
    if not made:
        return Section(text + "Not measured: PostgreSQL is not installed here.\n")
    cells = [
        (row.batch, row.in_flight, f"{row.per_second:,.0f}", f"{row.copy_per_second:,.0f}", f"**{row.ratio:.2f}**")
        for row in made
    ]
    figures = {
        f"postgresql_events_{row.batch}_in_flight_{row.in_flight}_over_copy": round(row.ratio, 2) for row in made
    }
    return Section(text + table(("events a batch", "in flight", "durable/s", "COPY/s", "ratio"), cells), figures)


if __name__ == "__main__":
    print(postgresql_section(Scale()).text)
