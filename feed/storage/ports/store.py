"""Ports: what the service asks of a store. Every adapter passes the same contract suite (``tests/contracts``).

Reads block and may be called from any thread. Writes return a ``concurrent.futures.Future`` that is done once the
write is durable (law 11); its exception is a ``StorageError`` and then nothing was written. A future's callbacks may
run on the thread that writes: they are to be short. What is handed in is not to be changed until its future is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from controls.decisions import Decision
from feed.storage.ports.aging import Aging
from feed.storage.ports.deployment import Replicas, Role
from feed.storage.ports.journal import Journal
from feed.storage.ports.log import Log
from feed.storage.ports.registers import Keys, Models, Policies
from feed.storage.ports.trials import Trials
from feed.storage.records import (
    AuthorRecord,
    Erasure,
    EventColumns,
    EventRecord,
    ItemRecord,
    LabelRecord,
    Past,
    ReaderRecord,
    ServingRecord,
)
from feed.storage.register import Entry, Register


class Outcome(StrEnum):
    """What became of one event of a batch."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Once:
    """Idempotency of one write: the same ``key`` with the same ``digest`` of the request returns the first result,
    and with another digest raises ``IdempotencyConflict``."""

    key: str
    digest: str


ItemEdit = Callable[[Mapping[str, ItemRecord]], Sequence[ItemRecord]]
"""What becomes of stored items (by id): those to be written. Runs on the thread that writes, and once more when its
group of writes has to be done again: it is short, does not touch the store, and raises nothing."""

AuthorEdit = Callable[[AuthorRecord | None], AuthorRecord]
"""What becomes of a stored author; the same holds."""


class Events(Aging, Protocol):
    """Events of readers, unique by (reader, client_id)."""

    def append(self, records: Sequence[EventRecord]) -> Future[list[Outcome]]:
        """Store a batch, and what accepted hides hide, in one transaction; one outcome per record, in order."""
        ...

    def of_reader(self, reader: str, limit: int) -> list[EventRecord]:
        """The newest ``limit`` events of a reader in the order of storing, oldest first."""
        ...

    def forget(self, reader: str, item: str | None = None, *, at: int = 0) -> Future[int]:
        """Delete a reader's events, or those about one item, and empty the reader's Servings; returns how many events.
        It comes after every write submitted before; Servings recorded later, served up to ``at``, are emptied, too."""
        ...

    def columns(self, *, after: int = -1, newest: int | None = None) -> EventColumns:
        """Consented events but impressions, with occurred_at > ``after``; at most the ``newest`` so many."""
        ...

    def first_received(self, readers: Sequence[str]) -> dict[str, int]:
        """The second at which the first stored event of each reader came in; readers without any are left out."""
        ...

    def exposures(self, item: str, *, after: int = 0, before: int = 0) -> int:
        """Impressions of an item, consented or not, with ``after`` <= occurred_at < ``before``; 0 asks for any."""
        ...

    def exposed(self, items: Sequence[str], *, after: str = "", before: int = 0, limit: int) -> list[str]:
        """Readers with an impression of any of these items below the second ``before`` (0: any), by code point."""
        ...

    def count(self) -> int:
        """Number of stored events."""
        ...


class Items(Protocol):
    """Items, authors and labels; every change is queued for the publisher in the same transaction."""

    def put_items(self, items: Sequence[ItemRecord], once: Once | None = None) -> Future[int]:
        """Create or replace items; returns how many."""
        ...

    def edit_items(self, ids: Sequence[str], edit: ItemEdit, once: Once | None = None) -> Future[int]:
        """Write what ``edit`` makes of the stored ones of these items, read in the same transaction; returns how many.
        With a known ``once`` it is asked all the same, and nothing is written."""
        ...

    def put_author(self, author: AuthorRecord) -> Future[None]:
        """Create or replace an author."""
        ...

    def edit_author(self, author: str, edit: AuthorEdit) -> Future[AuthorRecord]:
        """Write what ``edit`` makes of the stored author, or of None, read in the same transaction; returns it."""
        ...

    def give_labels(self, labels: Sequence[LabelRecord], once: Once | None = None) -> Future[list[bool]]:
        """Add labels in order; whether each was added, which one older than that of the same item and name is not."""
        ...

    def item(self, item: str) -> ItemRecord | None:
        """One item, or None."""
        ...

    def items(self, ids: Sequence[str]) -> dict[str, ItemRecord]:
        """The known ones of these items, by id."""
        ...

    def author(self, author: str) -> AuthorRecord | None:
        """One author, or None."""
        ...

    def labels(self, item: str) -> list[LabelRecord]:
        """The current labels of an item, by name."""
        ...

    def count(self) -> int:
        """Number of items, withdrawn ones included."""
        ...


class Readers(Protocol):
    """Readers' explicit settings, and erasure."""

    def get(self, reader: str) -> ReaderRecord:
        """A reader's settings; version 0 if never saved."""
        ...

    def known(self, readers: Sequence[str]) -> dict[str, ReaderRecord]:
        """The saved settings of those of these readers who saved any, by reader."""
        ...

    def pasts(self, readers: Sequence[str], limit: int) -> list[Past]:
        """For each of these readers, in their order, their settings (version 0 if never saved) and their newest
        ``limit`` events in the order of storing, oldest first."""
        ...

    def save(self, record: ReaderRecord, expected_version: int | None) -> Future[ReaderRecord]:
        """Save settings with version + 1; raises ``VersionConflict`` if ``expected_version`` is not the stored one."""
        ...

    def forgettings(self) -> int:
        """How often a reader was erased, their history or an item of it forgotten, or personalization switched off:
        counted in the transaction that does it, and never reset."""
        ...

    def erase(self, reader: str, at: int) -> Future[Erasure]:
        """Delete settings and events, empty Servings, erase the reader's name from decisions: in one transaction, after
        every write submitted before. Servings recorded later that were served up to ``at`` are emptied, too."""
        ...


class Ledger(Protocol):
    """The append-only decisions: revision = position, gapless, in commit order (laws 1 and 2)."""

    def head(self) -> int:
        """The last revision, 0 when empty."""
        ...

    def append(self, decision: Decision, once: Once | None = None) -> Future[Decision]:
        """Append and return the decision with its revision; with a known ``once`` the first one."""
        ...

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Once | None = None
    ) -> Future[Decision | None]:
        """Append, unless a decision above the revision ``after`` matters, as seen by the transaction that appends: then
        None, and nothing is written. ``matters`` runs on the thread that writes, as an ``ItemEdit`` does."""
        ...

    def append_all_unless(
        self, matters: Callable[[Decision], bool], after: int, decisions: Sequence[Decision], once: Once | None = None
    ) -> Future[range | None]:
        """The same of many, in order, all or none; their revisions, with a known ``once`` those of the first time."""
        ...

    def decided_under(self, once: Once) -> Decision | None:
        """The decision that this very request made before, the first of many, or None."""
        ...

    def append_all(self, decisions: Sequence[Decision]) -> Future[range]:
        """Append many in one transaction, in order, all or none; returns their revisions."""
        ...

    def since(self, revision: int, limit: int = 1000) -> list[Decision]:
        """Decisions with a greater revision, in order."""
        ...

    def by_id(self, decision: str) -> Decision | None:
        """One decision, or None."""
        ...

    def reversal_of(self, decision: str) -> Decision | None:
        """The decision that reversed this one, or None."""
        ...

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        """Decisions newest first, revision below ``before``."""
        ...


class Servings(Trials, Protocol):
    """Answered requests, for why, replay and preview."""

    def record(self, records: Sequence[ServingRecord]) -> Future[None]:
        """Store a batch."""
        ...

    def get(self, request_id: str) -> ServingRecord | None:
        """One Serving, or None."""
        ...

    def newest(self, limit: int) -> list[ServingRecord]:
        """The newest Servings, newest first."""
        ...

    def expire(self, before: int) -> Future[int]:
        """Delete Servings served before a second; returns how many."""
        ...


class Store(Protocol):
    """One open store. ``exclusive`` stores refuse a second opener with ``StoreInUse``."""

    @property
    def events(self) -> Events: ...
    @property
    def items(self) -> Items: ...
    @property
    def readers(self) -> Readers: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def log(self) -> Log: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def servings(self) -> Servings: ...
    @property
    def models(self) -> Models: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def replicas(self) -> Replicas: ...

    def role(self, name: str) -> Role:
        """A duty that one process of the deployment has at a time, by its name."""
        ...

    def register(self, name: str) -> Register:
        """The register of this name; all that any store is asked for are there, empty at first."""
        ...

    def entries_of(self, person: str) -> list[tuple[str, Entry]]:
        """Every entry that belongs to a reader, with its register's name; by that, then by id."""
        ...

    def queue_depth(self) -> int:
        """Writes waiting for the writer."""
        ...

    def close(self) -> None:
        """Finish queued writes, then close."""
        ...
