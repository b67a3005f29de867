"""Retention of events when something fails half-way, and when a clock is wrong for a while."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from feed.clock import ManualClock
from feed.observing.metrics import Metrics
from feed.operations.retention import EventRetention
from feed.storage.answers import done, failed
from feed.storage.errors import StoreBusy, StoreFailed
from feed.storage.memory import MemoryStore
from tests.contracts.making import event

DAY = 86_400
NOW = 20_000 * DAY + 1000


class Forgetting:
    """The memory of all processes; the first ``failures`` times it cannot be reached."""

    def __init__(self, failures):
        self.times = 0
        self._failures = failures

    def forget_all(self):
        if self._failures:
            self._failures -= 1
            raise StoreFailed("the database failed")
        self.times += 1


class Story:
    """One process with the duties, over a store with an event 50 days old and one of now; 40 days are kept."""

    def __init__(self, *, database=None, failures=0):
        self.clock, self.store, self.metrics = ManualClock(NOW), MemoryStore(), Metrics()
        self.forgetting = Forgetting(failures)
        self.settings = settings = SimpleNamespace(events_days=40, events_part_days=30, database=database)
        service: Any = SimpleNamespace(
            clock=self.clock,
            store=self.store,
            metrics=self.metrics,
            settings=settings,
            reader_sharing=self.forgetting,
        )
        self.retention = EventRetention(service)
        self.came("old", NOW - 50 * DAY)
        self.came("young", NOW)

    def came(self, name, at):
        self.store.events.append([event("ada", name, at=at, received_at=at)]).result()

    def turn(self):
        with capture_logs() as told:
            anyio.run(self.retention.turn)
        return [one["event"] for one in told if one["log_level"] == "warning"]

    def left(self):
        return [one.client_id for one in self.store.events.of_reader("ada", 9)]

    def counted(self):
        return self.metrics.events_let_go._value.get()


def test_what_went_before_a_failure_is_counted_and_readers_are_forgotten(monkeypatch):
    story = Story()
    story.turn()
    assert (story.counted(), story.forgetting.times) == (1, 1)

    def half(before, went):
        went(3)
        return failed(StoreBusy("others read"))

    monkeypatch.setattr(story.store.events, "expire", half)
    assert story.turn() == ["not all old events could be let go; tried again in an hour"]
    assert (story.counted(), story.forgetting.times) == (4, 2)
    monkeypatch.setattr(story.store.events, "expire", lambda *_: failed(StoreBusy("others read")))
    story.turn()
    assert (story.counted(), story.forgetting.times) == (4, 2)  # nothing went


def test_readers_are_forgotten_until_it_succeeds_and_then_no_more():
    story = Story(failures=2)
    for _ in range(2):
        assert story.turn() == ["readers could not be forgotten; tried again in an hour"]
    assert story.forgetting.times == 0
    assert story.turn() == story.turn() == []
    assert story.forgetting.times == 1


def test_who_takes_the_duties_over_has_readers_forgotten_once():
    """The one before may have ended between the two."""
    story = Story()
    story.store.events.expire(NOW - 40 * DAY).result()
    story.turn()
    story.turn()
    assert story.forgetting.times == 1


def test_retention_goes_on_where_no_part_can_be_begun(monkeypatch):
    story = Story()
    monkeypatch.setattr(story.store.events, "begin_part", lambda *_: failed(StoreFailed("set them right")))
    assert story.turn() == ["no new part of events could be begun; tried again in an hour"]
    assert story.left() == ["young"]


def test_a_part_is_begun_where_events_are_kept_for_good(monkeypatch):
    story, asked = Story(), list[tuple[int, int]]()
    story.settings.events_days = 0

    def begin_part(at, days) -> Future[bool]:
        asked.append((at, days))
        return done(True)

    monkeypatch.setattr(story.store.events, "begin_part", begin_part)
    story.turn()
    assert (asked, story.left(), story.forgetting.times) == ([(NOW, 30)], ["old", "young"], 0)


@pytest.mark.parametrize("looks_before", [0, 1])
def test_a_clock_that_is_set_ahead_and_back_lets_nothing_go_too_early(looks_before):
    """At the start of a server, and while it runs; events that come meanwhile do not speak for it then."""
    story = Story()
    for _ in range(looks_before):
        story.turn()
    story.clock.set_back(-60 * DAY)
    if looks_before:
        story.came("meanwhile", NOW + 60 * DAY)
    told = story.turn()
    assert bool(told) == bool(looks_before)
    story.clock.set_back(60 * DAY)
    story.clock.advance(3600)
    story.turn()
    assert "young" in story.left() and "old" not in story.left()


def test_a_store_that_nothing_comes_into_lets_events_go_at_the_second_turn():
    story = Story()
    story.clock.set_back(-60 * DAY)
    story.turn()
    assert story.left() == ["young"]
    story.clock.advance(3600)
    assert story.turn() == []
    assert story.left() == []


def test_a_databases_clock_has_to_agree_however_long_this_one_is_wrong():
    story = Story(database="postgresql://weir")
    story.clock.set_back(-60 * DAY)
    for _ in range(3):
        assert story.turn() == ["the clock went ahead of what is known; no event goes by it yet"]
        story.clock.advance(3600)
    assert story.left() == ["young"]
