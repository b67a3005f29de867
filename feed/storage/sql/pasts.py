"""Settings and newest events of several readers by one statement, as one JSON text, which is how tables come from
SQLite (``feed.storage.sql.reading``), and which from PostgreSQL is one answer for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, bindparam, cast, func, select

from feed.storage.records import EventRecord, Past, ReaderRecord
from feed.storage.schema import events, readers
from feed.storage.sql.listed import listed_texts
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names


class Pasts:
    """Reads pasts."""

    def __init__(self, reading: Reading, statements: Statements) -> None:
        self._reading = reading
        binary = statements.many_write
        array = func.json_build_array if binary else func.json_array
        gathered = func.json_agg if binary else func.json_group_array
        asked = listed_texts("readers", statements).subquery("asked")
        (reader,) = asked.c
        saved = select(array(*(readers.c[name] for name in names(ReaderRecord)))).where(readers.c.reader == reader)
        newest = (
            select(*(events.c[name] for name in names(EventRecord)))
            .where(events.c.reader == reader)
            .order_by(events.c.seq.desc())
            .limit(bindparam("limit"))
            .correlate(asked)
            .subquery("newest")
        )
        listed = select(gathered(array(*newest.c)))
        both: list[ColumnElement[Any]] = [
            saved.correlate(asked).scalar_subquery(),
            listed.correlate(asked).scalar_subquery(),
        ]
        # SQLite takes what a query within answers for a text.
        rows = gathered(array(reader, *(both if binary else map(func.json, both))))
        self._packed = select(cast(rows, Text)).select_from(asked)

    def of(self, readers: Sequence[str], limit: int) -> list[Past]:
        """Each reader's settings and newest ``limit`` events in the order of storing, oldest first."""
        row = self._reading.first(self._packed, readers=orjson.dumps(readers).decode(), limit=limit)
        found = {reader: (saved, rows) for reader, saved, rows in orjson.loads(row[0] or "[]")}
        return [_past(reader, *found[reader]) for reader in readers]


def _past(reader: str, saved: list[object] | None, rows: list[list[object]] | None) -> Past:
    record = ReaderRecord(*saved) if saved else ReaderRecord(reader)  # type: ignore[arg-type]
    return record, list(map(EventRecord._make, reversed(rows or ())))
