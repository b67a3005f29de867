"""The port of the log, which proves what the ledger keeps; ``feed.storage.ports.store`` says what all ports share."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from feed.storage.records import CheckpointRecord, LedgerEntry


class Log(Protocol):
    """The ledger as a log that anybody can check (law 1). Trees are those of RFC 9162 over the leaves' hashes; a
    revision or size that is not there raises ``LeafError``."""

    def entries(self, after: int, limit: int = 1000) -> list[LedgerEntry]:
        """Entries of greater revisions, in order, as they are stored: nothing is checked."""
        ...

    def decided_about(self, ids: Sequence[str]) -> set[str]:
        """Of these ids, those that some decision is about."""
        ...

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` revisions."""
        ...

    def inclusion(self, revision: int, size: int) -> list[bytes]:
        """Audit path of a revision in the tree of ``size``."""
        ...

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the first ``old`` revisions are the beginning of the first ``new``."""
        ...

    def keep(self, checkpoint: CheckpointRecord) -> Future[None]:
        """Store a signed checkpoint; of one size the newest stays."""
        ...

    def stray(self) -> int | None:
        """Revision of an attachment that belongs to no entry, or None."""
        ...

    def checkpoints(self, after: int = -1, limit: int = 1000) -> list[CheckpointRecord]:
        """Stored checkpoints of greater sizes, smallest first."""
        ...
