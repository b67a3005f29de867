"""The publisher's rows for items that no model knows: at once, from first readers, and only from those who agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feed.clock import ManualClock
from feed.control.follow import catch_up
from feed.control.newcomers import GROWN_AN_EDITION, NEW_SECONDS
from feed.control.publisher import Publisher
from feed.storage.entries import decode
from feed.storage.errors import StorageError
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord, ItemRecord, ReaderRecord
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished, ListPublished, RowGrown
from ranking.newcomers import ENOUGH_READERS, worth_exploring
from ranking.reader import EventKind
from ranking.snapshot import Snapshot

CLICK = EventKind.CLICK


def _none(name: str):
    raise KeyError(name)


class Place:
    """A store, a fold that follows it, and a publisher whose clock stands still."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.fold = Fold(_none, _none)
        self.publisher = Publisher(self.store, self.clock, self.latest, lambda: None, popular_every=1e9)
        self.sent = 0

    def latest(self) -> Snapshot:
        catch_up(self.fold, self.store)
        return self.fold.snapshot()

    def put(self, *items: ItemRecord) -> None:
        self.store.items.put_items(items).result()

    def new(self, id: str, topics: str = "", author: str = "", age: int = 0) -> ItemRecord:
        return ItemRecord(id, author, topics=tuple(topics.split()), published_at=self.clock.now() - age)

    def did(self, reader: str, items: str, kind: EventKind = CLICK, consented: bool = True) -> None:
        events = []
        for item in items.split():
            self.sent += 1
            now = self.clock.now() + self.sent
            events.append(EventRecord(reader, f"e{self.sent}", item, kind, now, now, 0, "", int(consented)))
        self.store.events.append(events).result()
        self.publisher.events_came()

    def published(self) -> dict[str, dict[str, int]]:
        """Rows of the next edition, if there is one."""
        before = self.store.journal.head()
        self.publisher.publish()
        return {
            entry.item: dict(zip(entry.neighbours, entry.weights, strict=True))
            for edition in self.store.journal.since(before)
            for entry in decode(edition.entries)
            if isinstance(entry, RowGrown)
        }


@pytest.fixture
def place():
    return Place()


def test_a_new_item_has_neighbours_in_the_edition_that_publishes_it(place):
    place.put(place.new("old", "art"))
    assert place.published() == {}
    place.put(place.new("new", "art"), place.new("other", "bees"))
    rows = place.published()
    assert list(rows) == ["new"]
    assert list(rows["new"]) == ["old"]
    (_, edition) = place.store.journal.since(0)
    assert [type(entry) for entry in decode(edition.entries)] == [*2 * [ItemPublished], RowGrown, ListPublished]


def test_what_is_queued_while_an_edition_is_made_comes_with_its_rows_in_the_next(place, monkeypatch):
    place.put(place.new("old", "art"))
    place.published()
    place.put(place.new("new", "art"))
    oldest = place.store.journal.oldest

    def overtaken(limit):
        lines = oldest(limit)
        place.put(place.new("late", "art"))
        return lines

    monkeypatch.setattr(place.store.journal, "oldest", overtaken)
    assert list(place.published()) == ["new"]
    assert place.latest().catalogue.row_of("late") == -1
    monkeypatch.undo()
    assert list(place.published()) == ["late"]


def test_items_of_the_past_and_items_put_again_get_no_row_before_they_are_read(place):
    place.put(place.new("old", "art"))
    place.published()
    place.put(place.new("imported", "art", age=NEW_SECONDS + 1), place.new("old", "art bees"))
    assert place.published() == {}


def test_the_first_reader_of_an_item_gives_it_neighbours_in_the_next_edition(place):
    place.put(*(place.new(name) for name in ("a", "b", "new")))
    place.published()
    place.did("ada", "a new")
    assert place.published() == {"a": {"new": 204}, "new": {"a": 204}}
    assert place.published() == {}
    place.did("ben", "b new")
    assert place.published() == {"b": {"new": 204}, "new": {"b": 341, "a": 341}}


def test_voices_without_consent_and_impressions_count_for_nothing(place):
    place.put(place.new("a"), place.new("new"))
    place.published()
    place.did("ada", "a new", consented=False)
    place.did("ben", "a new", EventKind.IMPRESSION)
    assert place.published() == {}


def test_opting_out_takes_a_reader_out_of_the_rows(place):
    place.put(*(place.new(name) for name in ("a", "b", "new")))
    place.published()
    place.did("ada", "a new")
    place.did("ben", "b new")
    assert set(place.published()["new"]) == {"a", "b"}
    place.store.readers.save(ReaderRecord("ada", '{"personalization": false}'), None).result()
    place.publisher.events_came()
    assert place.published() == {"a": {}, "new": {"b": 204}}


def test_an_erased_reader_is_out_of_the_rows_of_the_next_edition(place):
    place.put(*(place.new(name) for name in ("a", "new")))
    place.published()
    place.did("ada", "a new")
    assert place.published() == {"a": {"new": 204}, "new": {"a": 204}}
    place.store.readers.erase("ada", place.clock.now()).result()
    place.publisher.erased()
    assert place.published() == {"a": {}, "new": {}}
    assert place.published() == {}


def test_an_erasure_whose_edition_failed_is_in_the_next_one_lists_and_rows(place, monkeypatch):
    place.put(*(place.new(name) for name in ("a", "new")))
    place.published()
    place.did("ada", "a new")
    place.publisher.erased()
    place.published()
    assert place.latest().popular["home"].size == 2
    place.store.readers.erase("ada", place.clock.now()).result()
    place.publisher.erased()

    def failing(**_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(place.store.journal, "publish", failing)
        for _ in range(2):
            with pytest.raises(StorageError):
                place.publisher.publish()
    assert place.published() == {"a": {}, "new": {}}
    assert place.latest().popular["home"].size == 0


def test_an_edition_brings_a_bounded_number_of_rows_and_the_next_ones_the_rest(place):
    count = GROWN_AN_EDITION + 40
    place.put(*(place.new(f"i{n}") for n in range(count)))
    place.published()
    for n in range(count // 2):
        place.did(f"r{n}", f"i{2 * n} i{2 * n + 1}")
    first, second = place.published(), place.published()
    assert (len(first), len(second)) == (GROWN_AN_EDITION, count - GROWN_AN_EDITION)
    assert {*first, *second} == {f"i{n}" for n in range(count)}
    assert f"i{count - 1}" in first


def test_a_row_that_many_were_heard_on_is_written_again_only_for_many_more(place):
    place.put(place.new("a"), place.new("new"))
    place.published()
    written = []
    for n in range(40):
        place.did(f"r{n}", "a new")
        written.append("new" in place.published())
    assert written == [n < 16 or n + 1 in (20, 25, 32, 40) for n in range(40)]


def explored(place):
    snapshot = place.latest()
    return [snapshot.catalogue.ids[row] for row in snapshot.exploration.get("home", ())]


def test_new_items_are_worth_exploring_until_enough_readers_were_heard_on_them(place):
    place.put(*(place.new(name, age=age) for age, name in enumerate("abc")))
    place.published()
    assert explored(place) == ["a", "b", "c"]
    place.put(place.new("new", age=-9))
    place.published()
    assert explored(place) == ["new", "a", "b", "c"]
    for n in range(ENOUGH_READERS):
        assert "b" in explored(place)
        place.did(f"r{n}", "b", EventKind.LIKE)
        place.published()
    assert explored(place) == ["new", "a", "c"]
    head = place.store.journal.head()
    place.published()
    assert place.store.journal.head() == head


def test_what_is_withdrawn_or_known_to_the_model_is_not_explored(place):
    place.put(*(place.new(name) for name in ("a", "b", "c")))
    place.published()
    place.store.items.put_items([replace(place.store.items.item("b"), withdrawn=True)]).result()
    place.published()
    place.published()
    assert explored(place) == ["c", "a"]
    graph = ItemGraph.from_arrays(np.array([[1], [0], [-1]]), np.array([[1.0], [1.0], [0.0]]), trainer="small")
    assert worth_exploring(place.latest().catalogue, graph, np.zeros(0, np.int64)) == ["c"]
