"""Erasing a person from the ledger: the attachment that names them goes with its salt, the leaf stays (laws 1 and 8).

Nothing is kept for finding them: the ledger is read through beside the writer, which then looks at what came meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, and_, bindparam, delete, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from controls.ledger import granted, names
from feed.storage.rules import NO_PERSONS
from feed.storage.schema import LEDGER, attachments, heads
from feed.storage.sql.queue import Cursor
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements


class _place_of(FunctionElement[int]):  # noqa: N801 - used as a function
    """The place of some bytes in others, from 1, or 0: the one thing that databases name differently."""

    type = Integer()
    inherit_cache = True


@compiles(_place_of)
def _instr(element: _place_of, compiler: SQLCompiler, **more: Any) -> str:
    return f"instr({compiler.process(element.clauses, **more)})"


@compiles(_place_of, "postgresql")
def _position(element: _place_of, compiler: SQLCompiler, **more: Any) -> str:
    whole, part = (compiler.process(each, **more) for each in element.clauses)
    # The parameters keep the order in which they were written.
    return f"position({part} IN {whole})"


@dataclass(frozen=True, slots=True)
class Named:
    """Attachments up to ``head`` that name this person, by revision and name."""

    person: str
    places: tuple[tuple[int, str], ...]
    head: int


class Persons:
    """Steps of an erasure."""

    def __init__(self, reading: Reading, statements: Statements) -> None:
        self._reading = reading
        rows = attachments.c
        self._head = select(heads.c.number).where(heads.c.name == LEDGER)
        acted = or_(
            _place_of(rows.content, bindparam("begins")) == literal_column("1"),
            _place_of(rows.content, bindparam("contains")) > literal_column("0"),
        )
        mine = select(rows.revision, rows.name).where(
            rows.revision > bindparam("after"),
            or_(
                and_(rows.name == literal_column("'persons'"), acted),
                and_(rows.name == literal_column("'person'"), rows.content == bindparam("granted")),
            ),
        )
        self._mine = mine
        self._since = statements.text(mine, "after", "begins", "contains", "granted")
        gone = delete(attachments).where(rows.revision == bindparam("of"), rows.name == bindparam("named"))
        self._gone = statements.text(gone, "of", "named")

    def named(self, person: str) -> Named:
        """Where a person is named now. Reads through the ledger: a second or so for a million decisions."""
        if person in NO_PERSONS:
            return Named(person, (), 0)
        head = self._reading.number(self._head)
        begins, contains = names(person)
        rows = self._reading.all(self._mine, after=0, begins=begins, contains=contains, granted=granted(person))
        return Named(person, tuple((row.revision, row.name) for row in rows), head)

    def erase(self, cursor: Cursor, named: Named) -> int:
        """Erase a person where they were found, and from decisions that came meanwhile; returns from how many."""
        if named.person in NO_PERSONS:
            return 0
        cursor.execute(self._since, (named.head, *names(named.person), granted(named.person)))
        found = {*named.places, *((revision, name) for revision, name in cursor.fetchall())}
        gone = set()
        for place in sorted(found):
            cursor.execute(self._gone, place)
            if cursor.rowcount:
                gone.add(place[0])
        return len(gone)
