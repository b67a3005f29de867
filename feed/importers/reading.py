"""What importers share: the shape of a data set, and the documented rules from foreign data to Weir's records.

Rules (docs/cli.md tells them to users): an explicit rating becomes the event that ``ranking.interactions`` says it
is; a topic is a lower-case word of at most ``LONGEST_TOPIC`` characters; a year becomes its first of January.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from feed.future import CLOCK, DUE, ahead
from feed.importers.lines import Position
from feed.schemas.fields import ID_RULE, LONGEST_TOPIC, is_id
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord, LabelRecord
from ranking.interactions import rating_kinds

Record = ItemRecord | AuthorRecord | LabelRecord | EventRecord
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many bytes of it are done, and how many there are."""

PUBLISHED_NOW = -1
"""Stands for a missing time of publication until the item is stored: what it was, or the second of the import."""

LONGEST_TITLE = 1000
LONGEST_NAME = 300

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
HALF_STARS = tuple(n / 2 for n in range(1, 11))
STAR_KINDS = {stars: int(kind) for stars, kind in zip(HALF_STARS, rating_kinds(HALF_STARS), strict=True)}
"""EventKind code of each rating from 0.5 to 5 stars, by the rule that training uses."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line was not taken: a short stable reason to count by, and what was wrong."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Taken:
    """One line read: its number, the byte at which the next begins, its records or why it has none."""

    line: int
    end: int
    records: tuple[Record, ...] = ()
    refusal: Refusal | None = None


class Malformed(ValueError):
    """A field of one line that does not hold; becomes the line's Refusal."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


class DataSet(Protocol):
    """A data set on disk. ``parts`` are read in order; a position within one is enough to continue there."""

    @property
    def format(self) -> str:
        """Name of the format, as the command line says it."""
        ...

    @property
    def parts(self) -> Sequence[Path]:
        """Files whose lines become records, in the order of reading."""
        ...

    def prepare(self, progress: Progress) -> None:
        """Read ahead what items need to know of other files; raises ImportRefused."""
        ...

    def read(self, part: int, after: Position, now: int) -> Iterator[Taken]:
        """Lines of one part from a position on; ``now`` is the second of receipt."""
        ...


def identifier(text: str, field: str) -> str:
    """A usable id; Malformed for what the API would not take as one either."""
    if not is_id(text):
        raise Malformed("id", f"{field} {text[:40]!r} must be {ID_RULE}")
    return text


def words(text: str, field: str, longest: int = LONGEST_TITLE) -> str:
    """A title or name without outer spaces; Malformed when it is too long or holds control characters."""
    name = text.strip()
    if len(name) > longest or not _PRINTABLE.fullmatch(name):
        raise Malformed("text", f"{field} {name[:40]!r} must be at most {longest} characters, no control characters")
    return name


def stars(text: str, field: str = "rating") -> int:
    """EventKind code of a rating in stars; Malformed unless it is 0.5, 1, … 5."""
    try:
        return STAR_KINDS[float(text)]
    except (ValueError, KeyError):
        raise Malformed("rating", f"{field} {text[:40]!r} must be 0.5 to 5 in half stars") from None


def second(text: str, field: str, now: int) -> int:
    """A second since the epoch; Malformed when it is no whole number, before 1970 or in the future."""
    try:
        value = int(text)
    except ValueError:
        raise Malformed("time", f"{field} {text[:40]!r} must be whole seconds since 1970") from None
    if value < 0:
        raise Malformed("time", f"{field} {value} lies before 1970")
    return past(field, value, now)


def past(field: str, value: int, now: int) -> int:
    """A second that has come; Malformed when it lies further ahead than clocks differ."""
    if early := ahead(value, now, DUE if field == "published_at" else CLOCK):
        raise Malformed("time", f"{field} {value} {early}")
    return value


def topic(word: str) -> str:
    """A topic's name from a genre or tag: lower case, single spaces; empty when nothing usable is left."""
    name = " ".join(word.lower().split())
    return name if len(name) <= LONGEST_TOPIC and _PRINTABLE.fullmatch(name) else ""


def first_of_january(year: int) -> int:
    """The first second of a year (UTC), of 1970 at the earliest."""
    return max(0, int(datetime(min(max(year, 1970), 9999), 1, 1, tzinfo=UTC).timestamp()))


def rating_event(reader: str, item: str, kind: int, occurred_at: int, now: int, client_id: str) -> EventRecord:
    """The event of an explicit rating; consent is settled when it is stored."""
    return EventRecord(reader, client_id, item, kind, occurred_at, now, 0, "", 1)
