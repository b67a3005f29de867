"""Reading text files line by line, so that every line has a number, an end to continue from, and a bound.

One physical line is one record: a quote that does not close on its line is wrong on its line, and never swallows
the lines after it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from feed.importers.errors import ImportRefused

LONGEST_LINE = 1 << 20
"""Bytes; a longer line is refused without being held."""

_BOM = b"\xef\xbb\xbf"
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two lines: bytes and lines before it."""

    offset: int = 0
    line: int = 0


START = Position()


@dataclass(frozen=True, slots=True)
class Line:
    """A line's number (from 1), its text, the byte at which the next one begins, and what is wrong with it, if
    anything."""

    number: int
    text: str
    end: int
    fault: str = ""


def lines(path: Path, after: Position = START) -> Iterator[Line]:
    """Lines of a UTF-8 file without their ends, from a position on. Raises ImportRefused if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(after.offset)
            end, number = after.offset, after.line
            while raw := file.readline(LONGEST_LINE):
                number += 1
                end += len(raw)
                if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                    while piece := file.readline(_PIECE):
                        end += len(piece)
                        if piece.endswith(b"\n"):
                            break
                    yield Line(number, "", end, f"longer than {LONGEST_LINE} bytes")
                    continue
                if number == 1:
                    raw = raw.removeprefix(_BOM)
                try:
                    yield Line(number, raw.decode("utf-8").rstrip("\r\n"), end)
                except UnicodeDecodeError as error:
                    yield Line(number, "", end, f"not UTF-8 at byte {error.start + 1}; convert the file")
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read ({error.strerror})") from error


class Table:
    """A comma-separated file with a header (RFC 4180, one record a line); fields are taken by column name."""

    def __init__(self, path: Path, *needed: str) -> None:
        """Raises ImportRefused when the file cannot be read or a needed column is missing."""
        self.path = path
        first = next(lines(path), None)
        if first is None or first.fault:
            raise ImportRefused(f"{path}:1: {first.fault if first else 'the file is empty'}; expected a header")
        self._header_end = first.end
        names = [name.strip() for name in _split(first.text) or []]
        self._columns = {name: at for at, name in enumerate(names)}
        self._width = len(names)
        missing = [name for name in needed if name not in self._columns]
        if missing:
            raise ImportRefused(
                f"{path}:1: no column {missing[0]}; the header must name {', '.join(needed)}"
                f" and names {', '.join(names) or 'nothing'}"
            )

    def has(self, column: str) -> bool:
        """Whether the header names a column."""
        return column in self._columns

    def picker(self, *columns: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
        """A function from a record to these of its fields."""
        places = tuple(self._columns[name] for name in columns)
        return lambda fields: tuple(fields[place] for place in places)

    def rows(self, after: Position = START) -> Iterator[tuple[Line, list[str]]]:
        """Records with their lines, from a position on; a line at fault comes with no fields. Empty lines pass."""
        for line in lines(self.path, max(after, Position(self._header_end, 1), key=lambda at: at.offset)):
            if line.fault:
                yield line, []
                continue
            fields = line.text.split(",") if '"' not in line.text else _split(line.text)
            if fields is None:
                yield Line(line.number, line.text, line.end, "a quote is not closed on its line"), []
            elif len(fields) == self._width:
                yield line, fields
            elif line.text.strip():
                fault = f"{len(fields)} fields where the header names {self._width}"
                yield Line(line.number, line.text, line.end, fault), []


def _split(text: str) -> list[str] | None:
    """Fields of one record; None when its quotes do not hold."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        return None
