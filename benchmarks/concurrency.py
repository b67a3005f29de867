"""Several requests at once: how much more two threads rank than one, over the same Snapshot.

The kernel runs without the interpreter's lock; handing its arguments over does not, so the ratio tells how much of a
request is handing over. It cannot be read on a machine whose cores are taken by others: the load is told beside it.
Run it with ``python -m benchmarks concurrency``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.kernel import HISTORY, HOME, READERS
from benchmarks.synthetic import World, readers, world
from ranking.parameters import Parameters
from ranking.pipeline import rank, warm
from ranking.reader import Reader

HISTORIES = (HISTORY, 1000)


@dataclass(frozen=True, slots=True)
class ConcurrencyRow:
    """Pages a second by one thread and by several, at one length of history read: medians over the rounds, and the
    median of the rounds' ratios. ``cores_used``: processor seconds a second that the threads got."""

    history: int
    threads: int
    alone_per_second: float
    together_per_second: float
    ratio: float
    cores_used: float


@dataclass(frozen=True, slots=True)
class Concurrency:
    """All that was measured, on a machine of so many cores."""

    rows: tuple[ConcurrencyRow, ...]
    cores: int

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``."""
        return {f"rank_two_threads_history_{row.history}": round(row.ratio, 2) for row in self.rows}


def run(size: int = 1_000_000, *, threads: int = 2, rounds: int = 7, seconds: float = 0.5) -> Concurrency:
    """One thread, then several, in turn, ``rounds`` times, at each length of history."""
    warm()
    made = world(size, blocked=0.5)
    rows = []
    for history in HISTORIES:
        asking = readers(made, READERS, history)
        parameters = replace(made.snapshot.parameters, history=history)
        pairs = [
            (_ranked(made, asking, parameters, 1, seconds), _ranked(made, asking, parameters, threads, seconds))
            for _ in range(rounds)
        ]
        rows.append(
            ConcurrencyRow(
                history,
                threads,
                float(np.median([alone for (alone, _), _ in pairs])),
                float(np.median([together for _, (together, _) in pairs])),
                float(np.median([together / alone for (alone, _), (together, _) in pairs])),
                float(np.median([used for _, (_, used) in pairs])),
            )
        )
    return Concurrency(tuple(rows), os.cpu_count() or 1)


def _ranked(
    made: World, asking: Sequence[Reader], parameters: Parameters, threads: int, seconds: float
) -> tuple[float, float]:
    """Pages a second that so many threads made together, and processor seconds they used a second."""
    counts, start, stop = [0] * threads, threading.Barrier(threads + 1), threading.Event()

    def work(place: int) -> None:
        number, first = 0, place * len(asking) // threads
        rank(made.snapshot, asking[first], HOME, parameters)  # this thread's workspace
        start.wait()
        while not stop.is_set():
            rank(made.snapshot, asking[(first + number) % len(asking)], HOME, parameters)
            number += 1
        counts[place] = number

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began, used = time.perf_counter(), time.process_time()
    stop.wait(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    lasted = time.perf_counter() - began
    return sum(counts) / lasted, (time.process_time() - used) / lasted
