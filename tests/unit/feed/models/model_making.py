"""Small models for stories about models: every item's neighbour is the one some rows on."""

from __future__ import annotations

import numpy as np

from feed.models.files import save
from feed.processes.offline import activation, decided
from ranking.graph import ItemGraph
from tests.journeys.http_service import ITEMS, Http


def shifted(shift: int, *, created_at: int = 1_700_000_000, **metrics: float) -> ItemGraph:
    """A graph that leads each row to the one ``shift`` rows on."""
    neighbours = ((np.arange(ITEMS) + shift) % ITEMS).astype(np.int32).reshape(-1, 1)
    made = ItemGraph.from_arrays(neighbours, np.ones((ITEMS, 1)), trainer="test")
    return made.stamped(created_at=created_at, metrics=metrics)


def stored(http: Http, graph: ItemGraph) -> str:
    """Save and register a graph; its version."""
    http.service.store.models.put(save(graph, http.service.settings.models_folder)).result()
    return graph.version


def served(http: Http, graph: ItemGraph) -> str:
    """Save and register a graph and let it serve; the activating decision's id."""
    return decided(http.service, activation(stored(http, graph), "for the test")).id
