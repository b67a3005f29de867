"""The ledger and the policy documents in memory (laws 1, 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from controls.decisions import Decision
from controls.errors import LeafError
from feed.storage.errors import RecordRefused
from feed.storage.memory.log import entry_of
from feed.storage.memory.room import Room
from feed.storage.ports.store import Once


class MemoryLedger:
    """The append-only decisions."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def head(self) -> int:
        """The last revision, 0 when empty."""
        with self._room.open():
            return len(self._room.decisions)

    def append(self, decision: Decision, once: Once | None = None) -> Future[Decision]:
        """Append and return the decision with its revision; with a known ``once``, the first one."""
        decisions = self._room.decisions

        def effect() -> int:
            return self._appended([decision])[-1]

        return self._room.write(lambda: decisions[self._room.write_once("ledger", once, effect) - 1])

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Once | None = None
    ) -> Future[Decision | None]:
        """Append, unless a decision above the revision ``after`` matters; then None, and nothing is written."""

        def effect() -> Decision | None:
            known = once is not None and self._room.kept(once) is not None
            if not known and any(matters(newer) for newer in self._room.decisions[after:]):
                return None
            return self.append(decision, once).result()

        return self._room.write(effect)

    def append_all_unless(
        self, matters: Callable[[Decision], bool], after: int, decisions: Sequence[Decision], once: Once | None = None
    ) -> Future[range | None]:
        """The same of many, in order, all or none; their revisions, with a known ``once`` those of the first time."""

        def effect() -> range | None:
            known = once is not None and self._room.kept(once) is not None
            if not known and any(matters(newer) for newer in self._room.decisions[after:]):
                return None
            first = self._room.write_once("ledger", once, lambda: self._appended(decisions).start)
            return range(first, first + len(decisions))

        return self._room.write(effect)

    def decided_under(self, once: Once) -> Decision | None:
        """The decision that this very request made before, or None."""
        with self._room.open():
            known = self._room.kept(once)
            return self._room.decisions[known[2] - 1] if known and known[:2] == ("ledger", once.digest) else None

    def append_all(self, decisions: Sequence[Decision]) -> Future[range]:
        """Append many in order, all or none; returns their revisions."""
        return self._room.write(lambda: self._appended(decisions))

    def _appended(self, decisions: Sequence[Decision]) -> range:
        taken = {one.id for one in self._room.decisions}
        for decision in decisions:
            if decision.id in taken:
                raise RecordRefused(f"decision {decision.id!r} is in the ledger already; give a new one its own id")
            taken.add(decision.id)
        first = len(self._room.decisions) + 1
        made = [replace(decision, revision=revision) for revision, decision in enumerate(decisions, first)]
        try:
            entries = [entry_of(decision) for decision in made]
        except LeafError as cause:
            raise RecordRefused(f"a value cannot be stored ({cause}); nothing of this write was kept") from cause
        self._room.entries += entries
        self._room.decisions += made
        return range(first, first + len(made))

    def _found(self, id: str) -> Decision | None:
        return next((one for one in self._room.decisions if one.id == id), None)

    def since(self, revision: int, limit: int = 1000) -> list[Decision]:
        """Decisions with a greater revision, in order."""
        with self._room.open():
            return self._room.decisions[revision : revision + limit]

    def by_id(self, decision: str) -> Decision | None:
        """One decision, or None."""
        with self._room.open():
            return self._found(decision)

    def reversal_of(self, decision: str) -> Decision | None:
        """The first decision that reversed this one, or None."""
        with self._room.open():
            return next((one for one in self._room.decisions if one.reverses == decision), None)

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        """Decisions newest first, revision below ``before``, of the subjects with this id."""
        with self._room.open():
            older = self._room.decisions[: None if before is None else max(0, before - 1)]
        return [one for one in reversed(older) if subject is None or one.subject.id == subject][:limit]


class MemoryPolicies:
    """Policy documents."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def put(self, digest: str, document: str, created_at: int) -> Future[None]:
        """Store a document's canonical JSON text; the same content again changes nothing."""

        def effect() -> None:
            self._room.policies.setdefault(digest, document)

        return self._room.write(effect)

    def get(self, digest: str) -> str | None:
        """The document, or None."""
        with self._room.open():
            return self._room.policies.get(digest)
