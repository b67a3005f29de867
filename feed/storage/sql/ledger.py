"""The ledger in SQL: gapless revisions in commit order, leaves with their hashes, erasable attachments apart.

Keeps laws 1 and 2: rows are only ever inserted, and the head is moved in the transaction that inserts them. Reading
checks that revisions follow one another and that each leaf has its hash.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select, update

from controls.decisions import Decision
from controls.errors import LeafError
from controls.ledger import SALT_BYTES
from feed.storage.answers import refused
from feed.storage.errors import StoreCorrupt
from feed.storage.ports.store import Once
from feed.storage.schema import LEDGER, heads
from feed.storage.schema import attachments as attachments_table
from feed.storage.schema import ledger as ledger_table
from feed.storage.sql.leaves import MOST_PARTS, Parts, Row, all_prepared, decision_of, prepared, size_of
from feed.storage.sql.once import Keyed
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.tree import SqlTree
from feed.storage.sql.writer import Writes

_given = attrgetter(*(name for name in names(Decision) if name != "revision"))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A decision made ready by its caller, so that the writer only has to number and insert it."""

    decision: Decision
    row: Row
    parts: Parts
    once: Once | None
    after: int = 0
    matters: Callable[[Decision], bool] | None = None


@dataclass(frozen=True, slots=True)
class _Together:
    """Decisions that are written all or none, made ready by their caller."""

    rows: list[Row]
    parts: list[Parts]
    once: Once | None
    after: int
    matters: Callable[[Decision], bool]


class SqlLedger:
    """The append-only decisions."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, tree: SqlTree) -> None:
        self._reading = reading
        self._tree = tree
        self._writes = writes
        self._once = Keyed(statements, "ledger")
        rows, parts = ledger_table.c, attachments_table.c
        mine = heads.c.name == bindparam("of")
        self._lock = statements.text(select(heads.c.number).where(mine).with_for_update(), "of")
        self._move = statements.text(update(heads).values(number=bindparam("to")).where(mine), "to", "of")
        self._insert = statements.new(ledger_table, "revision", "id", "subject", "reverses", "leaf", "leaf_hash")
        self._attach = statements.new(attachments_table, "revision", "name", "salt", "content")
        self._rows = select(rows.revision, rows.leaf, rows.leaf_hash)
        self._parts = select(parts.revision, parts.name, parts.content)
        at: ColumnElement[int] = bindparam("at")
        self._row_text = statements.text(self._rows.where(rows.revision == at), "at")
        self._parts_text = statements.text(self._parts.where(parts.revision == at), "at")
        self._head = select(heads.c.number).where(heads.c.name == LEDGER)

    def head(self) -> int:
        """The last revision, 0 when empty."""
        return self._reading.number(self._head)

    def append(self, decision: Decision, once: Once | None = None) -> Future[Decision]:
        """Append and return the decision with its revision; with a known ``once``, the first one."""
        try:
            row, parts = prepared(decision, os.urandom(SALT_BYTES * MOST_PARTS))
        except (LeafError, TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(_Entry(decision, row, parts, once))

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Once | None = None
    ) -> Future[Decision | None]:
        """Append, unless a decision above the revision ``after`` matters; then None, and nothing is written."""
        try:
            row, parts = prepared(decision, os.urandom(SALT_BYTES * MOST_PARTS))
        except (LeafError, TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(_Entry(decision, row, parts, once, after, matters))

    def _submit(self, entry: _Entry) -> Future[Any]:
        return self._writes.submit(self._append, entry, lane=Lane.DECISIONS, size=size_of([entry.row], [entry.parts]))

    def append_all(self, decisions: Sequence[Decision]) -> Future[range]:
        """Append many in one transaction, in order, all or none; returns their revisions."""
        try:
            rows, parts = all_prepared(decisions)
        except (LeafError, TypeError, ValueError) as cause:
            return refused(cause)
        return self._writes.submit(
            self._append_all, (rows, parts), lane=Lane.DECISIONS, rows=len(rows), size=size_of(rows, parts)
        )

    def append_all_unless(
        self, matters: Callable[[Decision], bool], after: int, decisions: Sequence[Decision], once: Once | None = None
    ) -> Future[range | None]:
        """The same of many, in order, all or none; their revisions, with a known ``once`` those of the first time."""
        try:
            rows, parts = all_prepared(decisions)
        except (LeafError, TypeError, ValueError) as cause:
            return refused(cause)
        job = _Together(rows, parts, once, after, matters)
        return self._writes.submit(
            self._append_together, job, lane=Lane.DECISIONS, rows=len(rows), size=size_of(rows, parts)
        )

    def _append(self, cursor: Cursor, entries: Sequence[_Entry]) -> list[Any]:
        revision = head = self._locked(cursor)
        results: list[Any] = []
        made: list[Decision] = []
        rows: list[Row] = []
        parts: list[Parts] = []
        for entry in entries:
            if entry.once is not None:
                first = self._once.first(cursor, entry.once)
                if first is not None:
                    results.append(first)
                    continue
            if entry.matters is not None and self._overtaken(cursor, entry.matters, entry.after, head, made):
                results.append(None)
                continue
            if entry.once is not None:
                self._once.keep(cursor, entry.once, revision + 1)
            revision += 1
            rows.append(entry.row)
            parts.append(entry.parts)
            made.append(Decision(*(*_given(entry.decision), revision)))
            results.append(made[-1])
        self._write(cursor, head, rows, parts)
        return [self._written(cursor, result) if isinstance(result, int) else result for result in results]

    def _overtaken(
        self,
        cursor: Cursor,
        matters: Callable[[Decision], bool],
        after: int,
        head: int,
        made: Sequence[Decision],
    ) -> bool:
        """Whether a decision matters that is stored above a revision, or made before in this transaction."""
        stored = (self._written(cursor, revision) for revision in range(after + 1, head + 1))
        return any(matters(decision) for decision in chain(made, stored))

    def _append_all(self, cursor: Cursor, batches: Sequence[tuple[list[Row], list[Parts]]]) -> list[range]:
        head = self._locked(cursor)
        ends = list(accumulate((len(rows) for rows, _ in batches), initial=head + 1))
        rows = list(chain.from_iterable(rows for rows, _ in batches))
        self._write(cursor, head, rows, list(chain.from_iterable(parts for _, parts in batches)))
        return [range(first, end) for first, end in pairwise(ends)]

    def _append_together(self, cursor: Cursor, jobs: Sequence[_Together]) -> list[Any]:
        results: list[Any] = []
        for job in jobs:
            head = self._locked(cursor)
            first = None if job.once is None else self._once.first(cursor, job.once)
            if first is None and not self._overtaken(cursor, job.matters, job.after, head, ()):
                first = head + 1
                if job.once is not None:
                    self._once.keep(cursor, job.once, first)
                self._write(cursor, head, job.rows, job.parts)
            results.append(range(first, first + len(job.rows)) if isinstance(first, int) else first)
        return results

    def _locked(self, cursor: Cursor) -> int:
        """The head, which nobody else moves until the transaction ends."""
        cursor.execute(self._lock, (LEDGER,))
        (head,) = cursor.fetchone()
        return int(head)

    def _write(self, cursor: Cursor, head: int, rows: Sequence[Row], parts: Sequence[Parts]) -> None:
        """Number and insert entries after the head, complete blocks of the tree, and move the head."""
        if not rows:
            return
        self._insert.run(cursor, [(revision, *row) for revision, row in enumerate(rows, head + 1)])
        self._attach.run(cursor, [(revision, *part) for revision, of in enumerate(parts, head + 1) for part in of])
        self._tree.grow(cursor, head, [row[-1] for row in rows])
        cursor.execute(self._move, (head + len(rows), LEDGER))

    def _written(self, cursor: Cursor, revision: int) -> Decision:
        cursor.execute(self._row_text, (revision,))
        row = cursor.fetchone()
        cursor.execute(self._parts_text, (revision,))
        return decision_of(row, {name: content for _, name, content in cursor.fetchall()})

    def since(self, revision: int, limit: int = 1000) -> list[Decision]:
        """Decisions with a greater revision, in order. Raises ``StoreCorrupt`` when one is missing or altered."""
        rows = ledger_table.c
        query = self._rows.where(rows.revision > bindparam("after")).order_by(rows.revision).limit(limit)
        decisions = self._decisions(query, after=revision)
        for expected, decision in enumerate(decisions, revision + 1):
            if decision.revision != expected:
                raise StoreCorrupt(f"the ledger has no revision {expected}; restore the store from a backup")
        return decisions

    def by_id(self, decision: str) -> Decision | None:
        """One decision, or None."""
        return self._only(self._rows.where(ledger_table.c.id == bindparam("of")), of=decision)

    def decided_under(self, once: Once) -> Decision | None:
        """The decision that this very request made before, or None."""
        revision = self._once.result(self._reading, once)
        return None if revision is None else next(iter(self.since(revision - 1, limit=1)), None)

    def reversal_of(self, decision: str) -> Decision | None:
        """The first decision that reversed this one, or None."""
        rows = ledger_table.c
        return self._only(
            self._rows.where(rows.reverses == bindparam("of")).order_by(rows.revision).limit(1), of=decision
        )

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        """Decisions newest first, revision below ``before``, of the subjects with this id."""
        rows = ledger_table.c
        query = self._rows.order_by(rows.revision.desc()).limit(limit)
        if before is not None:
            query = query.where(rows.revision < before)
        if subject is not None:
            query = query.where(rows.subject == subject)
        return self._decisions(query)

    def _only(self, query: Select[Any], **parameters: Any) -> Decision | None:
        return next(iter(self._decisions(query, **parameters)), None)

    def _decisions(self, query: Select[Any], **parameters: Any) -> list[Decision]:
        rows = self._reading.all(query, **parameters)
        if not rows:
            return []
        contents: dict[int, dict[str, bytes]] = {row.revision: {} for row in rows}
        revision = attachments_table.c.revision
        first, last = min(contents), max(contents)
        gapless = last - first + 1 == len(rows)
        within = revision.between(first, last) if gapless else revision.in_(list(contents))
        for of, name, content in self._reading.all(self._parts.where(within)):
            contents[of][name] = content
        return [decision_of(row, contents[row.revision]) for row in rows]
