"""Exposures in SQL: which positions of events are impressions of an item, by blocks of positions.

Why not an index: items come in no order, so each impression would touch a page of its own, and cost its writer as much
as the event does. Once a block of 2,048 positions is full, its impressions are written as 16 rows, by a hash of
the item: hash and offset of each. What is found there only points at events, which confirm it: erased ones are gone
of themselves, and a row holds neither reader nor item. Events behind the last block are read through.

Where several processes write, positions below the last one may still be on their way: a block is then written in a
transaction that nobody else writes beside. Positions may have holes, and long ones between parts of events: the next
block is that of the first event behind the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any
from zlib import crc32

import numpy as np
import orjson
from sqlalchemy import JSON, BigInteger, Select, Text, bindparam, cast, delete, func, literal_column, select, text

from feed.storage.schema import events, exposure_blocks
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements
from feed.storage.sql.writer import Writes

BLOCK = 2_048
"""Positions of a block; it is written between two batches, and decisions must not wait for it."""
BUCKETS = 16
_PAIR = np.dtype([("item", "<u4"), ("offset", "<u2")])
_EXPOSURE = text("kind = 0")
_NEVER = (1 << 63) - 1
_PAGE = 2_000
_FORGOTTEN = 64
"""Blocks deleted in one step."""

_ASKED = 100_000
"""Events confirmed by one query."""


class Exposures:
    """The blocks of one store."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements) -> None:
        self._reading = reading
        self._writes = writes
        self._appended = BLOCK
        self._asked = False
        blocks, seq = exposure_blocks.c, events.c.seq
        first_bucket = blocks.bucket == literal_column("0")
        self._last_block = select(func.max(blocks.block)).where(first_bucket)
        self._last_text = statements.text(self._last_block)
        self._head_text = statements.text(select(func.max(seq)))
        self._behind_text = statements.text(select(func.min(seq)).where(seq > bindparam("position")), "position")
        self._first_event = select(func.min(seq))
        self._first_block = select(func.min(blocks.block)).where(first_bucket)
        gathered = func.json_agg if statements.many_write else func.json_group_array
        # As two texts: SQLite's driver takes and leaves the interpreter lock at every row.
        shown = select(*(cast(gathered(column), Text) for column in (seq, events.c.item)))
        shown = shown.where(_EXPOSURE, seq > bindparam("first"), seq <= bindparam("last"))
        self._shown_text = statements.text(shown, "first", "last")
        self._insert = statements.new(exposure_blocks, "bucket", "block", "pairs")
        beyond = delete(exposure_blocks).where(blocks.bucket == bindparam("of"), blocks.block >= bindparam("from"))
        self._beyond_text = statements.text(beyond, "of", "from")
        below = delete(exposure_blocks).where(blocks.bucket == bindparam("of"), blocks.block < bindparam("end"))
        self._below_text = statements.text(below, "of", "end")
        self._pairs = (
            select(blocks.block, blocks.pairs)
            .where(blocks.bucket == bindparam("of"), blocks.block.between(bindparam("from"), bindparam("to")))
            .order_by(blocks.block)
            .limit(_PAGE)
        )
        mine = (
            _EXPOSURE,
            events.c.item == bindparam("item"),
            events.c.occurred_at.between(bindparam("after"), bindparam("last")),
        )
        later, these = seq > bindparam("position"), seq.in_(_listed("positions", statements))
        count, readers = select(func.count()).select_from(events), select(events.c.reader).distinct()
        self._count = count.where(*mine, later), count.where(*mine, these)
        self._readers = tuple(
            query.where(events.c.reader > bindparam("beyond"))
            for query in (readers.where(*mine, later), readers.where(*mine, these))
        )

    def appended(self, cursor: Cursor, count: int) -> None:
        """Take note of events that were stored in the open transaction: writes the next block once it is full, or has
        it written."""
        self._appended += count
        if self._appended <= BLOCK:
            return
        if not self._writes.shared:
            self._appended = self._write_block(cursor)
        elif not self._asked:
            self._asked = True
            asked = self._writes.submit(self._write_next, None, lane=Lane.SERVINGS)
            asked.add_done_callback(self._written)

    def _write_next(self, cursor: Cursor, jobs: Sequence[None]) -> list[int]:
        return [self._write_block(cursor) for _ in jobs]

    def _written(self, asked: Future[int]) -> None:
        """What was refused is asked for again with the next events."""
        self._asked = False
        if not asked.cancelled() and asked.exception() is None:
            self._appended = asked.result()

    def _write_block(self, cursor: Cursor) -> int:
        """Write the next block if it is full; returns how many positions are behind the last one."""
        cursor.execute(self._behind_text, ((self._last(cursor) + 1) * BLOCK,))
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return 0
        block = (int(row[0]) - 1) // BLOCK
        first = block * BLOCK
        left = self._head(cursor) - first
        if left <= BLOCK:
            return left
        cursor.execute(self._shown_text, (first, first + BLOCK))
        positions, items = (orjson.loads(column or "[]") for column in cursor.fetchone())
        pairs = np.empty(len(items), dtype=_PAIR)
        pairs["item"] = [*map(crc32, map(str.encode, items))]
        pairs["offset"] = np.array(positions, dtype=np.int64) - (first + 1)
        buckets = pairs["item"] % BUCKETS
        rows = [(bucket, block, pairs[buckets == bucket].tobytes()) for bucket in range(BUCKETS)]
        self._insert.run(cursor, rows)
        return left - BLOCK

    def removed(self, cursor: Cursor) -> None:
        """Take note that events were deleted in the open transaction: positions beyond the last event are given again,
        and what blocks say of them holds no longer."""
        last, whole = self._last(cursor), self._head(cursor) // BLOCK
        if last >= whole:
            for bucket in range(BUCKETS):
                cursor.execute(self._beyond_text, (bucket, whole))

    def forget_some(self) -> bool:
        """Delete some of the blocks before the first event, which point at nothing; whether there were any. Blocks."""
        event, block = self._reading.number(self._first_event), self._reading.first(self._first_block)
        end = (event - 1) // BLOCK
        if block is None or block[0] is None or block[0] >= end:
            return False
        self._writes.submit(self._forget, min(block[0] + _FORGOTTEN, end), lane=Lane.SERVINGS).result()
        return True

    def _forget(self, cursor: Cursor, ends: Sequence[int]) -> list[None]:
        for end in ends:
            for bucket in range(BUCKETS):
                cursor.execute(self._below_text, (bucket, end))
        return [None] * len(ends)

    def _last(self, cursor: Cursor) -> int:
        cursor.execute(self._last_text)
        row = cursor.fetchone()
        return -1 if row is None or row[0] is None else int(row[0])

    def _head(self, cursor: Cursor) -> int:
        cursor.execute(self._head_text)
        row = cursor.fetchone()
        return 0 if row is None or row[0] is None else int(row[0])

    def count(self, item: str, after: int, before: int) -> int:
        """Impressions of an item with ``after`` <= occurred_at < ``before``, 0 for any."""
        wanted = {"item": item, "after": after, "last": (before or _NEVER) - 1}
        return sum(self._reading.number(query, **wanted, **where) for query, where in self._where(self._count, item))

    def readers(self, items: Sequence[str], after: str, before: int, limit: int) -> list[str]:
        """Readers who had an impression of any of these items before a second, ascending, those beyond ``after``."""
        found: set[str] = set()
        for item in set(items):
            wanted = {"item": item, "after": 0, "last": (before or _NEVER) - 1, "beyond": after}
            for query, where in self._where(self._readers, item):
                found.update(row[0] for row in self._reading.all(query, **wanted, **where))
        return sorted(found)[:limit]

    def _where(self, queries: tuple[Select[Any], ...], item: str) -> Iterator[tuple[Select[Any], dict[str, Any]]]:
        """The queries that together see every event that may be an impression of an item, each once."""
        later, these = queries
        row = self._reading.first(self._last_block)
        last = -1 if row is None or row[0] is None else int(row[0])
        yield later, {"position": (last + 1) * BLOCK}
        hashed = _hash(item)
        start = 0
        while start <= last:
            positions: list[int] = []
            page = self._reading.all(self._pairs, **{"of": hashed % BUCKETS, "from": start, "to": last})
            for block, content in page:
                pairs = np.frombuffer(content, dtype=_PAIR)
                offsets = pairs["offset"][pairs["item"] == hashed]
                positions += (offsets.astype(np.int64) + (block * BLOCK + 1)).tolist()
            for begin in range(0, len(positions), _ASKED):
                yield these, {"positions": orjson.dumps(positions[begin : begin + _ASKED]).decode()}
            start = page[-1][0] + 1 if len(page) == _PAGE else last + 1


def _listed(name: str, statements: Statements) -> Select[Any]:
    """The numbers of a JSON list: as many parameters would take longer to name than the events to be found."""
    if statements.many_write:
        numbers = func.json_array_elements_text(cast(bindparam(name, type_=Text), JSON))
        return select(cast(numbers, BigInteger))
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def _hash(item: str) -> int:
    return crc32(item.encode())
