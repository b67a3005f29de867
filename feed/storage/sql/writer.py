"""The writer: one thread that takes what waits, writes it in one transaction, commits, and only then answers.

Keeps law 11: a future is done after its transaction is durable. Groups grow by themselves: while one commits, the
next gathers; nobody is made to wait for company. A savepoint around each job keeps one job's failure from the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

from feed.storage.answers import failed
from feed.storage.errors import StorageError
from feed.storage.sql.queue import Cursor, Job, Lane, Work, WriteQueue

_GROUP_BYTES = {Lane.DECISIONS: 4 << 20, Lane.EVENTS: 4 << 20, Lane.SERVINGS: 2 << 20}
"""What one transaction takes of each lane, so that every lane moves on with every commit."""

_STEP_BYTES = 256 << 10
"""What is written before looking again whether a decision came in."""

_SAVEPOINT = "weir_job"


class Connection(Protocol):
    """What the writer uses of a driver's connection; every statement runs as given, in autocommit mode."""

    def cursor(self) -> Any: ...
    def close(self) -> None: ...


class Writes(Protocol):
    """Where nouns hand their writes in."""

    def submit(
        self, work: Work, argument: Any, *, lane: Lane, rows: int = 1, size: int = 256, after_all: bool = False
    ) -> Future[Any]:
        """Queue a write. The future is done once it is durable, or has the ``StorageError`` that kept it out."""
        ...

    def depth(self) -> int:
        """Writes waiting."""
        ...

    def close(self) -> None:
        """Finish what waits, then end."""
        ...


class Writer:
    """The writer thread over one connection of its own."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        fault: Callable[[Exception], StorageError],
        *,
        begin: str,
        rows: int,
        size: int = 64 << 20,
    ) -> None:
        """``begin`` opens a transaction that may write; ``fault`` says what a driver's error means.

        Raises what ``connect`` raises.
        """
        self._connect = connect
        self._fault = fault
        self._begin = begin
        self._connection: Connection | None = connect()
        self._queue = WriteQueue(rows, size)
        self._thread = threading.Thread(target=self._run, name="weir-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Work, argument: Any, *, lane: Lane, rows: int = 1, size: int = 256, after_all: bool = False
    ) -> Future[Any]:
        """Queue a write; see :class:`Writes`. A full or closed queue is told by the future, too."""
        future: Future[Any] = Future()
        try:
            self._queue.offer(Job(work, argument, lane, rows, size, after_all, future))
        except StorageError as refusal:
            return failed(refusal)
        return future

    def depth(self) -> int:
        """Jobs waiting for their transaction."""
        return self._queue.depth()

    def close(self) -> None:
        """Write what waits, then close the connection. Not to be called from a future's callback."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        while self._queue.wait():
            self._group()
        if self._connection is not None:
            self._connection.close()

    def _group(self) -> None:
        """One transaction. Whatever goes wrong, every job taken is answered and the thread lives on."""
        answers: list[tuple[Job, Any]] = []
        try:
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
            cursor.execute(self._begin)
            self._write(cursor, answers)
            cursor.execute("COMMIT")
            cursor.close()
        except Exception as cause:
            error = self._fault(cause)
            answers = [(job, error) for job, _ in answers] or [(job, error) for job in self._next(_budget())]
            self._abandon()
        for job, answer in answers:
            if isinstance(answer, StorageError):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)

    def _write(self, cursor: Cursor, answers: list[tuple[Job, Any]]) -> None:
        """Take and do jobs until nothing is due, or the group is large enough.

        ``answers`` has every job before its work begins, so that none is forgotten when the transaction is lost.
        A group with a decision takes little else: it should be durable soon.
        """
        budget = _budget()
        hurried = False
        while jobs := self._next(budget):
            if jobs[0].lane is Lane.DECISIONS and not hurried:
                hurried = True
                for lane in (Lane.EVENTS, Lane.SERVINGS):
                    budget[lane] = min(budget[lane], _STEP_BYTES) if budget[lane] == _GROUP_BYTES[lane] else 0
            first = len(answers)
            answers.extend((job, None) for job in jobs)
            answers[first:] = zip(jobs, self._results(cursor, jobs), strict=True)

    def _next(self, budget: list[int]) -> list[Job]:
        """The next jobs that nobody cancelled while they waited; a cancelled one is not written."""
        while jobs := self._queue.take(budget, _STEP_BYTES):
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if wanted:
                return wanted
        return []

    def _results(self, cursor: Cursor, jobs: Sequence[Job]) -> Sequence[Any]:
        """The results of jobs of one kind: done together, or, when that fails, one by one."""
        cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            results = jobs[0].work(cursor, [job.argument for job in jobs])
        except Exception as cause:
            try:
                cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            except Exception:
                # The database has already dropped the transaction, and with it the group: tell the first reason.
                raise cause from None
            cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            if len(jobs) > 1:
                return [result for job in jobs for result in self._results(cursor, [job])]
            return [self._fault(cause)]
        cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return results

    def _abandon(self) -> None:
        """Leave the failed transaction; a connection that cannot is replaced before the next group."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.cursor().execute("ROLLBACK")
        except Exception:
            # SQLite may have rolled back by itself; a new connection is right in either case.
            self._connection = None
            with suppress(Exception):
                connection.close()


def _budget() -> list[int]:
    return [_GROUP_BYTES[lane] for lane in Lane]
