"""Peered: how a graph fares beside the best model of the `implicit` library on the same readers.

Owns the comparison that training prints: a few settings of each model of the library, the best of them on validation
from training data, and then both on what was held out. The library's models see every entry alike, as their own
``recommend`` does; ours counts entries as serving does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.evaluation import Evaluation, evaluate_graph
from experiments.splits import Split, drawn, validations
from experiments.statistics import Interval
from experiments.trials import Candidate, Trials
from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.models import Progress
from ranking.models.progress import stage

SETTINGS = (
    Candidate("implicit-als"),
    Candidate("implicit-als", {"factors": 64, "regularization": 30.0, "alpha": 4.5}),
    Candidate("implicit-als", {"factors": 128, "regularization": 30.0, "alpha": 4.5}),
    Candidate("implicit-als", {"factors": 128, "regularization": 10.0, "alpha": 10.0}),
    Candidate("implicit-bm25", {"K": 200}),
    Candidate("implicit-tfidf", {"K": 200}),
    Candidate("implicit-cosine", {"K": 200}),
)
"""What is tried; `weir tune` searches more widely."""

LARGEST = 200_000
"""Rows up to which it is done: a peer's scores are as long as the catalogue."""

_CHOOSING = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Peered:
    """The best of SETTINGS on validation, and both models on the same held-out readers."""

    candidate: Candidate
    peer: Evaluation
    ours: Evaluation
    over: Mapping[str, Interval]
    """Ours over the peer's by measure: paired bootstrap."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.candidate.model,
            "parameters": dict(self.candidate.parameters),
            "metrics": self.peer.metrics(),
            "over": {name: interval.as_json() for name, interval in self.over.items()},
        }


def peered(graph: ItemGraph, split: Split, *, k: int, seed: int, progress: Progress) -> Peered | None:
    """A graph of ``split.train`` beside the best peer; None for too large a catalogue, or where no validation part can
    be taken or no peer be trained.
    """
    if split.train.rows > LARGEST:
        return None
    try:
        trials = Trials(*validations(split.train, seed=seed), k=k, seed=seed)
        tried = [
            trials.tried(each, stage(progress, _CHOOSING * at / len(SETTINGS), _CHOOSING * (at + 1) / len(SETTINGS)))
            for at, each in enumerate(SETTINGS)
        ]
    except DataError:
        return None
    able = [each for each in tried if not each.refused]
    if not able:
        return None
    best = max(able, key=lambda each: each.quality(k)).candidate
    asked = drawn(split, seed)
    peer = Trials(asked, k=k, seed=seed).judged(best, stage(progress, _CHOOSING, 1.0))
    ours = evaluate_graph(graph, asked, k=k)
    return Peered(best, peer, ours, ours.over(peer, seed=seed))
