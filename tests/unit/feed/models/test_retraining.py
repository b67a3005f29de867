"""One retraining: what it is judged by, when the result takes over, and when it does not pay to train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from experiments.slices import LEAST_READERS
from feed.models.lineage import Chain
from feed.models.retraining import DAY, Plan, Retrained, plan_of, retrained
from feed.models.retraining_outcome import Outcome
from feed.models.training import positives
from feed.settings import Settings
from feed.storage.records import EventColumns
from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished
from ranking.models import silent, trainer
from ranking.models.engine import Engine, local
from ranking.reader import EventKind

GROUPS, MEMBERS, READERS = 4, 10, 4 * LEAST_READERS
TRAINED = 1000
"""Second at which the active model was trained."""
NOW = 2000
PATIENT = Plan("", 0.5, 0.0, replace_by=0)


def catalogue() -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply([ItemPublished(f"item-{row}") for row in range(GROUPS * MEMBERS)])
    return builder.view()


def events(*, newest: int = 2) -> EventColumns:
    """Readers who like six items of their group before the active model was trained, and ``newest`` others after."""
    draw = np.random.default_rng(5)
    entries = []
    for reader in range(READERS):
        items = reader % GROUPS * MEMBERS + draw.permutation(MEMBERS)
        entries += [(reader, item, 100 + at) for at, item in enumerate(items[:6])]
        entries += [(reader, item, TRAINED + 10 + at) for at, item in enumerate(items[6 : 6 + newest])]
    readers, items, times = np.array(sorted(entries, key=lambda entry: entry[2])).T
    return columns(readers, items, times)


def columns(readers: Sequence[Any], items: Sequence[Any], times: Sequence[Any]) -> EventColumns:
    return EventColumns(
        tuple(f"reader-{reader}" for reader in range(READERS)),
        tuple(f"item-{row}" for row in range(GROUPS * MEMBERS)),
        np.asarray(readers, np.int32),
        np.asarray(items, np.int32),
        np.asarray(times, np.int64),
        np.full(len(times), EventKind.LIKE, np.uint8),
        np.asarray(times, np.int64),
    )


def active(*, trained_at: int = TRAINED) -> ItemGraph:
    """Leads every reader to another group than theirs."""
    rows = np.arange(GROUPS * MEMBERS)
    beside = (rows[:, None] + MEMBERS + np.arange(3)) % rows.size
    graph = ItemGraph.from_arrays(beside, np.ones(beside.shape), trainer="neighbours")
    return graph.stamped(created_at=trained_at, metrics={})


def run(graph: ItemGraph | None, plan: Plan = PATIENT, told: EventColumns | None = None) -> Retrained:
    known = events() if told is None else told
    return retrained(known, catalogue(), graph, plan, now=NOW, forgettings=0, engine=local, progress=silent)


def test_the_active_recipe_trained_again_takes_over_when_it_is_better_on_what_came_since():
    made = run(active())
    assert (made.outcome, made.against) == (Outcome.ACTIVATE, active().version)
    assert made.graph is not None and made.shadow is not None
    assert (made.graph.trainer, made.graph.created_at) == ("neighbours", NOW)
    assert made.shadow.candidate > made.shadow.active
    assert made.shadow.difference.low > 0
    assert made.shadow.since == TRAINED
    assert made.shadow.readers == READERS
    assert made.graph.metrics == {**made.shadow.as_metrics(), **Chain(NOW, 0).as_metrics()}
    assert len(made.evidence) == 1 and len(made.evidence[0]) <= 500
    # The twin that was judged has not seen the slice; the model that serves has.
    used = trainer("neighbours")
    everything = positives(events(), catalogue())
    assert made.graph.version == local(used, everything, used.parse({}), seed=0, progress=silent).version


def test_a_candidate_that_is_worse_on_the_newest_events_does_not_take_over():
    better = run(active()).graph
    assert better is not None
    made = run(better.stamped(created_at=TRAINED, metrics={}), Plan("popularity", 0.5, 0.0, replace_by=0))
    assert made.outcome is Outcome.KEEP
    assert made.graph is not None and made.graph.trainer == "popularity"
    assert made.shadow is not None and made.shadow.difference.high < 0


def test_what_a_receipt_promised_is_kept_even_by_a_worse_model():
    better = run(active()).graph
    assert better is not None
    plan = Plan("popularity", 0.5, 0.0, replace_by=TRAINED + 1)
    made = run(better.stamped(created_at=TRAINED, metrics={}), plan)
    assert made.outcome is Outcome.ACTIVATE
    assert "promised" in made.reason and "worse" in made.reason


def test_without_new_events_nothing_is_trained_until_a_promise_is_due():
    old = events(newest=0)
    made = run(active(), told=old)
    assert (made.outcome, made.graph, made.shadow) == (Outcome.WAIT, None, None)
    assert f"{LEAST_READERS} are wanted" in made.reason
    due = run(active(), Plan("", 0.5, 0.0, replace_by=TRAINED + 1), told=old)
    assert (due.outcome, due.shadow) == (Outcome.ACTIVATE, None)
    assert "promised" in due.reason


def test_the_model_that_serves_already_is_not_activated_again():
    old = events(newest=0)
    due = Plan("", 0.5, 0.0, replace_by=NOW)
    first = run(active(), due, told=old).graph
    assert first is not None
    assert run(first.stamped(created_at=TRAINED, metrics={}), due, told=old).outcome is Outcome.UNCHANGED


def test_the_first_model_serves_without_a_comparison():
    made = run(None, Plan("neighbours", 0.5, 0.0, replace_by=0))
    assert (made.outcome, made.against, made.shadow) == (Outcome.ACTIVATE, "", None)
    assert made.graph is not None and made.graph.metrics["ndcg@20"] > 0


@pytest.mark.parametrize(
    ("readers", "each", "words"),
    [
        (0, 0, "0 readers"),
        (1, 9, "1 readers"),
        (LEAST_READERS - 1, 9, "49 readers"),
        (LEAST_READERS, 1, "do not suffice"),
    ],
)
def test_the_first_model_waits_for_enough_readers_and_events(readers, each, words):
    likes = [(reader, item, item) for reader in range(readers) for item in range(each)]
    told = columns(*(zip(*likes, strict=True) if likes else ([], [], [])))
    made = run(None, Plan("neighbours", 0.5, 0.0, replace_by=0), told=told)
    assert (made.outcome, made.graph) == (Outcome.WAIT, None)
    assert words in made.reason


def test_an_active_model_whose_events_are_all_gone_is_not_replaced_by_nothing():
    with pytest.raises(TrainingError, match="no interactions"):
        run(active(), Plan("", 0.5, 0.0, replace_by=NOW), told=columns([], [], []))


def test_the_twin_begins_where_the_model_does_that_it_stands_for():
    begun: list[tuple[int, str]] = []

    def noting(used: Any, interactions: Any, parameters: Any, **given: Any) -> ItemGraph:
        start = given.get("start")
        begun.append((interactions.count, "" if start is None else start.version))
        return local(used, interactions, parameters, **given)

    first = ItemGraph.from_arrays(
        active().neighbours, active().weights, trainer="spectral", parameters={"power_iterations": 2}
    ).stamped(created_at=TRAINED, metrics=Chain(TRAINED, 0).as_metrics())
    for warm in (True, False):
        plan = replace(PATIENT, warm=warm)
        made = retrained(
            events(), catalogue(), first, plan, now=NOW, forgettings=0, engine=cast(Engine, noting), progress=silent
        )
        assert made.outcome is Outcome.ACTIVATE and made.graph is not None
        assert made.graph.parameters["power_iterations"] == 2
        assert ("start" in made.graph.parameters) is warm
    expected = [(READERS * 6, first.version), (READERS * 8, first.version), (READERS * 6, ""), (READERS * 8, "")]
    assert begun == expected


def test_the_plan_replaces_a_model_a_turn_before_the_promise_would_be_broken():
    plan = plan_of(Settings(retrain_days=7, retrain_every="6h", retrain_model="auto"), now=100 * DAY)
    assert plan == Plan("auto", 0.1, 0.02, replace_by=93 * DAY + 6 * 3600, chain_since=93 * DAY)
    assert plan_of(Settings(retrain_warm=True), now=100 * DAY).warm
    assert plan_of(Settings(retrain_every="off"), now=100 * DAY).replace_by == 94 * DAY


@pytest.mark.parametrize(("every", "seconds"), [("off", None), ("90s", 90), ("15m", 900), ("6h", 21_600), ("1d", DAY)])
def test_the_time_between_two_trainings_is_read_as_it_is_written(every, seconds):
    assert Settings(retrain_every=every).retrain_seconds == seconds


@pytest.mark.parametrize("every", ["", "1", "0h", "1w", "8d", "200h", "on"])
def test_a_time_that_is_none_or_breaks_the_promise_is_refused(every):
    with pytest.raises(ValueError):
        Settings(retrain_every=every)
