"""Hold-out: train on one part, judge on the other, compare with popularity, report.

Owns what `weir train` and `weir evaluate` print. The interval on the difference from popularity is a paired bootstrap
over readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.beyond import Facts
from experiments.evaluation import Evaluation, evaluate_graph
from experiments.peered import Peered, peered
from experiments.selection import Candidate, Selection, select, unclocked
from experiments.splits import Split, carve, latest_of_each, newest_slice, read_pair
from experiments.truncation import Truncation, truncations
from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import Progress, silent, trainer
from ranking.models.engine import Engine, local
from ranking.models.progress import stage

AUTO = "auto"
"""The model name that stands for the best of the ladder on validation."""

_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


class HeldOut(StrEnum):
    """What is held out of a store."""

    LATEST_OF_EACH = "latest-of-each"
    """Each reader's latest entries."""

    NEWEST_SLICE = "newest-slice"
    """All readers' entries from some second on."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was trained, how it fared, and how popularity fared on the same readers."""

    graph: ItemGraph
    """Trained on the training part alone; its metrics are the evaluation's."""

    evaluation: Evaluation
    popularity: Evaluation

    seconds: float
    """Training took this long."""

    seed: int

    selection: Selection | None = None
    """What was tried, when the model was ``auto``."""

    truncations: tuple[Truncation, ...] = ()
    """The graph beside its dense model, with nothing blocked and with half of the catalogue; empty where not asked."""

    peered: Peered | None = None
    """The graph beside the best model of the `implicit` library; None where not asked, or where there is none."""

    def as_json(self) -> dict[str, Any]:
        """Plain values under stable names; ``over_popularity`` has differences with their 95 % intervals."""
        over = self.evaluation.over(self.popularity, seed=self.seed)
        return {
            "model": self.graph.trainer,
            "version": self.graph.version,
            "parameters": dict(self.graph.parameters),
            "rows": self.graph.rows,
            "width": self.graph.width,
            "train_seconds": round(self.seconds, 3),
            **self.evaluation.as_json(),
            "popularity": self.popularity.as_json(),
            "over_popularity": {name: interval.as_json() for name, interval in over.items()},
            **{each.name: each.ratio for each in self.truncations},
            "peer": self.peered.as_json() if self.peered else None,
            "tried": [each.as_json() for each in self.selection.tried] if self.selection else [],
        }


def evaluate_files(
    train: Path,
    test: Path,
    *,
    model: str = "spectral",
    parameters: Mapping[str, Any] = _DEFAULTS,
    k: int = 20,
    dense: bool = False,
    peers: bool = False,
    seed: int = 0,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Report:
    """Train on one file in the Gowalla text format and judge on another; see `experiments.splits.read_pair`."""
    split = read_pair(train, test, stage(progress, 0, 0.05))
    within = stage(progress, 0.05, 1)
    return hold_out(
        split,
        model=model,
        parameters=parameters,
        k=k,
        dense=dense,
        peers=peers,
        seed=seed,
        progress=within,
        clock=clock,
    )


def evaluate_store(
    interactions: Interactions,
    *,
    held_out: HeldOut = HeldOut.LATEST_OF_EACH,
    fraction: float = 0.2,
    model: str = "spectral",
    parameters: Mapping[str, Any] = _DEFAULTS,
    k: int = 20,
    facts: Facts | None = None,
    dense: bool = False,
    peers: bool = False,
    seed: int = 0,
    engine: Engine = local,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Report:
    """The same on a store's interactions, split by time, or by ``seed`` where all times are equal; ``facts`` of its
    rows let what needs topics be measured too."""
    split = time_split(interactions, held_out, fraction, seed=seed)
    return hold_out(
        split,
        model=model,
        parameters=parameters,
        k=k,
        facts=facts,
        dense=dense,
        peers=peers,
        seed=seed,
        engine=engine,
        progress=progress,
        clock=clock,
    )


def train_store(
    interactions: Interactions,
    *,
    created_at: int,
    held_out: HeldOut = HeldOut.LATEST_OF_EACH,
    fraction: float = 0.2,
    model: str = "spectral",
    parameters: Mapping[str, Any] = _DEFAULTS,
    k: int = 20,
    facts: Facts | None = None,
    dense: bool = False,
    peers: bool = False,
    seed: int = 0,
    engine: Engine = local,
    engine_of_everything: Engine | None = None,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> tuple[ItemGraph, Report]:
    """Evaluate as `evaluate_store` does, then train the same model on everything.

    The graph of everything carries the hold-out's metrics and is the one to activate. With ``auto`` the model is chosen
    before the hold-out part is looked at. ``engine_of_everything`` may begin from a model that has seen that part.
    """
    report = evaluate_store(
        interactions,
        held_out=held_out,
        fraction=fraction,
        model=model,
        parameters=parameters,
        k=k,
        facts=facts,
        dense=dense,
        peers=peers,
        seed=seed,
        engine=engine,
        progress=stage(progress, 0, 0.6),
        clock=clock,
    )
    chosen = report.selection.best if report.selection else Candidate(model, parameters)
    used = trainer(chosen.model)
    within = stage(progress, 0.6, 1)
    last = engine_of_everything or engine
    graph = last(used, interactions, used.parse(chosen.parameters), seed=seed, progress=within)
    return graph.stamped(created_at=created_at, metrics=report.evaluation.metrics()), report


def hold_out(
    split: Split,
    *,
    model: str = "spectral",
    parameters: Mapping[str, Any] = _DEFAULTS,
    k: int = 20,
    facts: Facts | None = None,
    dense: bool = False,
    peers: bool = False,
    seed: int = 0,
    engine: Engine = local,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Report:
    """Train on ``split.train`` and judge on ``split.test``; ``auto`` first selects on validation from training.

    With ``dense`` the graph is compared with the model it was cut from, where not too large; with ``peers`` with
    the best model of the `implicit` library.
    """
    trained_from, selection, chosen = 0.0, None, Candidate(model, parameters)
    if model == AUTO:
        if parameters:
            raise TrainingError("auto chooses parameters itself; name a model to give them")
        trained_from = 0.75
        selection = select(split.train, k=k, seed=seed, progress=stage(progress, 0, trained_from), clock=clock)
        chosen = selection.best
    used = trainer(chosen.model)
    settings = used.parse(chosen.parameters)
    until = trained_from + (0.95 - trained_from) / 2 if dense else 0.95
    started = clock()
    graph = engine(used, split.train, settings, seed=seed, progress=stage(progress, trained_from, until))
    seconds = clock() - started
    evaluation = evaluate_graph(graph, split, k=k, facts=facts, progress=stage(progress, until, until + 0.01))
    cuts: tuple[Truncation, ...] = ()
    cut_until = until + (0.98 - until) / 2 if peers else 0.98
    if dense:
        within = stage(progress, until + 0.01, cut_until)
        cuts = truncations(graph, used, settings, split, k=k, seed=seed, progress=within)
    beside = peered(graph, split, k=k, seed=seed, progress=stage(progress, cut_until, 0.98)) if peers else None
    baseline = trainer("popularity")
    popular = baseline.train(split.train, baseline.parse({}), seed=seed, progress=silent)
    popularity = evaluate_graph(popular, split, k=k, facts=facts, progress=stage(progress, 0.98, 1))
    graph = graph.stamped(created_at=0, metrics=evaluation.metrics())
    return Report(graph, evaluation, popularity, seconds, seed, selection, cuts, beside)


def time_split(interactions: Interactions, held_out: HeldOut, fraction: float, *, seed: int) -> Split:
    """The split a store is judged by; carved by ``seed`` where all entries are of one second."""
    if not interactions.timed:
        return carve(interactions, fraction, seed=seed)
    if held_out is HeldOut.NEWEST_SLICE:
        return newest_slice(interactions, fraction)
    return latest_of_each(interactions, fraction)
