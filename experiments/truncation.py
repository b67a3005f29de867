"""Truncation: what is lost when a model is cut to an item graph, as held-out recall of the one over the other.

Owns the comparison: the same readers, the same lists, everything allowed or a part of the catalogue blocked. The dense
model is judged by its own scores, whatever their sign; the graph as serving scores it. Every entry of a history counts
the same to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation import evaluate_graph, evaluate_scores
from experiments.splits import Split
from experiments.statistics import Interval, paired_bootstrap
from experiments.top_lists import ScoreBlock
from ranking.graph import NO_NEIGHBOUR, ItemGraph
from ranking.models import Progress, Trainer, silent
from ranking.models.progress import stage

READERS = 4000
"""Readers by which a graph and its dense model are compared, drawn where there are more."""

BLOCKED = (0.0, 0.5)
"""Shares of the catalogue that are blocked while they are compared."""

LARGEST = 200_000
"""Rows up to which it is done: a dense score is as long as the catalogue."""


@dataclass(frozen=True, slots=True)
class Truncation:
    """How a graph fares against its dense model on the same readers."""

    blocked: float
    """Share of the catalogue that neither may list."""

    graph_recall: float
    dense_recall: float

    difference: Interval
    """Of recall, the graph's minus the dense model's."""

    readers: int

    @property
    def name(self) -> str:
        """Under which the ratio is printed."""
        return "graph_recall_over_dense" + (f"_{round(100 * self.blocked)}_blocked" if self.blocked else "")

    @property
    def ratio(self) -> float:
        """Recall of the graph over that of the dense model; 1 where both have none."""
        return self.graph_recall / self.dense_recall if self.dense_recall else 1.0


def truncations(
    graph: ItemGraph, made_by: Trainer, parameters: Any, split: Split, *, k: int, seed: int, progress: Progress
) -> tuple[Truncation, ...]:
    """A graph beside the dense model of the same trainer and parameters, at each share of BLOCKED; nothing for a
    trainer without one, or too large a catalogue.
    """
    if made_by.dense is None or split.train.rows > LARGEST:
        return ()
    training, judging = stage(progress, 0.0, 0.6), stage(progress, 0.6, 1.0)
    scores = made_by.dense(split.train, parameters, seed=seed, progress=training)
    return tuple(
        truncation(
            graph,
            scores,
            split,
            blocked=share,
            k=k,
            seed=seed,
            progress=stage(judging, number / len(BLOCKED), (number + 1) / len(BLOCKED)),
        )
        for number, share in enumerate(BLOCKED)
    )


def truncation(
    graph: ItemGraph,
    dense: ScoreBlock,
    split: Split,
    *,
    blocked: float = 0.0,
    k: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Truncation:
    """Compare a graph of ``split.train`` with the model it was cut from, a random share of the rows blocked."""
    draw = np.random.default_rng(seed)
    barred = draw.random(split.train.rows) < blocked
    held = split.test.where(~barred[split.test.indices])
    able = np.flatnonzero(np.diff(held.indptr))
    chosen = np.zeros(held.readers, np.bool_)
    chosen[draw.choice(able, min(READERS, able.size), replace=False)] = True
    asked = Split(split.train, held.where(chosen[held.entry_readers()]))

    def allowed(readers: NDArray[np.int64]) -> NDArray[np.float32]:
        scores = np.array(dense(readers), np.float32)
        scores[:, barred] = -np.inf
        return scores

    whole = evaluate_scores(allowed, asked, k=k, progress=stage(progress, 0.0, 0.9)).recall
    alike = np.ones(split.train.count, np.int64)
    within = stage(progress, 0.9, 1.0)
    cut = evaluate_graph(_without(graph, barred), asked, k=k, history_weights=alike, progress=within).recall
    difference = paired_bootstrap(cut, whole, seed=seed)
    return Truncation(blocked, float(cut.mean()), float(whole.mean()), difference, int(whole.size))


def _without(graph: ItemGraph, barred: NDArray[np.bool_]) -> ItemGraph:
    """The graph without some rows as neighbours."""
    if not barred.any():
        return graph
    gone = (graph.neighbours < 0) | barred[np.maximum(graph.neighbours, 0)]
    order = np.argsort(gone, axis=1, kind="stable")
    ids = np.take_along_axis(np.where(gone, NO_NEIGHBOUR, graph.neighbours), order, axis=1)
    weights = np.take_along_axis(np.where(gone, 0, graph.weights).astype(np.int16), order, axis=1)
    return ItemGraph.assemble(ids, weights, graph.scale, graph.trainer, graph.parameters, 0, {})
