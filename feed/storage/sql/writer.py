"""The writer: one thread that takes what waits, writes it in one transaction, commits, and only then answers.

Keeps law 11: a future is done after its transaction is durable. Groups grow by themselves: while one commits, the
next gathers; nobody is made to wait for company. Jobs of one kind are done together; when anything fails, the group is
rolled back and each job done again under a savepoint of its own, so that one job's failure stays its own.

Where several processes write one store, each transaction first takes *the pen*, a lock of the database: alone, or
beside others that also only add what nobody edits (docs/adr/0029). A transaction never goes from the one to the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
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

_GROUP_BYTES_BESIDE = {Lane.DECISIONS: 4 << 20, Lane.EVENTS: 128 << 10, Lane.SERVINGS: 128 << 10}
"""The same where other processes wait for the pen."""

_SAVEPOINT = "weir_job"


class Connection(Protocol):
    """What the writer uses of a driver's connection; every statement runs as given, in autocommit mode."""

    def cursor(self) -> Any: ...
    def close(self) -> None: ...


Settled = Callable[[], bool]
"""Asks whether a transaction was committed whose connection broke while it was."""


class Writes(Protocol):
    """Where nouns hand their writes in."""

    @property
    def shared(self) -> bool:
        """Whether other processes write this store, too."""
        ...

    def submit(
        self,
        work: Work,
        argument: Any,
        *,
        lane: Lane,
        rows: int = 1,
        size: int = 256,
        after_all: bool = False,
        alone: bool = True,
    ) -> Future[Any]:
        """Queue a write. The future is done once it is durable, or has the ``StorageError`` that kept it out.

        ``alone``: no other process writes at the same time; what is not, only adds rows that nobody edits. Callbacks
        of the future run on the writer's thread: they are to be short, and not to wait for another write.
        """
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
        begin_beside: str = "",
        witness: Callable[[], tuple[str, Settled]] | None = None,
    ) -> None:
        """``begin`` opens a transaction that may write; ``fault`` says what a driver's error means. With
        ``begin_beside``, which opens one that shares the pen, other processes write the store, too. ``witness`` gives
        what a transaction says once begun, and how to ask later whether it was committed.

        Raises what ``connect`` raises.
        """
        self._connect = connect
        self._fault = fault
        self._begins = (begin_beside, begin)
        self._witness = witness
        self.shared = bool(begin_beside)
        self._group_bytes = _GROUP_BYTES_BESIDE if begin_beside else _GROUP_BYTES
        self._connection: Connection | None = connect()
        self._queue = WriteQueue(rows, size)
        self._thread = threading.Thread(target=self._run, name="weir-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Work,
        argument: Any,
        *,
        lane: Lane,
        rows: int = 1,
        size: int = 256,
        after_all: bool = False,
        alone: bool = True,
    ) -> Future[Any]:
        """Queue a write; see :class:`Writes`. A full or closed queue is told by the future, too."""
        future: Future[Any] = Future()
        job = Job(work, argument, lane, rows, size, after_all, future, alone=alone or not self.shared)
        try:
            self._queue.offer(job)
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
        jobs: list[Job] = []
        alone = self._queue.alone() if self.shared else True
        try:
            cursor, settled = self._begun(alone)
            try:
                results = self._together(cursor, jobs, alone)
            except Exception:
                # The database may have left the transaction by itself; then there is nothing to roll back.
                with suppress(Exception):
                    cursor.execute("ROLLBACK")
                settled = self._begin(cursor, alone)
                results = [self._alone(cursor, job) for job in jobs]
            self._commit(cursor, settled)
            cursor.close()
        except Exception as cause:
            error = self._fault(cause)
            jobs = jobs or self._next(self._budget(), alone)
            results = [error] * len(jobs)
            self._abandon()
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, StorageError):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    def _begun(self, alone: bool) -> tuple[Cursor, Settled | None]:
        if self._connection is None:
            self._connection = self._connect()
        cursor: Cursor = self._connection.cursor()
        return cursor, self._begin(cursor, alone)

    def _begin(self, cursor: Cursor, alone: bool) -> Settled | None:
        says, settled = self._witness() if self._witness is not None else ("", None)
        cursor.execute(self._begins[alone] + says)
        return settled

    def _commit(self, cursor: Cursor, settled: Settled | None) -> None:
        """Commit; where the connection breaks meanwhile, what became of it decides what is answered."""
        try:
            cursor.execute("COMMIT")
        except Exception:
            if settled is None or not settled():
                raise
            self._abandon()

    def _together(self, cursor: Cursor, jobs: list[Job], alone: bool) -> list[Any]:
        """Take and do jobs until nothing is due, or the group is large enough; ``jobs`` has them before their work.

        A group with a decision takes little else: it should be durable soon.
        """
        budget = self._budget()
        hurried = False
        results: list[Any] = []
        while taken := self._next(budget, alone):
            jobs.extend(taken)
            if taken[0].lane is Lane.DECISIONS and not hurried:
                hurried = True
                for lane in (Lane.EVENTS, Lane.SERVINGS):
                    budget[lane] = min(budget[lane], _STEP_BYTES) if budget[lane] == self._group_bytes[lane] else 0
            answers = taken[0].work(cursor, [job.argument for job in taken])
            results.extend(answer for _, answer in zip(taken, answers, strict=True))
        return results

    def _alone(self, cursor: Cursor, job: Job) -> Any:
        """Do one job under a savepoint: its failure is its own."""
        cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            (result,) = job.work(cursor, [job.argument])
        except Exception as cause:
            try:
                cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            except Exception:
                # The database has dropped the transaction, and with it the group: tell the first reason.
                raise cause from None
            result = self._fault(cause)
        cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return result

    def _next(self, budget: list[int], alone: bool) -> list[Job]:
        """The next jobs that nobody cancelled while they waited; a cancelled one is not written."""
        while jobs := self._queue.take(budget, _STEP_BYTES, alone=alone):
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if wanted:
                return wanted
        return []

    def _abandon(self) -> None:
        """Leave the failed transaction; a connection that cannot is replaced before the next group."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.cursor().execute("ROLLBACK")
        except Exception:
            # It may have rolled back by itself, or be broken; a new connection is right in either case.
            self._connection = None
            with suppress(Exception):
                connection.close()

    def _budget(self) -> list[int]:
        return [self._group_bytes[lane] for lane in Lane]
