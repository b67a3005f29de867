"""Stores as commands need them: opened for reading beside a running server, or owned for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from feed.clock import SystemClock
from feed.control.follow import catch_up
from feed.models.library import Graphs, PolicyDocuments
from feed.settings import Settings
from feed.storage.ports.store import Store
from feed.stores import open_store
from ranking.fold import Fold
from ranking.snapshot import Snapshot


@contextmanager
def reading(settings: Settings) -> Iterator[tuple[Store, Snapshot]]:
    """The store opened for reading, and the Snapshot it folds to now."""
    store = open_store(settings, exclusive=False)
    try:
        fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, settings.models_folder))
        fold.advance(SystemClock().now())
        catch_up(fold, store)
        yield store, fold.snapshot()
    finally:
        store.close()
