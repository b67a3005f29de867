"""Many rows into PostgreSQL in one statement with one parameter a column: an array, written as text.

Why not a parameter for each value: the server plans and the driver binds thousands of them. Why not COPY: it cannot
leave out what is there already, and a table in between costs more than it saves. ``benchmarks.postgresql`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, Table, Text

from feed.storage.sql.queue import Cursor


class ArrayInsertion:
    """An insert of any number of rows that leaves out those whose unique values are taken."""

    def __init__(
        self, table: Table, columns: Sequence[str], returning: Sequence[str] = (), *, newest: str = ""
    ) -> None:
        """With ``newest``, a column that grows, none is left out: the statement fails when a value is taken, returns
        the last of that column, and takes a third of the time."""
        kinds = [_kind(table.c[name].type) for name in columns]
        arrays = ", ".join(f"%s::{kind}[]" for kind, _ in kinds)
        self._written = [write for _, write in kinds]
        insert = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"
        if newest:
            self._text = f"WITH stored AS ({insert} RETURNING {newest}) SELECT max({newest}) FROM stored"
        else:
            told = f" RETURNING {', '.join(returning)}" if returning else ""
            self._text = f"{insert} ON CONFLICT DO NOTHING{told}"

    def run(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> int:
        """Insert, in order; returns how many rows were new. Raises ``TypeError`` or ``ValueError`` for what is not of
        its column's type."""
        if not rows:
            return 0
        columns = zip(*rows, strict=True)
        cursor.execute(self._text, [write(column) for write, column in zip(self._written, columns, strict=True)])
        return cursor.rowcount

    def told(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Insert, and return what the statement returns."""
        return cursor.fetchall() if rows and self.run(cursor, rows) else []


def _kind(type_: Any) -> tuple[str, Callable[[Sequence[Any]], str]]:
    match type_:
        case Text():
            return "text", texts
        case SmallInteger():
            return "int2", numbers
        case BigInteger() | Integer():
            return "int8", numbers
        case LargeBinary():
            return "bytea", blobs
    raise TypeError(f"no array of {type_}")


def texts(values: Sequence[str]) -> str:
    """An array of texts. JSON quotes as PostgreSQL does, but for what it writes with a backslash."""
    written = orjson.dumps(values).decode()[1:-1]
    if "\\" in written:
        return "{" + ",".join(f'"{_escaped(value)}"' for value in values) + "}"
    return "{" + written + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def numbers(values: Sequence[int]) -> str:
    """An array of whole numbers."""
    return "{" + str([*map(int.__index__, values)])[1:-1] + "}"


def blobs(values: Sequence[bytes]) -> str:
    """An array of bytes."""
    return "{" + ",".join(f'"\\\\x{value.hex()}"' for value in values) + "}"
