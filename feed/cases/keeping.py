"""Cases as the service keeps them: opened once for each matter, and brought forward by the reach of their subject.

A matter is one kind, subject and category: while its case is unresolved, opening it again finds that one. Ids are made
of the matter and a running number, so that two who open the same case at once open one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import count, islice

from controls.case_terms import TermsTable, priority
from controls.cases import UNRESOLVED, Case, CaseKind, CaseState
from controls.decisions import Subject, SubjectKind
from controls.reliability import FULL
from feed.bootstrap import Service
from feed.cases.papers import Change, case_of, cases_of, paper_of
from feed.storage.ports.store import Store
from feed.storage.register import Entry

LIVE_SECONDS = 86_400
"""Exposures of so many seconds are the live reach."""

MOST_COPIES = 100
"""Items of a family whose exposures count at most, those that joined last."""

_PAGE = 100


def terms_of(service: Service) -> TermsTable:
    """The operator's table of deadlines and severities."""
    return TermsTable(service.settings.case_hours, service.settings.case_severity)


def open_case(
    service: Service,
    kind: CaseKind,
    subject: Subject,
    category: str,
    reason: str,
    *,
    severity: int = 0,
    at: int,
    due_at: int = 0,
    about: Mapping[str, str] | None = None,
    support: int = FULL,
) -> str:
    """Open a case at second ``at``, or find the unresolved one of the same kind, subject and category; returns its id.

    ``severity`` 1 to 10 and ``due_at`` are the operator's for the kind and category when 0. Blocks until it is durable.
    """
    matter = f"{kind.value}\0{subject.kind.value}\0{subject.id}\0{category if kind is not CaseKind.REPORT else ''}"
    return opened(
        service,
        matter,
        kind,
        subject,
        category,
        reason,
        severity=severity,
        at=at,
        due_at=due_at,
        about=about or {},
        support=support,
    )


def opened(
    service: Service,
    matter: str,
    kind: CaseKind,
    subject: Subject,
    category: str,
    reason: str,
    *,
    severity: int,
    at: int,
    due_at: int,
    about: Mapping[str, str],
    support: int = FULL,
    person: str = "",
) -> str:
    """The unresolved case of a matter, opened if there is none; returns its id. Blocks until it is durable."""
    register = cases_of(service.store)
    terms = terms_of(service).of(kind, category)
    severity = severity or terms.severity
    reach = live_reach(service, subject, at)
    digest = sha256(matter.encode()).hexdigest()[:24]
    for number in count(1):
        id = f"{digest}-{number}"
        stored = register.get(id)
        if stored is None:
            case = Case(
                id=id,
                kind=kind,
                subject=subject,
                category=category,
                reason=reason,
                severity=severity,
                opened_at=at,
                due_at=due_at or at + terms.seconds,
                support=support,
                about=dict(about),
            )
            paper = paper_of(case, priority(severity, reach, support), person)
            register.edit([id], partial(_unless_there, paper)).result()
            return id
        if stored.state != CaseState.RESOLVED:
            return id
    raise AssertionError("numbers do not end")


def _unless_there(paper: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    return [] if stored else [paper]


def live_reach(service: Service, subject: Subject, now: int) -> int:
    """Exposures of an item and its near-duplicates in the last day; 0 of what is no item. Blocks."""
    if subject.kind is not SubjectKind.ITEM:
        return 0
    family = islice(service.families.members(subject.id), MOST_COPIES)
    return sum(service.store.events.exposures(item, after=now - LIVE_SECONDS) for item in {subject.id, *family})


def brought_forward(service: Service, id: str, change: Change | None = None) -> bool:
    """Give an unresolved case the priority of its reach now, and what ``change`` makes of it; False when it is
    resolved. Blocks until it is durable."""
    register = cases_of(service.store)
    entry = register.get(id)
    if entry is None or entry.state == CaseState.RESOLVED:
        return False
    reach = live_reach(service, case_of(entry).subject, service.clock.now())
    unresolved = True

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        nonlocal unresolved
        entry = stored[id]
        unresolved = entry.state != CaseState.RESOLVED
        if not unresolved:
            return []
        case = case_of(entry) if change is None else change(case_of(entry))
        paper = paper_of(case, priority(case.severity, reach, case.support), entry.person)
        return [] if replace(paper, version=entry.version) == entry else [paper]

    register.edit([id], edit).result()
    return unresolved


def reprioritise(service: Service) -> int:
    """Give every unresolved case about an item the priority of its reach now; returns how many those are. Blocks."""
    looked = 0
    for entry in unresolved(service.store):
        if case_of(entry).subject.kind is SubjectKind.ITEM:
            brought_forward(service, entry.id)
            looked += 1
    return looked


def unresolved(store: Store) -> Iterator[Entry]:
    """Every case that waits for an answer, newest first within its state. Blocks."""
    for state in UNRESOLVED:
        after = None
        while page := cases_of(store).find(state=state.value, after=after, limit=_PAGE):
            yield from page
            after = (page[-1].at, page[-1].id)
