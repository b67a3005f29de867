"""The write queue: three lanes, bounded, so that decisions overtake events and events overtake Servings.

Owns order. Within a lane jobs are taken first come, first served; a job marked ``after_all`` waits until every job
that was offered before it, in whatever lane, has been taken: what erases must come after what it erases (law 8).
Where several processes write one store, a job also says whether it must be written ``alone`` (docs/adr/0029).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Any, Protocol

from feed.storage.errors import StoreBusy, StoreClosed


class Lane(IntEnum):
    """Which writes overtake which: a lower number goes first."""

    DECISIONS = 0
    EVENTS = 1
    SERVINGS = 2


class Cursor(Protocol):
    """What jobs use of a driver's cursor (DB-API 2.0)."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def close(self) -> None: ...


Work = Callable[[Cursor, Sequence[Any]], Sequence[Any]]
"""Does the arguments of one or more jobs in the open transaction; one result each, in order.

A result that is a ``StorageError`` refuses that job alone, which then must have written nothing. An error raised
undoes the whole group; its jobs are then done again one by one, so that none suffers for another.
"""


@dataclass(slots=True, eq=False)
class Job:
    """One write: ``rows`` and ``size`` (bytes, approximately) count against the queue's bounds; it is written ``alone``
    unless it only adds what nobody else edits."""

    work: Work
    argument: Any
    lane: Lane
    rows: int
    size: int
    after_all: bool
    future: Future[Any]
    ticket: int = 0
    alone: bool = True


class WriteQueue:
    """Jobs waiting for the writer. Any thread may offer; one thread takes."""

    def __init__(self, rows: int, size: int) -> None:
        """Each lane holds at most ``rows`` rows and ``size`` bytes, so that no lane is refused for another's sake."""
        self._limit = (rows, size)
        self._lanes: tuple[deque[Job], ...] = tuple(deque() for _ in Lane)
        self._rows = [0 for _ in Lane]
        self._sizes = [0 for _ in Lane]
        self._tickets = count(1)
        self._changed = threading.Condition(threading.Lock())
        self._waiting = False
        self._passed = False
        self._closed = False

    def offer(self, job: Job) -> None:
        """Queue a job. Raises ``StoreBusy`` or ``StoreClosed``; a job larger than the bounds is taken when alone."""
        lane = job.lane
        with self._changed:
            if self._closed:
                raise StoreClosed("the store was closed; open it again")
            rows, size = self._limit
            full = self._rows[lane] + job.rows > rows or self._sizes[lane] + job.size > size
            if full and self._lanes[lane]:
                raise StoreBusy(
                    f"{self._rows[lane]} rows wait to be written ({lane.name.lower()}); try again in a moment"
                )
            job.ticket = next(self._tickets)
            self._lanes[lane].append(job)
            self._rows[lane] += job.rows
            self._sizes[lane] += job.size
            if self._waiting:
                self._changed.notify()

    def wait(self) -> bool:
        """Block until there is a job; False once the queue is closed and empty."""
        with self._changed:
            while not any(self._lanes):
                if self._closed:
                    return False
                self._waiting = True
                self._changed.wait()
                self._waiting = False
            return True

    def alone(self) -> bool:
        """Whether the next jobs are to be taken alone: the one that is due must be, or one was passed over."""
        with self._changed:
            passed, self._passed = self._passed, False
            return passed or next((jobs[0].alone for jobs in self._lanes if jobs and not self._early(jobs[0])), True)

    def take(self, budget: list[int], most: int, *, alone: bool = True) -> list[Job]:
        """The next jobs of one kind from the first lane with something due and budget (bytes, reduced) left.

        At most about ``most`` bytes, at least one job; nothing when no lane has both, or, unless the taker writes
        ``alone``, when the job that is due must be.
        """
        with self._changed:
            for lane, jobs in enumerate(self._lanes):
                if budget[lane] > 0 and jobs and not self._early(jobs[0]):
                    taken = self._take(lane, min(budget[lane], most), budget, alone)
                    self._passed = not taken
                    return taken
        return []

    def _take(self, lane: int, most: int, budget: list[int], alone: bool) -> list[Job]:
        jobs = self._lanes[lane]
        work = jobs[0].work
        taken: list[Job] = []
        size = 0
        while jobs and size < most and jobs[0].work == work and (alone or not jobs[0].alone):
            if taken and self._early(jobs[0]):
                break
            job = jobs.popleft()
            size += job.size
            self._rows[lane] -= job.rows
            taken.append(job)
        self._sizes[lane] -= size
        budget[lane] -= size
        return taken

    def _early(self, job: Job) -> bool:
        return job.after_all and any(jobs and jobs[0].ticket < job.ticket for jobs in self._lanes)

    def depth(self) -> int:
        """Jobs waiting."""
        return sum(map(len, self._lanes))

    def close(self) -> None:
        """Refuse further jobs; those waiting are still taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()
