"""Cases are opened once for each matter, and stand in the queue by severity and live reach."""

from __future__ import annotations

import pytest

from controls.cases import CaseKind, CaseState
from controls.decisions import Subject, SubjectKind
from feed.bootstrap import open_service
from feed.cases.keeping import open_case, reprioritise
from feed.cases.papers import case_of, cases_of, found_case
from feed.clock import ManualClock
from feed.errors import NotFound
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord
from ranking.reader import EventKind

ITEM = Subject(SubjectKind.ITEM, "i1")
NOW = 1_800_000_000


@pytest.fixture
def service(tmp_path):
    return open_service(Settings(home=tmp_path), ManualClock(NOW), MemoryStore())


def exposed(service, item, readers, at=NOW):
    records = [
        EventRecord(f"r{n}", f"{item}-{n}-{at}", item, EventKind.IMPRESSION, at, at, 0, "", 1) for n in range(readers)
    ]
    service.store.events.append(records).result()


def opened(service, category="terms", **more):
    return open_case(service, CaseKind.REVIEW, ITEM, category, "look", at=service.clock.now(), **more)


def test_a_case_is_opened_with_the_deadline_and_severity_of_its_kind(service):
    case, entry = found_case(service.store, opened(service))
    assert (case.kind, case.subject, case.state) == (CaseKind.REVIEW, ITEM, CaseState.OPEN)
    assert (case.severity, case.due_at) == (5, NOW + 72 * 3600)
    assert (entry.state, entry.subject, entry.due_at, entry.priority) == ("open", "i1", case.due_at, 5)


def test_opening_what_is_open_already_finds_it(service):
    assert opened(service) == opened(service, severity=9)
    assert opened(service) != opened(service, "another")
    assert cases_of(service.store).count() == 2


def test_a_case_that_nobody_opened_is_not_found(service):
    with pytest.raises(NotFound):
        found_case(service.store, "none")


def test_priority_is_severity_times_live_reach_and_follows_it(service):
    exposed(service, "i1", 4)
    exposed(service, "i1", 7, at=NOW - 100_000)
    id = opened(service)
    assert found_case(service.store, id)[1].priority == 5 * 5
    exposed(service, "i1", 9, at=NOW + 1)
    service.clock.advance(60)
    assert reprioritise(service) == 1
    assert found_case(service.store, id)[1].priority == 5 * 14
    service.clock.advance(100_000)
    before = found_case(service.store, id)[1].version
    reprioritise(service)
    assert found_case(service.store, id)[1].priority == 5
    reprioritise(service)
    assert found_case(service.store, id)[1].version == before + 1


def test_a_case_read_back_is_the_one_that_was_written(service):
    id = opened(service, about={"rule": "r1"})
    entry = found_case(service.store, id)[1]
    assert dict(case_of(entry).about) == {"rule": "r1"}
