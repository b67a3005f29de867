"""Reports: anybody's word that an item should be looked at. None is lost, each has a receipt, and the outcome is told.

All unresolved reports of an item are one case. A reader is heard once in it; those who use the public form count
together as one. What a reporter wrote lies beside their report under their name, and goes with it when they are erased;
the report itself stays, without a name. A reporter's reliability is counted from what became of their reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from secrets import token_hex

import orjson

from controls.cases import Case, CaseKind, CaseOutcome, CaseState
from controls.decisions import Subject, SubjectKind
from controls.reliability import COUNTED, NEW, reliability, support
from feed.bootstrap import Service
from feed.cases.keeping import brought_forward, opened, terms_of
from feed.cases.papers import case_of, cases_of, found_case
from feed.errors import Fault, InputInvalid, NotFound, TooManyRequests, UnknownItem
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Order

REPORTS = "reports"
WORDS = "reporters"

_DAY = 86_400
_PAGE = 200
_FORM = {"form": "yes"}
"""What a case is said to be about when somebody reported by the public form."""


class ReportState(StrEnum):
    """What became of a report."""

    RECEIVED = "received"
    ACTED = "acted"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A report before it is taken. ``person``: the reader, empty by the public form, where ``name`` and ``email`` are
    told by whoever likes to; ``key`` tells a form that is sent twice from two."""

    item: str
    category: str
    text: str
    person: str = ""
    name: str = ""
    email: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A report as its reporter may know it. ``first`` is False when they reported the same before."""

    id: str
    item: str
    category: str
    at: int
    first: bool = True


def take(service: Service, complaint: Complaint, now: int) -> Receipt:
    """Take a report at second ``now``. Raises ``UnknownItem``, ``InputInvalid`` for an unknown category, and
    ``TooManyRequests`` for a reader who has made the day's. Blocks until it is durable."""
    terms = terms_of(service)
    if complaint.category not in terms.categories:
        fault = f"is no category; use one of {', '.join(terms.categories)}"
        raise InputInvalid(f"category {fault}", faults=[Fault("category", fault)])
    if service.store.items.item(complaint.item) is None:
        raise UnknownItem(complaint.item)
    reports, words = service.store.register(REPORTS), service.store.register(WORDS)
    trust = reliability_of(service.store, complaint.person)
    subject = Subject(SubjectKind.ITEM, complaint.item)
    place = _place(service.store, subject, complaint)
    if complaint.person and (place is None or words.get(place) is None):
        _check_flood(service, complaint.person, now)
    case = opened(
        service,
        f"{CaseKind.REPORT.value}\0{subject.kind.value}\0{subject.id}\0",
        CaseKind.REPORT,
        subject,
        complaint.category,
        "reported",
        severity=0,
        at=now,
        due_at=0,
        about={} if complaint.person else _FORM,
        support=support([trust]),
    )
    heard = Entry(
        id=_heard(case, complaint),
        content=_words(complaint, token_hex(16)),
        subject=case,
        person=complaint.person,
        at=now,
    )
    words.edit([heard.id], partial(_unless_there, heard)).result()
    stored = words.get(heard.id) or heard
    receipt = orjson.loads(stored.content)["receipt"]
    content = orjson.dumps({"item": complaint.item, "category": complaint.category}).decode()
    report = Entry(
        receipt,
        content,
        ReportState.RECEIVED,
        case,
        complaint.person,
        kept=True,
        at=now,
        priority=trust if complaint.person else 0,
    )
    reports.edit([receipt], partial(_unless_there, report)).result()
    if not brought_forward(service, case, partial(_joined, service, complaint, now, _weights(service, case))):
        # It came while the case was being resolved, and has its answer.
        settle(service.store, case_of(_stored(service.store, case)))
    kept = reports.get(receipt) or report
    return Receipt(
        receipt, complaint.item, orjson.loads(kept.content)["category"], kept.at, stored.content == heard.content
    )


def reliability_of(store: Store, person: str) -> int:
    """Thousandths to which a reader's reports are believed; somebody unknown is new. Blocks."""
    if not person:
        return NEW
    reports = store.register(REPORTS)
    acted = reports.count(person=person, state=ReportState.ACTED)
    return reliability(acted, reports.count(person=person, state=ReportState.DISMISSED))


def settle(store: Store, case: Case, outcome: CaseOutcome | None = None, answer: str = "") -> None:
    """Write what became of a resolved case to all its reports; again changes nothing. ``outcome`` and ``answer``: those
    of an appeal that was upheld, in place of the case's own. Blocks."""
    ended = outcome or (case.resolution.outcome if case.resolution is not None else None)
    if case.kind is not CaseKind.REPORT or ended is None:
        return
    state = ReportState.ACTED if ended is CaseOutcome.ACTED else ReportState.DISMISSED
    reports = store.register(REPORTS)
    for before in ReportState:
        while before is not state and (page := reports.find(subject=case.id, state=before)):
            reports.edit([entry.id for entry in page], partial(_settled, state, answer)).result()


def found_report(store: Store, id: str) -> tuple[Entry, Case]:
    """A report by its receipt, with its case; raises ``NotFound``. Blocks."""
    entry = store.register(REPORTS).get(id)
    if entry is None:
        raise NotFound("no report has this receipt; check it")
    return entry, found_case(store, entry.subject)[0]


def words_of(store: Store, case: str, limit: int) -> list[str]:
    """What was written in a case, newest first, without names. Blocks."""
    found = store.register(WORDS).find(subject=case, limit=limit)
    return [orjson.loads(entry.content)["text"] for entry in found]


@dataclass(frozen=True, slots=True)
class Written:
    """What a reader wrote in a report or an appeal, and the id that follows it."""

    kind: CaseKind
    id: str
    at: int
    text: str


def written_by(store: Store, person: str) -> Iterator[Written]:
    """Everything that a reader wrote and was not erased, newest first. Blocks."""
    after = None
    while page := store.register(WORDS).find(person=person, after=after, limit=_PAGE):
        for entry in page:
            told = orjson.loads(entry.content)
            kind = CaseKind.REPORT if "receipt" in told else CaseKind.APPEAL
            yield Written(kind, told.get("receipt", entry.subject), entry.at, told["text"])
        after = (page[-1].at, page[-1].id)


def reported_by(store: Store, person: str, subject: Subject) -> bool:
    """Whether a reader reported this item, ever. Blocks."""
    words = store.register(WORDS)
    return any(
        words.get(_heard_of(entry.id, person)) is not None
        for entry in cases_of(store).find(subject=subject.id, limit=1000)
        if case_of(entry).kind is CaseKind.REPORT
    )


def _check_flood(service: Service, person: str, now: int) -> None:
    limit = service.settings.report_daily
    if service.store.register(REPORTS).count(person=person, since=now - _DAY) >= limit:
        raise TooManyRequests(
            f"you made {limit} reports within a day; those are being looked at, report more tomorrow",
            headers={"Retry-After": str(_DAY)},
        )


def _place(store: Store, subject: Subject, complaint: Complaint) -> str | None:
    """Where this person's words would lie in the unresolved case of an item, if there is one."""
    for entry in cases_of(store).find(subject=subject.id, limit=1000):
        if entry.state != CaseState.RESOLVED and case_of(entry).kind is CaseKind.REPORT:
            return _heard(entry.id, complaint)
    return None


def _heard(case: str, complaint: Complaint) -> str:
    """Where a complaint's words lie. No form's key, which anybody chooses, takes the place of a reader."""
    if complaint.person:
        return _heard_of(case, complaint.person)
    return f"{case}/form/{complaint.key or token_hex(8)}"


def _heard_of(case: str, person: str) -> str:
    return f"{case}:{person}"


def _weights(service: Service, case: str) -> list[int]:
    """How much the most reliable readers who reported are believed; forms weigh 0 here. Blocks."""
    found = service.store.register(REPORTS).find(subject=case, order=Order.PRIORITY, limit=COUNTED)
    return [entry.priority for entry in found]


def _joined(service: Service, complaint: Complaint, now: int, weights: list[int], case: Case) -> Case:
    """The case with one more report: the most severe category counts, and its deadline if that is sooner."""
    terms = terms_of(service).of(CaseKind.REPORT, complaint.category)
    worse = terms.severity > case.severity
    about = case.about if complaint.person else {**case.about, **_FORM}
    weight = support([*weights, NEW] if _FORM.keys() <= about.keys() else weights)
    return replace(
        case,
        category=complaint.category if worse else case.category,
        severity=max(terms.severity, case.severity),
        due_at=min(case.due_at, now + terms.seconds),
        # Of reports that come at once, the last to be written may not be the last to be weighed.
        support=max(weight, case.support),
        about=about,
    )


def _stored(store: Store, case: str) -> Entry:
    return found_case(store, case)[1]


def _words(complaint: Complaint, receipt: str) -> str:
    told = {"receipt": receipt, "text": complaint.text, "name": complaint.name, "email": complaint.email}
    return orjson.dumps(told).decode()


def _unless_there(entry: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    return [] if stored else [entry]


def _settled(state: ReportState, answer: str, stored: Mapping[str, Entry]) -> list[Entry]:
    return [
        replace(
            entry, state=state.value, content=orjson.dumps(orjson.loads(entry.content) | {"answer": answer}).decode()
        )
        for entry in stored.values()
        if entry.state != state
    ]
