"""Selection: which model serves is chosen by held-out quality, not by faith.

Owns the ladder that `auto` climbs: every family with a few parameter sets, judged on one validation set that is taken
from the training entries. What is held out for the final evaluation is never seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from experiments.evaluation import evaluate_graph
from experiments.splits import validation
from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import Progress, silent, trainer
from ranking.models.progress import stage


def unclocked() -> float:
    """The clock of a caller that does not ask how long training took: told seconds are then 0."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model and parameters other than its defaults."""

    model: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


LADDER = (
    Candidate("popularity"),
    Candidate("neighbours"),
    Candidate("neighbours", {"similarity": "cosine"}),
    Candidate("als", {"factors": 64, "confidence": 1.0}),
    Candidate("als", {"factors": 128, "confidence": 10.0}),
    Candidate("ease", {"regularization": 100.0}),
    Candidate("ease", {"regularization": 300.0}),
    Candidate("spectral", {"row_exponent": 0.2}),
    Candidate("spectral"),
)
"""What `auto` tries, cheap models first; the first of equals wins."""


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


@dataclass(frozen=True, slots=True)
class Selection:
    """The best candidate by validation NDCG, and all that were tried."""

    best: Candidate
    tried: tuple[Tried, ...]


def select(
    interactions: Interactions,
    *,
    candidates: Sequence[Candidate] = LADDER,
    k: int = 20,
    seed: int = 0,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Selection:
    """Train every candidate on part of ``interactions`` and keep the one with the highest NDCG@k on the rest.

    A candidate that refuses the data (a catalogue too large for it) is skipped and says why. Raises TrainingError when
    all do, DataError when nothing can be held out.
    """
    split = validation(interactions, seed=seed)
    tried = []
    for number, candidate in enumerate(candidates):
        within = stage(progress, number / len(candidates), (number + 1) / len(candidates))
        tried.append(_try(candidate, split, k, seed, within, clock))
    able = [each for each in tried if not each.refused]
    if not able:
        raise TrainingError("no model could be trained: " + "; ".join(each.refused for each in tried))
    best = max(able, key=lambda each: each.metrics[f"ndcg@{k}"])
    return Selection(best.candidate, tuple(tried))


def _try(candidate: Candidate, split: Any, k: int, seed: int, progress: Progress, clock: Callable[[], float]) -> Tried:
    chosen = trainer(candidate.model)
    parameters = chosen.parse(candidate.parameters)
    started = clock()

    def named(done: float, message: str) -> None:
        progress(done, f"{candidate.model}: {message}")

    try:
        graph = chosen.train(split.train, parameters, seed=seed, progress=stage(named, 0, 0.9))
    except TrainingError as refusal:
        return Tried(candidate, {}, clock() - started, str(refusal))
    evaluation = evaluate_graph(graph, split, k=k, progress=stage(named, 0.9, 1))
    return Tried(candidate, evaluation.metrics(), clock() - started)
