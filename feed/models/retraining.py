"""Retraining: one scheduled training, from the stored events to a proposal what to do with the model (laws 4 and 8).

Reads only: it runs beside the server that owns the store, and whoever called it hands the model over. The candidate is
made as the active model was, unless another model is asked for, and takes over when it is not worse on the newest
events (`experiments.shadow`). Receipts of erasure promise a training within some days; a model that would break that
promise by the next turn is replaced whatever the comparison says. If asked to, it begins from the active model, where
`feed.models.lineage` allows that; then the twin, which stands for it in the comparison, does so too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation import evaluate_graph
from experiments.holdout import AUTO, hold_out, train_store
from experiments.shadow import Shadow, compared
from experiments.slices import LEAST_READERS, judged_readers, slice_start, sliced
from experiments.splits import Split
from feed.models.lineage import Beginning, beginning
from feed.models.retraining_outcome import Outcome
from feed.models.training import SCORE, positives, recipe
from feed.settings import Settings
from feed.storage.records import EventColumns
from ranking.catalogue import Catalogue
from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import Progress, trainer
from ranking.models.engine import Engine
from ranking.models.progress import stage

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """How to retrain, from the settings."""

    model: str
    """A trainer's name or auto; empty: the active model's recipe, auto without an active model."""
    share: float
    """Share of the entries that the newest slice has at most."""
    tolerance: float
    """Share of the active model's score by which the candidate may fall short."""
    replace_by: int
    """A model trained before this second is replaced whatever the comparison says."""
    warm: bool = False
    """Whether to begin from the active model where that is allowed."""
    chain_since: int = 0
    """A model of a chain of warm starts that began before this second is no start."""


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it, in words that the ledger keeps."""

    outcome: Outcome
    reason: str
    graph: ItemGraph | None = None
    against: str = ""
    """Version of the active model it was judged against; empty when there was none."""
    shadow: Shadow | None = None

    @property
    def evidence(self) -> tuple[str, ...]:
        """The figures, in one line."""
        return () if self.shadow is None else (self.shadow.told(self.against),)


def retrained(
    columns: EventColumns,
    catalogue: Catalogue,
    active: ItemGraph | None,
    plan: Plan,
    *,
    now: int,
    forgettings: int | None = None,
    seed: int = 0,
    engine: Engine,
    progress: Progress,
) -> Retrained:
    """Train on the events as they were read, and say what is to become of the model.

    ``now`` is the second of training, ``forgettings`` what `feed.models.lineage.read_events` counted. Raises
    TrainingError or DataError.
    """
    everything = positives(columns, catalogue)
    begins = beginning(active, warm=plan.warm, forgettings=forgettings, now=now, since=plan.chain_since)
    engine = begins.engine(engine)
    if active is None:
        return _first(everything, plan, begins, now=now, seed=seed, engine=engine, progress=progress)
    due = active.created_at < plan.replace_by
    since = slice_start(everything, plan.share, after=active.created_at)
    split = _slice(columns, catalogue, since)
    readers = judged_readers(split)
    if readers < LEAST_READERS and not due:
        reason = f"{readers} readers have new events since the active model was trained, {LEAST_READERS} are wanted"
        return Retrained(Outcome.WAIT, reason, against=active.version)
    name, parameters = (plan.model, {}) if plan.model else recipe(active)
    shadow = None
    if readers >= LEAST_READERS:
        judging = stage(progress, 0, 0.6)
        report = hold_out(split, model=name, parameters=parameters, seed=seed, engine=engine, progress=judging)
        if report.selection is not None:
            name, parameters = report.selection.best.model, report.selection.best.parameters
        shadow = compared(report.evaluation, evaluate_graph(active, split), SCORE, since=since, seed=seed)
    used = trainer(name)
    graph = engine(used, everything, used.parse(parameters), seed=seed, progress=stage(progress, 0.6, 1))
    figures = shadow.as_metrics() if shadow is not None else {}
    graph = graph.stamped(created_at=now, metrics={**figures, **begins.chain(graph)})
    return _judged(graph, active, shadow, plan, due, begins.told(graph))


def plan_of(settings: Settings, now: int) -> Plan:
    """The plan that the settings make at second ``now``: a model is replaced in time for the next turn, too."""
    turn = settings.retrain_seconds or DAY
    return Plan(
        settings.retrain_model,
        settings.retrain_slice,
        settings.retrain_tolerance,
        replace_by=now + turn - settings.retrain_days * DAY,
        warm=settings.retrain_warm,
        chain_since=now - settings.retrain_days * DAY,
    )


def _first(
    everything: Interactions,
    plan: Plan,
    begins: Beginning,
    *,
    now: int,
    seed: int,
    engine: Engine,
    progress: Progress,
) -> Retrained:
    readers = int(np.count_nonzero(np.diff(everything.indptr)))
    if readers < LEAST_READERS:
        return Retrained(Outcome.WAIT, f"{readers} readers have events to train on, {LEAST_READERS} are wanted")
    try:
        graph, report = train_store(
            everything,
            created_at=now,
            model=plan.model or AUTO,
            seed=seed,
            clock=perf_counter,
            engine=engine,
            progress=progress,
        )
    except DataError as cause:
        return Retrained(Outcome.WAIT, f"the events do not suffice yet: {cause}")
    score = report.evaluation.metrics()[SCORE]
    reason = f"no model was active; {graph.trainer} has a hold-out {SCORE} of {score:.4f}"
    graph = graph.stamped(created_at=now, metrics={**graph.metrics, **begins.chain(graph)})
    return Retrained(Outcome.ACTIVATE, reason, graph)


def _slice(columns: EventColumns, catalogue: Catalogue, since: int) -> Split:
    """Events up to a second against those after it. Cut before they are merged: what a reader did twice is known from
    the first time on, to both models."""
    newer = columns.times > since
    return sliced(positives(kept(columns, ~newer), catalogue), positives(kept(columns, newer), catalogue))


def kept(columns: EventColumns, keep: NDArray[np.bool_]) -> EventColumns:
    """The events for which ``keep`` bool[n] holds."""
    return replace(
        columns,
        readers=columns.readers[keep],
        items=columns.items[keep],
        times=columns.times[keep],
        received=columns.received[keep],
        kinds=columns.kinds[keep],
    )


def _judged(graph: ItemGraph, active: ItemGraph, shadow: Shadow | None, plan: Plan, due: bool, told: str) -> Retrained:
    against = active.version
    if graph.version == against:
        return Retrained(Outcome.UNCHANGED, "training made the active model again" + told, graph, against, shadow)
    worse = shadow is not None and shadow.worse(plan.tolerance)
    if worse and not due:
        reason = "worse than the active model on the newest events, which therefore stays"
        return Retrained(Outcome.KEEP, reason + told, graph, against, shadow)
    if worse:
        reason = "worse on the newest events, but the active model holds on to what was promised to be forgotten by now"
    elif shadow is None:
        reason = "too few new events to judge by, but training again within these days was promised"
    else:
        reason = "trained on newer events, and not worse on the newest ones"
    return Retrained(Outcome.ACTIVATE, reason + told, graph, against, shadow)
