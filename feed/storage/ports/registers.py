"""The ports of models, keys and policies; ``feed.storage.ports.store`` says what all ports share."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from feed.storage.records import KeyRecord, ModelRecord


class Models(Protocol):
    """The register of trained models; the files lie in the models folder."""

    def put(self, model: ModelRecord) -> Future[None]:
        """Register a model."""
        ...

    def get(self, version: str) -> ModelRecord | None:
        """One model, or None."""
        ...

    def listing(self) -> list[ModelRecord]:
        """All models, newest first."""
        ...


class Keys(Protocol):
    """Hashed API keys."""

    def put(self, key: KeyRecord) -> Future[None]:
        """Store a new key."""
        ...

    def get(self, digest: str) -> KeyRecord | None:
        """A key by the digest of its secret, or None."""
        ...

    def revoke(self, name: str, at: int) -> Future[int]:
        """Revoke all keys of a name; returns how many."""
        ...

    def listing(self) -> list[KeyRecord]:
        """All keys, newest first."""
        ...


class Policies(Protocol):
    """Policy documents by content hash; stored before the decision that publishes them (law 4)."""

    def put(self, digest: str, document: str, created_at: int) -> Future[None]:
        """Store a document's canonical JSON text."""
        ...

    def get(self, digest: str) -> str | None:
        """The document, or None."""
        ...
