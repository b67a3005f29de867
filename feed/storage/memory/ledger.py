"""The ledger and the policy documents in memory (laws 1, 2 and 4)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from controls.decisions import Decision
from feed.storage.errors import RecordRefused
from feed.storage.memory.room import Room
from feed.storage.ports import Once


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
            if self._found(decision.id):
                raise RecordRefused(f"decision {decision.id!r} is in the ledger already; give a new one its own id")
            decisions.append(replace(decision, revision=len(decisions) + 1))
            return len(decisions)

        return self._room.write(lambda: decisions[self._room.write_once("ledger", once, effect) - 1])

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
