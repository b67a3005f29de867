"""What deciding asks of a ledger; stores fulfil it. Nothing in it edits or deletes (law 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from controls.decisions import Decision


class LedgerPort(Protocol):
    """What the service asks of the store; ``once`` is the store's own form of idempotency and passes through."""

    def head(self) -> int:
        """The last revision."""
        ...

    def append(self, decision: Decision, once: Any = None) -> Future[Decision]:
        """Append and give the decision its revision; with a known ``once`` the first one is returned."""
        ...

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Any = None
    ) -> Future[Decision | None]:
        """Append, unless a decision above the revision ``after`` matters; then None, and nothing is written."""
        ...

    def append_all_unless(
        self, matters: Callable[[Decision], bool], after: int, decisions: Sequence[Decision], once: Any = None
    ) -> Future[range | None]:
        """The same of many, in order, all or none; their revisions, with a known ``once`` those of the first time."""
        ...

    def decided_under(self, once: Any) -> Decision | None:
        """The decision that this very request made before, the first of many, or None."""
        ...

    def since(self, revision: int) -> list[Decision]:
        """The next decisions of greater revisions, in order; all of them if they are few."""
        ...

    def by_id(self, decision: str) -> Decision | None:
        """One decision, or None."""
        ...

    def reversal_of(self, decision: str) -> Decision | None:
        """The decision that reversed this one, or None."""
        ...

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        """Decisions about an id, newest first, revision below ``before``."""
        ...
