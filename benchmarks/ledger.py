"""The ledger: durable appends through the store, against the raw driver inserting the same rows; and inclusion proofs.

Appends are group-committed batches with all that the store does to a decision: canonical leaf, salted commitments,
hashes, the tree. The peer is ``executemany`` of the finished rows into the same tables, one durable commit a batch, in
turn. Proofs are timed over a million entries, read from the store like any. Repeat: ``python -m benchmarks.ledger``.
"""

from __future__ import annotations

import gc
import random
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.ingestion import decision_of
from controls.blocks import BLOCK, block_root
from controls.decisions import Decision
from controls.ledger import SALT_BYTES, attachments, leaf, leaf_hash
from controls.merkle import verify_inclusion
from feed.storage.schema import LEDGER
from feed.storage.sql.store import SqlStore
from feed.storage.sqlite.opening import WRITER_PRAGMAS, open_sqlite

BATCH, IN_FLIGHT = 500, 2
_WARM = 200


@dataclass(frozen=True, slots=True)
class Appends:
    """Durable appends a second, the peer's, the median of their ratios, and how long a batch waited, at most and as
    the median; ``per_cpu_s`` is appends a second of processor time, which the neighbours do not take."""

    per_second: float
    raw_per_second: float
    ratio: float
    per_cpu_s: float
    median_wait_ms: float
    longest_wait_ms: float


@dataclass(frozen=True, slots=True)
class Proofs:
    """Inclusion proofs of random revisions over so many entries, and the first one after opening the store."""

    entries: int
    first_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class LedgerMeasured:
    """What was measured."""

    appends: Appends
    proofs: Proofs

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``."""
        return {
            "ledger_appends_per_s": self.appends.per_second,
            "ledger_appends_per_cpu_s": self.appends.per_cpu_s,
            "ledger_appends_over_executemany": self.appends.ratio,
            "ledger_longest_wait_ms": self.appends.longest_wait_ms,
            "inclusion_proof_1m_p50_ms": self.proofs.p50_ms,
            "inclusion_proof_1m_p99_ms": self.proofs.p99_ms,
        }


def run(
    *,
    rounds: int = 5,
    decisions: int = 20_000,
    entries: int = 1_000_000,
    proofs: int = 3000,
    folder: Path | None = None,
) -> LedgerMeasured:
    """Measure on the device of ``folder`` (default: temporary files). ``decisions`` are per round."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=folder) as name:
        place = Path(name)
        return LedgerMeasured(measure_appends(place, rounds, decisions), measure_proofs(place, entries, proofs))


def measure_appends(place: Path, rounds: int, decisions: int) -> Appends:
    """Appends in batches, and the peer, each first in its turn."""
    store = open_sqlite(place / "appends.db")
    open_sqlite(place / "raw.db").close()
    raw = _driver(place / "raw.db")
    rates: list[tuple[float, float]] = []
    processor: list[float] = []
    waits: list[float] = []
    for turn in range(rounds):
        # Ids come in the order of time, as the service makes them.
        made = [decision_of(f"{turn:03d}-{number:08d}") for number in range(decisions)]
        rows = [_rows(decision, turn * decisions + number + 1) for number, decision in enumerate(made)]
        gc.collect()
        gc.freeze()  # the prepared work is nobody's garbage
        spent, took = [0.0], {}
        for ours in (True, False) if turn % 2 else (False, True):
            took[ours] = _append(store, made, waits, spent) if ours else _insert(raw, rows)
        gc.unfreeze()
        processor.append(decisions / spent[0])
        rates.append((decisions / took[True], decisions / took[False]))
    store.close()
    raw.close()
    return Appends(
        statistics.median(ours for ours, _ in rates),
        statistics.median(theirs for _, theirs in rates),
        statistics.median(ours / theirs for ours, theirs in rates),
        statistics.median(processor),
        statistics.median(waits) * 1000,
        max(waits) * 1000,
    )


def _append(store: SqlStore, made: Sequence[Decision], waits: list[float], spent: list[float]) -> float:
    waiting: deque[Future[range]] = deque()
    began, processor = time.perf_counter(), time.process_time()
    for first in range(0, len(made), BATCH):
        waiting.append(_timed(store, made[first : first + BATCH], waits))
        if len(waiting) >= IN_FLIGHT:
            waiting.popleft().result()
    while waiting:
        waiting.popleft().result()
    spent[0] = time.process_time() - processor
    return time.perf_counter() - began


def _timed(store: SqlStore, batch: Sequence[Decision], waits: list[float]) -> Future[range]:
    handed = time.perf_counter()
    future = store.ledger.append_all(batch)
    future.add_done_callback(lambda _: waits.append(time.perf_counter() - handed))
    return future


_Rows = tuple[tuple[object, ...], list[tuple[object, ...]]]


def _rows(decision: Decision, revision: int) -> _Rows:
    contents = attachments(decision)
    salts = {name: bytes(SALT_BYTES) for name in contents}
    content = leaf(decision, salts, contents)
    row = (revision, decision.id, decision.subject.id, decision.reverses, content, leaf_hash(content))
    return row, [(revision, name, salts[name], part) for name, part in contents.items()]


def _insert(raw: sqlite3.Connection, rows: Sequence[_Rows]) -> float:
    began = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        batch = rows[first : first + BATCH]
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", [row for row, _ in batch])
        raw.executemany("INSERT INTO attachments VALUES (?, ?, ?, ?)", [part for _, parts in batch for part in parts])
        raw.execute("COMMIT")
    return time.perf_counter() - began


def measure_proofs(place: Path, entries: int, proofs: int) -> Proofs:
    """Proofs by the store over entries that the driver wrote, each verified."""
    path = place / "proofs.db"
    open_sqlite(path).close()
    _fill(path, entries)
    store, rng = open_sqlite(path, exclusive=False, verify=False), random.Random(1)
    began = time.perf_counter()
    store.log.inclusion(entries, entries)
    first = time.perf_counter() - began
    root, times = store.log.root(entries), []
    for _ in range(proofs + _WARM):
        revision = rng.randrange(entries) + 1
        began = time.perf_counter()
        made = store.log.inclusion(revision, entries)
        times.append(time.perf_counter() - began)
        if not verify_inclusion(leaf_hash(_leaf(revision)), revision - 1, entries, made, root):
            raise AssertionError(f"the proof of revision {revision} does not hold")
    store.close()
    times = sorted(times[_WARM:])
    return Proofs(entries, first * 1000, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000)


def _fill(path: Path, entries: int) -> None:
    raw = _driver(path)
    raw.execute("PRAGMA synchronous = OFF")
    step = 1000 * BLOCK
    for first in range(0, entries, step):
        revisions = range(first + 1, min(first + step, entries) + 1)
        leaves = [_leaf(revision) for revision in revisions]
        hashes = [sha256(b"\0" + content).digest() for content in leaves]
        rows = [
            (revision, f"{revision:08d}", f"item-{revision}", None, content, digest)
            for revision, content, digest in zip(revisions, leaves, hashes, strict=True)
        ]
        whole = range(0, len(hashes) - BLOCK + 1, BLOCK)
        roots = [((first + at) // BLOCK, block_root(hashes[at : at + BLOCK])) for at in whole]
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", rows)
        raw.executemany("INSERT INTO blocks VALUES (?, ?)", roots)
        raw.execute("UPDATE heads SET number = ? WHERE name = ?", (revisions[-1], LEDGER))
        raw.execute("COMMIT")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def _leaf(revision: int) -> bytes:
    """As long as a leaf is, and one of a kind: proofs read hashes only."""
    return b"%0520d" % revision


def _driver(path: Path) -> sqlite3.Connection:
    """The driver with the pragmas of the store's writer: the same journal, the same flushes."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in WRITER_PRAGMAS:
        connection.execute(pragma)
    return connection


def main() -> None:
    """Print what was measured."""
    measured = run()
    appends, proofs = measured.appends, measured.proofs
    print("appends/s  executemany/s  ratio  a CPU second  median wait ms  longest ms")
    shown = (
        f"{appends.per_second:>9,.0f}{appends.raw_per_second:>15,.0f}{appends.ratio:>7.2f}{appends.per_cpu_s:>14,.0f}"
    )
    print(f"{shown}{appends.median_wait_ms:>16.1f}{appends.longest_wait_ms:>12.1f}")
    print("  entries  first proof ms  p50 ms  p99 ms")
    print(f"{proofs.entries:>9,}{proofs.first_ms:>16.1f}{proofs.p50_ms:>8.3f}{proofs.p99_ms:>8.3f}")


if __name__ == "__main__":
    main()
