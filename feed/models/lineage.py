"""Lineage: from which earlier model a training may begin, and what a model says of those it was begun from (law 8).

A model that was begun from another holds on to a little of what that one was trained on, and so on back to the first of
the chain, which was trained from the beginning. So a chain ends with the first forgetting after its beginning: as soon
as any reader was erased, forgot history, or switched personalization off, the next training begins anew. That is told
by a count that the store keeps with the forgettings themselves, not by clocks. What ages out of the store is not
counted: for that, no chain grows older than a training may be (`WEIR_RETRAIN_DAYS`). A model that cannot tell of its
chain, because an earlier release made it or it was trained on an export, is no start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from feed.storage.ports.store import Store
from feed.storage.records import EventColumns
from ranking.graph import ItemGraph
from ranking.models import trainers
from ranking.models.engine import Engine

_BEGAN, _FORGETTINGS, _MODELS = "chain began", "chain forgettings", "chain models"


@dataclass(frozen=True, slots=True)
class Chain:
    """Models each of which was begun from the one before."""

    began: int
    """Second of training of the first one, which was trained from the beginning."""

    forgettings: int
    """How many forgettings the store had counted when the first one's events were read, and while."""

    models: int = 1
    """How many there are, the last one included."""

    def as_metrics(self) -> dict[str, float]:
        """Plain values, as an ItemGraph carries them beside its other metrics."""
        return {_BEGAN: float(self.began), _FORGETTINGS: float(self.forgettings), _MODELS: float(self.models)}

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, float]) -> Chain | None:
        """What :meth:`as_metrics` wrote; None where the metrics tell of no chain."""
        try:
            return cls(*(int(metrics[name]) for name in (_BEGAN, _FORGETTINGS, _MODELS)))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What one training begins from."""

    start: ItemGraph | None
    """None: from the beginning."""

    anew: Chain | None
    """The chain that a model trained from the beginning begins; None where it could not be told."""

    refused: str = ""
    """Why it is the beginning although a warm start was asked for."""

    def engine(self, engine: Engine) -> Engine:
        """The engine, beginning there."""
        return engine if self.start is None else partial(engine, start=self.start)

    def chain(self, graph: ItemGraph) -> Mapping[str, float]:
        """What a graph that was trained so says of its chain."""
        chain = self.anew
        if self.start is not None and graph.parameters.get("start") == self.start.version:
            before = Chain.from_metrics(self.start.metrics)
            chain = None if before is None else Chain(before.began, before.forgettings, before.models + 1)
        return {} if chain is None else chain.as_metrics()

    def told(self, graph: ItemGraph) -> str:
        """In words, after the reason for a graph that was trained so; empty where no warm start was asked for."""
        if "start" in graph.parameters:
            return f"; begun from model {graph.parameters['start']}"
        if self.start is not None:
            return (
                f"; trained from the beginning: {graph.trainer} was chosen, which cannot begin from {_name(self.start)}"
            )
        return f"; trained from the beginning: {self.refused}" if self.refused else ""


ANEW = Beginning(None, None)
"""From the beginning, and no later training may begin from that model."""


def beginning(active: ItemGraph | None, *, warm: bool, forgettings: int | None, now: int, since: int = 0) -> Beginning:
    """What training at the second ``now`` begins from: no chain that began before the second ``since``.

    ``forgettings`` is the store's count while the events were read; None where it changed meanwhile, or where nobody
    knows. Then no later model may begin from this one either.
    """
    anew = None if forgettings is None else Chain(now, forgettings)
    if not warm:
        return Beginning(None, anew)
    if active is None:
        return Beginning(None, anew, "there is no model to begin from")
    refused = _refused(active, forgettings, since)
    return Beginning(None, anew, refused) if refused else Beginning(active, anew)


def read_events(store: Store) -> tuple[EventColumns, int | None]:
    """The events that count, and how many forgettings were counted; None if any came while they were read. Blocks."""
    before = store.readers.forgettings()
    columns = store.events.columns()
    return columns, unchanged(store, before)


def unchanged(store: Store, before: int) -> int | None:
    """The count of forgettings, or None when it is not ``before`` any more. Blocks."""
    return before if store.readers.forgettings() == before else None


def _refused(active: ItemGraph, forgettings: int | None, since: int) -> str:
    known = trainers.get(active.trainer)
    if known is None or known.warm is None:
        return f"{_name(active)} is not of a kind that training can begin from"
    chain = Chain.from_metrics(active.metrics)
    if chain is None:
        return f"{_name(active)} does not say what was forgotten since it was trained"
    if forgettings is None:
        return "it is not sure that nothing was forgotten since these events were read"
    if forgettings != chain.forgettings:
        return f"since second {chain.began}, from which on {_name(active)} remembers, a reader was erased or opted out"
    if chain.began < since:
        return f"{_name(active)} remembers from second {chain.began} on, and is to be forgotten by now"
    return ""


def _name(graph: ItemGraph) -> str:
    return f"the {graph.trainer} model {graph.version}"
