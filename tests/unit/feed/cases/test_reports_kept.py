"""No report is lost, and none counts twice: whatever the order, the clock, and the threads."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.cases import UNRESOLVED, CaseOutcome, CaseState, Resolution, claim, resolve
from feed.bootstrap import open_service
from feed.cases.papers import case_of, cases_of, found_case, paper_of
from feed.cases.reports import REPORTS, Complaint, found_report, settle, take
from feed.clock import ManualClock
from feed.settings import Settings
from feed.storage.memory import MemoryStore
from feed.storage.records import ItemRecord

NOW = 1_800_000_000
ITEMS = ("i0", "i1")
PEOPLE = ("ann", "bob", "")
REPORTED = st.tuples(st.just("report"), st.sampled_from(ITEMS), st.sampled_from(PEOPLE))
ANSWERED = st.tuples(st.just("answer"), st.sampled_from(ITEMS), st.sampled_from(list(CaseOutcome)[:2]))
TIMES = st.integers(-100_000, 100_000)


def opened(home, store, **chosen):
    service = open_service(Settings(home=home, report_daily=10_000, **chosen), ManualClock(NOW), store)
    service.store.items.put_items([ItemRecord(item, "a") for item in ITEMS]).result()
    return service


def _written(paper, stored):
    del stored
    return [paper]


def answered(service, item, outcome):
    """End the unresolved case of an item, if there is one."""
    now = service.clock.now()
    for entry in cases_of(service.store).find(subject=item):
        if entry.state != CaseState.RESOLVED:
            made = ("d1",) if outcome is CaseOutcome.ACTED else ()
            held = claim(case_of(entry), "mod", now, 60)
            ended = resolve(held, "mod", Resolution(outcome, "a", made), held.changed_at)
            paper = paper_of(ended, entry.priority)
            cases_of(service.store).edit([entry.id], partial(_written, paper)).result()
            settle(service.store, ended)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.one_of(REPORTED, ANSWERED), TIMES), max_size=20))
def test_every_report_is_in_one_case_and_is_told_its_outcome(acts):
    with tempfile.TemporaryDirectory() as home:
        service = opened(Path(home), MemoryStore())
        receipts: dict[str, str] = {}
        for (act, item, detail), seconds in acts:
            service.clock.advance(seconds)
            if act == "report":
                made = take(service, Complaint(item, "terms", "t", detail), service.clock.now())
                receipts[made.id] = item
            else:
                answered(service, item, detail)
        reports = service.store.register(REPORTS)
        assert reports.count() == len(receipts)
        for receipt, item in receipts.items():
            entry, case = found_report(service.store, receipt)
            assert case.subject.id == item
            assert (entry.state == "received") == (case.state is not CaseState.RESOLVED)
        waiting = [entry for state in UNRESOLVED for entry in cases_of(service.store).find(state=state)]
        assert len({entry.subject for entry in waiting}) == len(waiting)
        for entry in cases_of(service.store).find():
            named = [report.person for report in reports.find(subject=entry.id) if report.person]
            assert len(set(named)) == len(named)
            assert entry.due_at <= entry.at + 72 * 3600


@pytest.mark.parametrize("memory", [True, False])
def test_reports_that_come_at_once_are_one_case_and_each_reader_is_heard_once(tmp_path, memory):
    service = opened(tmp_path, MemoryStore() if memory else None)
    complaints = [Complaint("i1", "terms", "t", f"r{n % 8}") for n in range(32)]
    with ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda one: take(service, one, NOW), complaints))
    assert len({receipt.id for receipt in receipts}) == 8
    assert sum(receipt.first for receipt in receipts) == 8
    (case,) = cases_of(service.store).find()
    assert service.store.register(REPORTS).count(subject=case.id) == 8
    assert found_case(service.store, case.id)[0].support == 704
    service.store.close()
