"""Bringing a fold to a position of ledger and journal, read by cursor (law 2)."""

from __future__ import annotations

from feed.storage.entries import decode
from feed.storage.ports.store import Store
from ranking.fold import Fold


def catch_up(fold: Fold, store: Store, *, revision: int | None = None, edition: int | None = None) -> None:
    """Apply what the fold lacks, up to and including ``revision`` and ``edition``; None means all there is."""
    decide_all(fold, store, revision)
    while next_edition(fold, store, edition):
        pass


def decide_all(fold: Fold, store: Store, revision: int | None = None) -> None:
    """Apply the decisions that the fold lacks, up to and including ``revision``."""
    while revision is None or fold.revision < revision:
        decisions = store.ledger.since(fold.revision)
        if revision is not None:
            decisions = [decision for decision in decisions if decision.revision <= revision]
        if not decisions:
            break
        fold.decide(decisions)


def next_edition(fold: Fold, store: Store, edition: int | None = None) -> bool:
    """Apply the next edition, unless it lies past ``edition``; whether there was one."""
    following = next(iter(store.journal.since(fold.edition, 1)), None)
    if following is None or (edition is not None and following.edition > edition):
        return False
    fold.journal(following.edition, decode(following.entries))
    return True
