"""Transparency counted from a store: what is read once, what is read again, and what a period comes to."""

from __future__ import annotations

import datetime
from typing import Any

import orjson
import pytest

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.dsa import AutomatedDecision, YesNo
from controls.restrictions import Effect, Holding, Restriction
from controls.stating import Concerned, Desk, Reasons, restriction_stated
from controls.transparency import DAY, Report
from feed.clock import ManualClock
from feed.pages.counts import EVERY_SECONDS, FeedCounts
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord
from feed.storage.register import Entry
from feed.transparency.page import _table, transparency_page
from feed.transparency.reports import FOLLOWED, REFRESH_SECONDS, WINDOW, Tallies, follow_exposures
from feed.transparency.statement_papers import statement_paper, statements_of
from ranking.reader import EventKind

START = 1_800_000_000 // DAY * DAY
TODAY = datetime.datetime.fromtimestamp(START, datetime.UTC).date()


class Place:
    def __init__(self) -> None:
        self.clock = ManualClock(START + 100)
        self.store = MemoryStore()
        self.tallies = Tallies(self.store, self.clock.monotonic)

    def state(self, item: str, at: int, cause: str = "rumours") -> None:
        restriction = Restriction(item, Holding("rule", cause, (Effect.DEMOTED,)), at)
        reasons = Reasons(Basis("terms", "1"), "why", AutomatedDecision.FULLY, YesNo.YES)
        fields = restriction_stated(restriction, reasons, Concerned(), Desk({}))
        paper = statement_paper(fields, item=item, author="a", kind="rule", cause=cause, from_at=at)
        statements_of(self.store).edit([paper.id], lambda _: [paper]).result()

    def paper(self, register: str, id: str, content: dict[str, Any], **columns: Any) -> None:
        entry = Entry(id, orjson.dumps(content).decode(), **columns)
        self.store.register(register).edit([id], lambda _: [entry]).result()

    def show(self, item: str, *seconds: int) -> None:
        shown = [EventRecord("r", f"{item}{at}", item, EventKind.IMPRESSION, at, at, 0, "", 1) for at in seconds]
        self.store.events.append(shown).result()

    def report(self, days: int = 1, *, later: bool = True) -> Report:
        if later:
            self.clock.advance(REFRESH_SECONDS)
        return self.tallies.report(TODAY - datetime.timedelta(days=days - 1), TODAY)


@pytest.fixture
def place() -> Place:
    return Place()


def test_statements_count_on_the_day_that_they_began_and_once(place):
    place.state("i1", START)
    place.state("i2", START - 1)
    assert place.report().acts["by_rule"] == {"rumours": 1}
    assert place.report(days=2).acts["by_rule"] == {"rumours": 2}
    place.state("i3", START + 5)
    assert place.report(days=2).acts["total"] == 3


def test_a_statement_that_comes_late_is_counted_all_the_same(place):
    place.state("i1", START)
    assert place.report(days=400).acts["total"] == 1
    place.state("i2", START - 300 * DAY)
    assert place.report(days=400).acts["total"] == 2


def test_nothing_is_counted_again_before_it_is_time(place):
    place.report()
    place.state("i1", START)
    assert place.report(later=False).acts["total"] == 0
    assert place.report().acts["total"] == 1


def test_decisions_are_counted_by_type_and_by_who_made_them(place):
    for number, (kind, role) in enumerate([("pin", "editor"), ("pin", "editor"), ("strike", "service")]):
        made = Decision(
            f"d{number}",
            DecisionType(kind),
            Subject(SubjectKind.ITEM, "i"),
            "somebody",
            role,
            "why",
            Basis("terms", "1"),
            START,
            START,
        )
        place.store.ledger.append(made).result()
    told = place.report().decisions
    assert (told["by_type"], told["by_the_service"]) == ({"pin": 2, "strike": 1}, 1)


def test_reports_cases_and_appeals_are_read_as_they_stand(place):
    place.paper("reports", "p1", {"category": "spam"}, state="received", at=START)
    place.paper("cases", "c1", {"kind": "report", "resolution": None}, state="open", at=START, due_at=START + 50)
    assert place.report().reports == {
        "received": 1,
        "acted_on": 0,
        "dismissed": 0,
        "unresolved": 1,
        "by_category": {"spam": 1},
    }
    place.paper("reports", "p1", {"category": "spam"}, state="acted", at=START)
    done = {"resolution": {"outcome": "acted"}, "resolved_at": START + 90}
    place.paper("cases", "c1", {"kind": "report", **done}, state="resolved", at=START, due_at=START + 50)
    upheld = {"resolution": {"outcome": "upheld"}, "resolved_at": START + 90}
    place.paper("cases", "c2", {"kind": "appeal", **upheld}, state="resolved", at=START - 5 * DAY)
    told = place.report()
    assert (told.reports["acted_on"], told.reports["unresolved"]) == (1, 0)
    assert (told.cases["resolved_late"], told.cases["median_seconds_to_act"]) == (1, 90)
    assert (told.appeals["made"], told.appeals["upheld"], told.appeals["overturn_rate"]) == (0, 1, 1.0)


def test_exposures_are_counted_before_and_after_the_acts_of_the_last_days(place):
    at = START - DAY
    place.state("i1", at)
    place.show("i1", at - WINDOW - 1, at - WINDOW, at - 1, at, at + 5)
    place.state("i2", START - 30 * DAY)
    place.show("i2", START - 30 * DAY)
    assert follow_exposures(place.store, START + 100) == 1
    assert place.report(days=2).exposure == {"window_seconds": WINDOW, "acts_followed": 1, "before": 2, "after": 2}
    place.show("i1", at + 6)
    follow_exposures(place.store, START + 200)
    assert place.report(days=2).exposure["after"] == 3


def test_of_a_day_with_many_acts_the_newest_are_followed(place):
    for number in range(FOLLOWED + 10):
        place.state(f"i{number}", START + number)
    place.state("tomorrow", START + DAY)
    assert follow_exposures(place.store, START + 200) == FOLLOWED


def test_pages_are_counted_by_day_and_what_was_kept_is_added_to(place):
    counts = FeedCounts(place.store)
    for at, personalized in ((START - 1, True), (START, True), (START + 1, False), (START + 2, True)):
        counts.count(at, personalized)
    assert not counts.due(START) and counts.due(START - 1 + EVERY_SECONDS)
    counts.write()
    assert not counts.due(START + DAY)
    assert place.report().feeds == {"total": 3, "personalized": 2, "personalized_share": 0.6667}
    counts.count(START, True)
    counts.write()
    counts.write()
    assert place.report().feeds["total"] == 4
    assert place.report(days=2).feeds["total"] == 5


def test_the_page_shows_what_was_counted_and_escapes_what_it_shows(place):
    place.state("i1", START, cause="<script>alert(1)</script>")
    page = transparency_page(place.report())
    assert "&lt;script&gt;" in page and "<script" not in page
    assert "Incompatible content" in page and "1" in page
    assert "on" + "click" not in page


def test_a_bar_stands_for_something_and_nothing_has_none(place):
    table = _table("Reports", {"made": 1000, "upheld": 1, "moot": 0})
    bars = [row.count("class='bar ") for row in table.split("<tr>")[1:]]
    assert bars == [1, 1, 0]
    assert "bar w100" in table and "bar w0" in table
    assert "class='bar " not in transparency_page(place.report())
