"""Training: which stored events train, and when a model may take over from the active one (laws 7 and 8).

The active model's recipe is judged on the same hold-out as the new one, so that old and new are compared on equal
terms, whatever the data was when each was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

import numpy as np

from experiments.beyond import Facts
from experiments.holdout import Report, evaluate_store, train_store
from feed.models.lineage import ANEW, Beginning
from feed.storage.ports.store import Store
from feed.storage.records import EventColumns
from ranking.catalogue import Catalogue
from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import Progress, trainer, trainers
from ranking.models.engine import Engine, local
from ranking.models.progress import stage

SCORE = "ndcg@20"
"""The measure by which models are compared."""


@dataclass(frozen=True, slots=True)
class Training:
    """A model trained on everything, what its hold-out said, and how the active model's recipe did on the same one."""

    graph: ItemGraph
    report: Report
    standing: Mapping[str, float] | None
    """Metrics of the active recipe; None without an active model, or when it is the same recipe."""

    @property
    def worse(self) -> bool:
        """Whether the active recipe has the higher score."""
        return self.standing is not None and self.standing.get(SCORE, 0.0) > self.graph.metrics[SCORE]


def interactions_of(store: Store, catalogue: Catalogue) -> Interactions:
    """Consented events of known items that were not withdrawn; rows are the catalogue's."""
    return positives(store.events.columns(), catalogue)


def positives(columns: EventColumns, catalogue: Catalogue) -> Interactions:
    """The same of events that were read already."""
    rows = np.fromiter((catalogue.row_of(item) for item in columns.item_ids), np.int32, len(columns.item_ids))
    if rows.size:
        rows[catalogue.withdrawn(np.maximum(rows, 0))] = -1
    row = rows[columns.items] if rows.size else np.empty(0, np.int32)
    known = row >= 0
    return Interactions.from_events(
        columns.readers[known],
        row[known],
        columns.times[known],
        columns.kinds[known].astype(np.int64),
        readers=len(columns.reader_ids),
        rows=catalogue.rows,
    )


def train(
    interactions: Interactions,
    model: str,
    parameters: Mapping[str, Any],
    *,
    seed: int,
    now: int,
    active: ItemGraph | None,
    facts: Facts | None = None,
    dense: bool = False,
    peers: bool = False,
    engine: Engine = local,
    begins: Beginning = ANEW,
    progress: Progress,
) -> Training:
    """Judge a model (or the best, for ``auto``) on each reader's latest fifth, and train it on everything.

    Raises TrainingError or DataError. ``now`` is the second of training; ``active`` the graph that serves, if any;
    ``facts`` what the catalogue tells of its rows; ``engine`` where training runs; ``begins`` from what it does so on
    everything, never on the part judged by another, which an earlier model has seen;
    ``dense`` compares the graph with the model it was cut from, ``peers`` with the best of the `implicit` library.
    """
    graph, report = train_store(
        interactions,
        created_at=now,
        model=model,
        parameters=parameters,
        facts=facts,
        dense=dense,
        peers=peers,
        seed=seed,
        clock=perf_counter,
        engine=engine,
        engine_of_everything=begins.engine(engine),
        progress=stage(progress, 0.0, 0.75 if active is not None else 1.0),
    )
    graph = graph.stamped(created_at=now, metrics={**graph.metrics, **begins.chain(graph)})
    if active is None or recipe(active) == recipe(graph):
        return Training(graph, report, None)
    return Training(graph, report, _standing(interactions, active, facts, seed, stage(progress, 0.75, 1.0)))


def _standing(
    interactions: Interactions, active: ItemGraph, facts: Facts | None, seed: int, progress: Progress
) -> Mapping[str, float]:
    name, parameters = recipe(active)
    try:
        judged = evaluate_store(
            interactions, model=name, parameters=parameters, facts=facts, seed=seed, progress=progress
        )
    except TrainingError:
        # A recipe of another release, or one that this data has outgrown: what it measured when it was trained.
        return active.metrics
    return judged.evaluation.metrics()


def recipe(graph: ItemGraph) -> tuple[str, Mapping[str, Any]]:
    """Trainer and parameters that make such a graph again, on other data."""
    known = {field.name for field in fields(trainer(graph.trainer).parameters)} if graph.trainer in trainers else set()
    return graph.trainer, {name: value for name, value in graph.parameters.items() if name in known}
