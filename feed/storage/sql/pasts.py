"""Settings and newest events of several readers by one statement, as one JSON text, which is how tables come from
SQLite (``feed.storage.sql.reading``)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import bindparam, func, select

from feed.storage.records import EventRecord, Past, ReaderRecord
from feed.storage.schema import events, readers
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import names


class Pasts:
    """Reads pasts from a store whose tables come packed."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        asked = func.json_each(bindparam("readers")).table_valued("value", name="asked")
        saved = select(func.json_array(*(readers.c[name] for name in names(ReaderRecord)))).where(
            readers.c.reader == asked.c.value
        )
        newest = (
            select(*(events.c[name] for name in names(EventRecord)))
            .where(events.c.reader == asked.c.value)
            .order_by(events.c.seq.desc())
            .limit(bindparam("limit"))
            .correlate(asked)
            .subquery("newest")
        )
        listed = select(func.json_group_array(func.json_array(*newest.c)))
        both = (saved.correlate(asked).scalar_subquery(), listed.correlate(asked).scalar_subquery())
        self._packed = select(func.json_group_array(func.json_array(asked.c.value, *map(func.json, both))))

    def of(self, readers: Sequence[str], limit: int) -> list[Past]:
        """Each reader's settings and newest ``limit`` events in the order of storing, oldest first."""
        row = self._reading.first(self._packed, readers=orjson.dumps(readers).decode(), limit=limit)
        found = {reader: (saved, rows) for reader, saved, rows in orjson.loads(row[0])}
        return [_past(reader, *found[reader]) for reader in readers]


def _past(reader: str, saved: list[object] | None, rows: list[list[object]]) -> Past:
    record = ReaderRecord(*saved) if saved else ReaderRecord(reader)  # type: ignore[arg-type]
    return record, list(map(EventRecord._make, reversed(rows)))
