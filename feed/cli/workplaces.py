"""Where training works: as the owner of a store, or beside the server that owns it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from feed.api_client import Api
from feed.bootstrap import Service
from feed.cli.stores import reading
from feed.models.files import save
from feed.processes.offline import activation, decided, owned
from feed.settings import Settings
from feed.storage.errors import StoreInUse
from feed.storage.ports.store import Store
from ranking.graph import ItemGraph
from ranking.snapshot import Snapshot


class Workplace(Protocol):
    """Where training finds its data and hands over its model."""

    @property
    def store(self) -> Store: ...
    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def active(self) -> ItemGraph | None: ...
    def hand_over(self, graph: ItemGraph, reason: str, evidence: tuple[str, ...] = ()) -> None:
        """Save a graph and, given a reason, let it serve."""
        ...


@contextmanager
def workplace(settings: Settings) -> Iterator[Workplace]:
    """The store as its owner, or as a reader beside the server that owns it."""
    with ExitStack() as stack:
        try:
            place: Workplace = _Owner(stack.enter_context(owned(settings)))
        except StoreInUse as busy:
            place = _Guest(settings, *stack.enter_context(reading(settings)), busy)
        yield place


@dataclass(frozen=True, slots=True)
class _Owner:
    service: Service

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def snapshot(self) -> Snapshot:
        return self.service.replica.latest()

    @property
    def active(self) -> ItemGraph | None:
        return self.snapshot.graph if self.snapshot.model else None

    def hand_over(self, graph: ItemGraph, reason: str, evidence: tuple[str, ...] = ()) -> None:
        self.store.models.put(save(graph, self.service.settings.models_folder)).result()
        if reason:
            decided(self.service, activation(graph.version, reason, evidence))


@dataclass(frozen=True, slots=True)
class _Guest:
    settings: Settings
    store: Store
    snapshot: Snapshot
    busy: StoreInUse

    @property
    def active(self) -> ItemGraph | None:
        return self.snapshot.graph if self.snapshot.model else None

    def hand_over(self, graph: ItemGraph, reason: str, evidence: tuple[str, ...] = ()) -> None:
        save(graph, self.settings.models_folder)
        if reason:
            with Api.beside(self.settings, self.busy) as api:
                # It was judged against the active recipe here, on one hold-out; the server has older figures.
                api.activate(graph.version, reason, force=True, evidence=evidence)
