"""Lineage: what a training may begin from, and what it says when it may not."""

from __future__ import annotations

from typing import cast

import pytest

from feed.models.lineage import ANEW, Chain, beginning, read_events
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, ReaderRecord
from ranking.graph import ItemGraph
from ranking.reader import EventKind

NOW = 2000


def model(trainer: str = "spectral", **metrics: float) -> ItemGraph:
    graph = ItemGraph.from_arrays([[1], [0]], [[1.0], [1.0]], trainer=trainer)
    return graph.stamped(created_at=1000, metrics=metrics)


def chained(forgettings: int, *, models: int = 1, trainer: str = "spectral") -> ItemGraph:
    return model(trainer, **{"ndcg@20": 0.5}, **Chain(1000, forgettings, models).as_metrics())


def begun_from(start: ItemGraph) -> ItemGraph:
    return ItemGraph.from_arrays([[1], [0]], [[1.0], [1.0]], trainer="spectral", parameters={"start": start.version})


def test_a_chain_is_read_as_it_was_written_beside_other_figures():
    chain = Chain(1_700_000_000, 12, 3)
    assert Chain.from_metrics({"ndcg@20": 0.5, **chain.as_metrics()}) == chain
    assert Chain.from_metrics({"ndcg@20": 0.5}) is None
    assert Chain.from_metrics(cast("dict[str, float]", {**chain.as_metrics(), "chain models": None})) is None


def test_a_training_begins_from_a_model_since_whose_chain_nothing_was_forgotten():
    start = chained(3, models=2)
    begins = beginning(start, warm=True, forgettings=3, now=NOW)
    assert begins.start is start
    made = begun_from(start)
    assert Chain.from_metrics(begins.chain(made)) == Chain(1000, 3, 3)
    assert begins.told(made) == f"; begun from model {start.version}"


@pytest.mark.parametrize(
    ("active", "forgettings", "words"),
    [
        (None, 3, "there is no model"),
        (chained(2), 3, "since second 1000"),
        (chained(4), 3, "since second 1000"),
        (chained(3), None, "not sure that nothing was forgotten"),
        (model(), 3, "does not say what was forgotten"),
        (chained(3, trainer="als"), 3, "is not of a kind"),
        (chained(3, trainer="of another release"), 3, "is not of a kind"),
    ],
    ids=["no model", "forgotten since", "another store", "while reading", "no chain", "als", "unknown"],
)
def test_otherwise_it_begins_anew_and_says_why(active, forgettings, words):
    begins = beginning(active, warm=True, forgettings=forgettings, now=NOW)
    assert begins.start is None
    assert words in begins.told(model())
    expected = {} if forgettings is None else Chain(NOW, forgettings, 1).as_metrics()
    assert begins.chain(model()) == expected


def test_no_chain_grows_older_than_a_training_may_be():
    assert beginning(chained(3), warm=True, forgettings=3, now=NOW, since=1000).start is not None
    begins = beginning(chained(3), warm=True, forgettings=3, now=NOW, since=1001)
    assert begins.start is None
    assert "to be forgotten by now" in begins.told(model())


def test_without_being_asked_it_begins_anew_says_nothing_and_begins_a_chain():
    begins = beginning(chained(3), warm=False, forgettings=3, now=NOW)
    assert (begins.start, begins.told(model())) == (None, "")
    assert Chain.from_metrics(begins.chain(model())) == Chain(NOW, 3, 1)


def test_a_model_of_which_nobody_knows_what_was_forgotten_begins_no_chain():
    assert (ANEW.start, ANEW.chain(model()), ANEW.told(model())) == (None, {}, "")


def test_a_trainer_that_was_chosen_and_cannot_begin_there_begins_a_chain_of_its_own():
    begins = beginning(chained(3), warm=True, forgettings=3, now=NOW)
    made = model("ease")
    assert Chain.from_metrics(begins.chain(made)) == Chain(NOW, 3, 1)
    assert "ease was chosen" in begins.told(made)


def test_a_forgetting_while_events_are_read_is_noticed(monkeypatch):
    store = MemoryStore()
    store.events.append([EventRecord("ada", "c", "item", EventKind.LIKE, 1, 1, 0, "", 1)]).result()
    assert read_events(store)[1] == 0
    columns = store.events.columns

    def slow():
        read = columns()
        store.readers.save(ReaderRecord("ada", '{"personalization":false}'), None).result()
        return read

    monkeypatch.setattr(store.events, "columns", slow)
    read, forgettings = read_events(store)
    assert (len(read.times), forgettings) == (1, None)
    monkeypatch.undo()
    read, forgettings = read_events(store)
    assert (len(read.times), forgettings) == (0, 1)
