"""Registers: papers of one kind, such as cases or statements, with the columns by which they are looked up.

A register keeps what its owner writes and knows nothing of it. Many kinds share one table, so that a new kind needs no
migration; what is asked of it in every way belongs in a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper. ``content`` is JSON text; ``subject`` the id of what it is about; ``at`` the second at which it began;
    ``due_at`` its deadline, 0 without one; ``version`` is the store's: 1 when first written, then one more each time.

    ``person``: the reader it belongs to, or empty. Erasing them deletes the entry, or, when it is ``kept``, empties
    ``person`` alone; the content of such an entry must not name them.
    """

    id: str
    content: str
    state: str = ""
    subject: str = ""
    person: str = ""
    kept: bool = False
    at: int = 0
    due_at: int = 0
    priority: int = 0
    version: int = 0


class Order(StrEnum):
    """How entries are found, by id among equals."""

    NEWEST = "at"
    PRIORITY = "priority"
    DUE = "due_at"

    @property
    def rising(self) -> bool:
        """Whether the smallest comes first; deadlines do."""
        return self is Order.DUE


EntryEdit = Callable[[Mapping[str, Entry]], Sequence[Entry]]
"""What becomes of stored entries (by id): those to be written. Runs on the thread that writes, and once more when its
group of writes has to be done again: it is short, does not touch the store, and raises nothing."""


class Register(Protocol):
    """The entries of one kind; ``feed.storage.ports.store`` says what all ports share."""

    def edit(self, ids: Sequence[str], edit: EntryEdit) -> Future[list[Entry]]:
        """Write what ``edit`` makes of the stored ones of these ids, read in the same transaction; returns it with the
        versions that were given. Raises ``RecordRefused`` when it makes an entry of an id that was not named."""
        ...

    def get(self, id: str) -> Entry | None:
        """One entry, or None."""
        ...

    def find(
        self,
        *,
        state: str = "",
        subject: str = "",
        person: str = "",
        since: int = 0,
        due_before: int = 0,
        order: Order = Order.NEWEST,
        after: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Entries in order; empty and 0 ask for any. ``since``: ``at`` at least; ``due_before``: a deadline below.
        ``after``: the ordering column and the id of the last entry of the page before."""
        ...

    def count(
        self, *, state: str = "", subject: str = "", person: str = "", since: int = 0, due_before: int = 0
    ) -> int:
        """How many such entries there are."""
        ...

    def remove(self, ids: Sequence[str]) -> Future[int]:
        """Delete entries; returns how many there were."""
        ...
