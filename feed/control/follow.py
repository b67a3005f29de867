"""Bringing a fold to a position of ledger and journal, read by cursor (law 2)."""

from __future__ import annotations

from feed.storage.entries import decode
from feed.storage.ports import Store
from ranking.fold import Fold


def catch_up(fold: Fold, store: Store, *, revision: int | None = None, edition: int | None = None) -> None:
    """Apply what the fold lacks, up to and including ``revision`` and ``edition``; None means all there is."""
    while revision is None or fold.revision < revision:
        decisions = store.ledger.since(fold.revision)
        if revision is not None:
            decisions = [decision for decision in decisions if decision.revision <= revision]
        if not decisions:
            break
        fold.decide(decisions)
    for following in store.journal.since(fold.edition):
        if edition is not None and following.edition > edition:
            break
        fold.journal(following.edition, decode(following.entries))
