"""Law 8: models may be begun from each other until anybody is forgotten; then the next one is begun anew."""

from __future__ import annotations

from itertools import count

from hypothesis import example, given, settings
from hypothesis import strategies as st

from feed.models.lineage import Chain, read_events
from feed.models.retraining import Plan, Retrained, retrained
from feed.models.training import positives
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, ReaderRecord
from ranking.building import CatalogueBuilder
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished
from ranking.models import silent, trainer
from ranking.models.engine import local
from ranking.reader import EventKind

ITEMS, READERS = 9, 6
CATALOGUE = CatalogueBuilder()
CATALOGUE.apply([ItemPublished(f"item-{number}") for number in range(ITEMS)])
ALWAYS = Plan("spectral", 0.1, 0.0, replace_by=1 << 40, warm=True)
"""Trains whether there are new events to judge by or not."""

FORGETTING = ("erase", "forget", "forget an item", "opt out")
acts = st.lists(
    st.tuples(st.sampled_from([*FORGETTING, "opt in", "like", "train", "train"]), st.integers(0, READERS - 1)),
    min_size=1,
    max_size=12,
)


class Community:
    """A store in which one reader is never forgotten, so that there is always something to train on."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.forgotten = False
        self._numbers = count()
        self._seconds = count(1000)
        for reader in range(READERS):
            for step in range(3):
                self.like(f"reader-{reader}", (reader * 2 + step) % ITEMS)
        for step in range(4):
            self.like("keeper", step)

    def like(self, reader: str, item: int) -> None:
        at = next(self._seconds)
        client = f"c{next(self._numbers)}"
        event = EventRecord(reader, client, f"item-{item}", EventKind.LIKE, at, at, 0, "", 1)
        self.store.events.append([event]).result()

    def does(self, act: str, number: int) -> None:
        reader, readers = f"reader-{number}", self.store.readers
        was_on = readers.get(reader).settings != OFF
        if act == "erase":
            readers.erase(reader, next(self._seconds)).result()
        elif act == "forget":
            self.store.events.forget(reader, at=next(self._seconds)).result()
        elif act == "forget an item":
            self.store.events.forget(reader, f"item-{number * 2 % ITEMS}", at=next(self._seconds)).result()
        elif act == "opt out":
            readers.save(ReaderRecord(reader, OFF), None).result()
        elif act == "opt in":
            readers.save(ReaderRecord(reader, "{}"), None).result()
        elif act == "like":
            self.like(reader, (number * 5 + 1) % ITEMS)
        self.forgotten |= act in FORGETTING and (act != "opt out" or was_on)

    def trains(self, active: ItemGraph | None) -> Retrained:
        columns, forgettings = read_events(self.store)
        return retrained(
            columns,
            CATALOGUE.view(),
            active,
            ALWAYS,
            now=next(self._seconds),
            forgettings=forgettings,
            engine=local,
            progress=silent,
        )

    def anew(self) -> ItemGraph:
        """What training from the beginning makes of the events that are left."""
        used = trainer("spectral")
        left = positives(self.store.events.columns(), CATALOGUE.view())
        return local(used, left, used.parse({}), seed=0, progress=silent)


OFF = '{"personalization":false}'


@settings(max_examples=20, deadline=None)
@given(acts)
@example([("like", 1), ("train", 0), ("erase", 2), ("train", 0), ("train", 0)])
@example([("train", 0), ("train", 0), ("opt out", 3), ("opt in", 3), ("train", 0)])
def test_after_a_forgetting_the_next_model_is_what_training_from_the_beginning_makes_of_what_is_left(acts):
    community = Community()
    active = community.anew().stamped(created_at=1, metrics=Chain(1, 0).as_metrics())
    for act, number in acts:
        if act != "train":
            community.does(act, number)
            continue
        made = community.trains(active)
        assert made.graph is not None
        if community.forgotten:
            anew = community.anew()
            assert made.graph.version == anew.version
            assert made.graph.neighbours.tobytes() == anew.neighbours.tobytes()
            assert made.graph.weights.tobytes() == anew.weights.tobytes()
            assert "trained from the beginning" in made.reason
        else:
            assert made.graph.parameters["start"] == active.version
        community.forgotten = False
        active = made.graph


def test_a_chain_is_ended_by_what_was_forgotten_after_its_first_model_not_only_after_its_last():
    community = Community()
    first = community.anew().stamped(created_at=1, metrics=Chain(1, 0).as_metrics())
    second = community.trains(first).graph
    assert second is not None and Chain.from_metrics(second.metrics) == Chain(1, 0, 2)
    community.does("erase", 0)
    # One that was still made from the events of before is no way round: its chain is as old as the first model's.
    community.like("keeper", 8)
    third = community.trains(second).graph
    assert third is not None and "start" not in third.parameters
    for older in (first, second):
        made = community.trains(older).graph
        assert made is not None and "start" not in made.parameters
