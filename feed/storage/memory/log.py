"""The ledger as a log that anybody can check, in memory (laws 1 and 8)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from controls.decisions import Decision
from controls.ledger import SALT_BYTES, attachments, decision_from, leaf, leaf_hash
from controls.merkle import MerkleTree
from feed.storage.memory.room import Room
from feed.storage.records import CheckpointRecord, LedgerEntry
from feed.storage.rules import NO_PERSONS


class MemoryLog:
    """What proves the decisions."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def entries(self, after: int, limit: int = 1000) -> list[LedgerEntry]:
        """Entries of greater revisions, in order."""
        with self._room.open():
            return self._room.entries[after : after + limit]

    def decided_about(self, ids: Sequence[str]) -> set[str]:
        """Of these ids, those that some decision is about."""
        with self._room.open():
            return set(ids).intersection(entry.subject for entry in self._room.entries)

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` revisions."""
        return self._tree().root(size)

    def inclusion(self, revision: int, size: int) -> list[bytes]:
        """Audit path of a revision in the tree of ``size``."""
        return self._tree().inclusion(revision - 1, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the first ``old`` revisions are the beginning of the first ``new``."""
        return self._tree().consistency(old, new)

    def _tree(self) -> MerkleTree:
        with self._room.open():
            return MerkleTree(entry.leaf_hash for entry in self._room.entries)

    def keep(self, checkpoint: CheckpointRecord) -> Future[None]:
        """Store a signed checkpoint; of one size the newest stays."""

        def effect() -> None:
            self._room.checkpoints[checkpoint.size] = checkpoint

        return self._room.write(effect)

    def stray(self) -> int | None:
        """Attachments lie with their entries here."""
        return None

    def checkpoints(self, after: int = -1, limit: int = 1000) -> list[CheckpointRecord]:
        """Stored checkpoints of greater sizes, smallest first."""
        with self._room.open():
            return [self._room.checkpoints[size] for size in sorted(self._room.checkpoints) if size > after][:limit]


def entry_of(decision: Decision) -> LedgerEntry:
    """A decision with its revision as the ledger keeps it, with fresh salts."""
    contents = attachments(decision)
    salts = {name: os.urandom(SALT_BYTES) for name in contents}
    content = leaf(decision, salts, contents)
    parts = {name: (salts[name], part) for name, part in contents.items()}
    return LedgerEntry(
        decision.revision, decision.id, decision.subject.id, decision.reverses, content, leaf_hash(content), parts
    )


def erase_person(room: Room, person: str) -> int:
    """Erase a person from the decisions that name them; returns from how many."""
    gone = 0
    for place, decision in enumerate(room.decisions):
        entry = room.entries[place]
        if person in NO_PERSONS:
            continue
        named = {"persons"} if person in (decision.actor, decision.approved_by) else set()
        named |= {"person"} if decision.parameters.get("person") == person else set()
        if named & entry.attachments.keys():
            kept = {name: part for name, part in entry.attachments.items() if name not in named}
            contents = {name: content for name, (_, content) in kept.items()}
            room.entries[place] = replace(entry, attachments=kept)
            room.decisions[place] = decision_from(entry.leaf, contents, entry.revision)
            gone += 1
    return gone
