"""Evaluation: one judge for every model.

Owns what a model's lists are judged by: recall and NDCG, and beside them what `experiments.beyond` measures. Every
quality number that the project prints comes from here; `experiments.top_lists` forms the lists with the semantics of
serving.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.beyond import Beyond, Facts, measure
from experiments.splits import Split
from experiments.statistics import Interval, paired_bootstrap
from experiments.top_lists import ScoreBlock, graph_lists, score_lists
from experiments.votes import votes
from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import Progress, silent


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Lists of one model and how they fared, by reader and in total. Arrays are read-only."""

    k: int
    """Length of the lists."""

    readers: NDArray[np.int64]
    """int64[e]: readers with held-out entries, rising."""

    lists: NDArray[np.int32]
    """int32[e, k]: the rows each would have been shown, best first; -1 where there were no more."""

    recall: NDArray[np.float64]
    """float64[e]: share of a reader's held-out rows in their list."""

    ndcg: NDArray[np.float64]
    """float64[e]: discounted gain of the list over that of the best possible list."""

    beyond: Beyond
    """What the lists did beside hitting."""

    def metrics(self) -> dict[str, float]:
        """The totals under their printed names, as an ItemGraph carries them: those that the data tells."""
        return {name: value for name, value in self.as_json().items() if value is not None}

    def as_json(self) -> dict[str, float | None]:
        """The same with None for what the data does not tell."""
        return {
            f"recall@{self.k}": float(self.recall.mean()),
            f"ndcg@{self.k}": float(self.ndcg.mean()),
            **self.beyond.named(self.k),
            "readers": float(self.readers.size),
        }

    def over(self, other: Evaluation, *, seed: int) -> dict[str, Interval]:
        """How much better than another model on the same readers: paired bootstrap of recall and ndcg."""
        if self.k != other.k or not np.array_equal(self.readers, other.readers):
            raise DataError("two evaluations compare only over the same readers and list length")
        return {
            f"recall@{self.k}": paired_bootstrap(self.recall, other.recall, seed=seed),
            f"ndcg@{self.k}": paired_bootstrap(self.ndcg, other.ndcg, seed=seed),
        }


def evaluate_graph(
    graph: ItemGraph,
    split: Split,
    *,
    k: int = 20,
    history_weights: NDArray[np.int64] | None = None,
    facts: Facts | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Judge a graph by the lists it would serve; see `experiments.top_lists.graph_lists`.

    Entries of a history count as serving counts them (`experiments.votes`) unless ``history_weights`` say otherwise.
    """
    readers = _judged(split, k)
    counts = votes(split.train) if history_weights is None else history_weights
    lists = graph_lists(graph, split.train, readers, k, history_weights=counts, progress=progress)
    return judge(lists, readers, split, facts=facts)


def evaluate_scores(
    scores: ScoreBlock, split: Split, *, k: int = 20, facts: Facts | None = None, progress: Progress = silent
) -> Evaluation:
    """Judge a model that gives dense scores, for comparison with the graph that is made of it."""
    readers = _judged(split, k)
    return judge(score_lists(scores, split.train, readers, k, progress=progress), readers, split, facts=facts)


def judge(
    lists: NDArray[np.int32], readers: NDArray[np.int64], split: Split, *, facts: Facts | None = None
) -> Evaluation:
    """Judge lists int32[e, k] for ``readers`` int64[e], each with held-out entries.

    Recall@k is hits over the number of held-out rows; NDCG@k has gain 1 for a hit, discount 1/log₂(position + 2), and
    an ideal list of min(k, held-out) hits: the definitions of LightGCN (He et al. 2020), averaged over readers. What
    needs topics is measured when ``facts`` tell them.
    """
    k = lists.shape[1]
    test = split.test
    hits = _hits(lists, readers, test)
    held = np.diff(test.indptr)[readers]
    discount = 1 / np.log2(np.arange(k) + 2)
    ideal = np.cumsum(discount)[np.minimum(held, k) - 1]
    evaluation = Evaluation(
        k,
        readers,
        lists,
        hits.sum(axis=1) / held,
        (hits * discount).sum(axis=1) / ideal,
        measure(lists, readers, split, facts=facts),
    )
    for array in (evaluation.readers, evaluation.lists, evaluation.recall, evaluation.ndcg):
        array.setflags(write=False)
    return evaluation


def _judged(split: Split, k: int) -> NDArray[np.int64]:
    if k < 1:
        raise DataError(f"lists must be at least 1 long, got k = {k}")
    if (split.train.readers, split.train.rows) != (split.test.readers, split.test.rows):
        raise DataError("training and held-out entries must be numbered alike")
    readers = np.flatnonzero(np.diff(split.test.indptr)).astype(np.int64)
    if readers.size == 0:
        raise DataError("no reader has held-out entries, so there is nothing to judge by; hold out a larger share")
    return readers


def _hits(lists: NDArray[np.int32], readers: NDArray[np.int64], test: Interactions) -> NDArray[np.bool_]:
    held = np.sort(test.entry_readers() * test.rows + test.indices)
    asked = readers[:, None] * test.rows + lists
    at = np.minimum(np.searchsorted(held, asked), held.size - 1)
    hits: NDArray[np.bool_] = (held[at] == asked) & (lists >= 0)
    return hits
