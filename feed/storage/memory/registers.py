"""The registers of trained models and of hashed API keys in memory."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from feed.storage.errors import RecordRefused
from feed.storage.memory.room import Room
from feed.storage.records import KeyRecord, ModelRecord


class MemoryModels:
    """Trained models."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def put(self, model: ModelRecord) -> Future[None]:
        """Register a model; the same version again replaces what is known of it."""
        return self._room.write(lambda: self._room.models.update({model.version: model}))

    def get(self, version: str) -> ModelRecord | None:
        """One model, or None."""
        with self._room.open():
            return self._room.models.get(version)

    def listing(self) -> list[ModelRecord]:
        """All models, newest first."""
        with self._room.open():
            return sorted(self._room.models.values(), key=lambda model: (-model.created_at, model.version))


class MemoryKeys:
    """Hashed API keys."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def put(self, key: KeyRecord) -> Future[None]:
        """Store a new key; ``RecordRefused`` if its digest is stored already."""

        def effect() -> None:
            if key.digest in self._room.keys:
                raise RecordRefused(f"key {key.name!r} is stored already; make another key")
            self._room.keys[key.digest] = key

        return self._room.write(effect)

    def get(self, digest: str) -> KeyRecord | None:
        """A key by the digest of its secret, or None."""
        with self._room.open():
            return self._room.keys.get(digest)

    def revoke(self, name: str, at: int) -> Future[int]:
        """Revoke all keys of a name that are not revoked yet; returns how many."""

        def effect() -> int:
            valid = [key for key in self._room.keys.values() if key.name == name and key.revoked_at is None]
            self._room.keys.update((key.digest, replace(key, revoked_at=at)) for key in valid)
            return len(valid)

        return self._room.write(effect)

    def listing(self) -> list[KeyRecord]:
        """All keys, newest first."""
        with self._room.open():
            return sorted(self._room.keys.values(), key=lambda key: (-key.created_at, key.digest))
