"""Trials: one candidate trained on one part of the data and judged on the other.

Owns how a candidate is tried, which is the same for `auto`, for a search, and for the peers that results are compared
with. Graphs of the last candidates are kept while they fit, so that a blend of two that were tried costs no training.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from experiments.evaluation import Evaluation, evaluate_graph, evaluate_scores
from experiments.splits import Split, drawn
from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.models import Progress, trainer
from ranking.models.blend import blended
from ranking.models.peers import peers
from ranking.models.progress import stage

KEPT_BYTES = 1 << 30
"""Memory for graphs of candidates that were tried."""

BLEND = "blend"


def unclocked() -> float:
    """The clock of a caller that does not ask how long training took: told seconds are then 0."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model and parameters other than its defaults."""

    model: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def key(self) -> str:
        """Equal for equal candidates."""
        return json.dumps([self.model, dict(self.parameters)], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Tried:
    """How a candidate did on validation, or why it could not be trained."""

    candidate: Candidate
    metrics: Mapping[str, float]
    seconds: float
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.candidate.model,
            "parameters": dict(self.candidate.parameters),
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "refused": self.refused,
        }

    def quality(self, k: int) -> float:
        """By which the one to serve is chosen: geometric mean of Recall@k and NDCG@k, what is found and how high it
        stands. Two models that are level in one differ in the other.
        """
        return float(np.sqrt(self.metrics[f"recall@{k}"] * self.metrics[f"ndcg@{k}"]))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Tried:
        """The inverse of `as_json`; KeyError, TypeError or ValueError for anything else."""
        candidate = Candidate(str(plain["model"]), dict(plain["parameters"]))
        metrics = {str(name): float(value) for name, value in dict(plain["metrics"]).items()}
        return cls(candidate, metrics, float(plain["seconds"]), str(plain["refused"]))


class Trials:
    """Candidates tried on some splits of the same data with one seed; what they score is the mean over the splits."""

    def __init__(self, *splits: Split, k: int, seed: int, clock: Callable[[], float] = unclocked) -> None:
        self._splits = splits
        self._k = k
        self._seed = seed
        self._clock = clock
        self._graphs: OrderedDict[str, ItemGraph] = OrderedDict()

    def tried(self, candidate: Candidate, progress: Progress) -> Tried:
        """Metrics of a candidate, or the words in which its trainer refused the data or the parameters."""
        started = self._clock()
        try:
            metrics = self._mean(candidate, progress)
        except TrainingError as refusal:
            return Tried(candidate, {}, self._clock() - started, str(refusal))
        return Tried(candidate, metrics, self._clock() - started)

    def judged(self, candidate: Candidate, progress: Progress, fold: int = 0, *, draw: bool = False) -> Evaluation:
        """The candidate's evaluation on one of the splits; TrainingError when it cannot be trained. With ``draw`` a
        peer, whose lists take long, is judged by some thousand readers where there are more.
        """

        def named(done: float, message: str) -> None:
            progress(done, f"{candidate.model}: {message}")

        training, judging = stage(named, 0.0, 0.9), stage(named, 0.9, 1.0)
        split = self._splits[fold]
        if candidate.model in peers:
            training(0.0, "training")
            scores = peers[candidate.model].scores(split.train, candidate.parameters, seed=self._seed)
            asked = drawn(split, self._seed) if draw else split
            return evaluate_scores(scores, asked, k=self._k, progress=stage(named, 0.5, 1.0))
        return evaluate_graph(self.graph(candidate, training, fold), split, k=self._k, progress=judging)

    def graph(self, candidate: Candidate, progress: Progress, fold: int = 0) -> ItemGraph:
        """The candidate's graph of the training part of one of the splits, trained or kept."""
        key = f"{fold} {candidate.key}"
        kept = self._graphs.get(key)
        if kept is not None:
            self._graphs.move_to_end(key)
            return kept
        chosen, train = trainer(candidate.model), self._splits[fold].train
        parameters = chosen.parse(candidate.parameters)
        if candidate.model == BLEND:
            first, second = (Candidate(*part) for part in parameters.parts)
            one = self.graph(first, stage(progress, 0.0, 0.5), fold)
            other = self.graph(second, stage(progress, 0.5, 1.0), fold)
            return blended(one, other, train, parameters, seed=self._seed)
        graph = chosen.train(train, parameters, seed=self._seed, progress=progress)
        self._graphs[key] = graph
        while sum(_size(each) for each in self._graphs.values()) > KEPT_BYTES:
            self._graphs.popitem(last=False)
        return graph

    def _mean(self, candidate: Candidate, progress: Progress) -> dict[str, float]:
        size = len(self._splits)
        stages = (stage(progress, fold / size, (fold + 1) / size) for fold in range(size))
        measured = [self.judged(candidate, within, fold, draw=True).metrics() for fold, within in enumerate(stages)]
        told = [name for name in measured[0] if all(name in each for each in measured)]
        return {name: float(np.mean([each[name] for each in measured])) for name in told}


def _size(graph: ItemGraph) -> int:
    return graph.neighbours.nbytes + graph.weights.nbytes
