"""Appeals: against a decision, a statement, or a report that ended without action; by an author or a reporter.

Each can be appealed once by each, within the days that the operator allows. Whoever decided first does not decide the
appeal. What an upheld appeal undoes is reversed by a decision: with it the strikes that the same case gave end, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import orjson

from controls.cases import Case, CaseKind, CaseOutcome, CaseState
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import AlreadyReversed, AppealLate, InvalidCase
from controls.proposals import UNDOING
from feed.access.keys import load_secret
from feed.bootstrap import Service
from feed.cases.keeping import opened
from feed.cases.papers import case_of, cases_of, found_case
from feed.cases.reports import WORDS, found_report, reported_by
from feed.decisions.bulk import bulk_of
from feed.errors import AlreadyThere, NotFound, NotYours
from feed.storage.ports.store import Store
from feed.storage.register import Entry

STATEMENTS = "statements"
OVERTURNS = "overturns"
"""Resolved appeals about rules: by the appeal's id, ``subject`` the rule, ``state`` the outcome."""

_DAY = 86_400
_CASE = "case:"
_OWN = (SubjectKind.ITEM, SubjectKind.AUTHOR)
"""Subjects that are the appellant's alone."""


@dataclass(frozen=True, slots=True)
class Grievance:
    """An appeal before it is taken: against exactly one of ``decision``, ``statement`` and ``report`` (a receipt)."""

    text: str
    decision: str = ""
    statement: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True)
class Appellant:
    """Who appeals: an author or a reader by token, or, with both empty, whoever has a receipt of the public form."""

    author: str = ""
    reader: str = ""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What an appeal is about, once it was looked up."""

    subject: Subject
    author: str
    began: int
    about: Mapping[str, str]


def take_appeal(service: Service, grievance: Grievance, appellant: Appellant, now: int) -> tuple[str, bool]:
    """Open an appeal; returns its id, which is hard to guess, and whether it is new. Raises ``NotFound``, ``NotYours``,
    ``AppealLate``, ``AlreadyReversed``, and ``AlreadyThere`` when it was decided before. Blocks until it is durable."""
    ground = _ground(service, grievance)
    by = _standing(service.store, grievance, appellant, ground)
    ends = ground.began + service.settings.appeal_days * _DAY
    if now > ends:
        raise AppealLate(
            f"appeals against this could be made until second {ends}, {service.settings.appeal_days} days after it"
        )
    who = f"{by}\0{appellant.author or appellant.reader}"
    named = "\0".join(f"{name}={value}" for name, value in sorted(ground.about.items()))
    matter = hmac.new(load_secret(service.settings), f"appeal\0{named}\0{who}".encode(), sha256).hexdigest()
    id = f"{sha256(matter.encode()).hexdigest()[:24]}-1"
    first = cases_of(service.store).get(id)
    if first is not None:
        if first.state == CaseState.RESOLVED:
            raise AlreadyThere(f"appeal {id} about this was decided; it is told at /v1/appeals/{id}")
        return id, False
    words = orjson.dumps({"text": grievance.text}).decode()
    written = Entry(f"{id}:words", words, subject=id, person=appellant.reader, at=now)
    service.store.register(WORDS).edit([written.id], partial(_unless_there, written)).result()
    opened(
        service,
        matter,
        CaseKind.APPEAL,
        ground.subject,
        "appeal",
        f"appeal by the {by}",
        severity=0,
        at=now,
        due_at=0,
        about={**ground.about, "by": by},
        person=appellant.reader,
    )
    return id, True


def barred_from(store: Store, case: Case) -> frozenset[str]:
    """Who does not decide a case: the author whom it is about; and of an appeal whoever decided what it is against, or
    approved of that, and the reader who appeals. Blocks."""
    author = _author_of(store, case.subject)
    if case.kind is not CaseKind.APPEAL:
        return frozenset({author} if author else ())
    entry = cases_of(store).get(case.id)
    found: set[str | None] = {author, entry.person if entry is not None else ""}
    decision = store.ledger.by_id(case.about.get("decision", ""))
    if decision is not None:
        found |= {decision.actor, decision.approved_by}
    before = appealed_case(store, case)
    if before is not None:
        found.add(before.resolved_by)
    return frozenset(name for name in found if name)


def _author_of(store: Store, subject: Subject) -> str:
    if subject.kind is SubjectKind.AUTHOR:
        return subject.id
    stored = store.items.item(subject.id) if subject.kind is SubjectKind.ITEM else None
    return stored.author if stored is not None else ""


def appealed_case(store: Store, case: Case) -> Case | None:
    """The resolved case that an appeal is about: the report's, or the one that the decision was made in. Blocks."""
    if case.kind is not CaseKind.APPEAL:
        return None
    if "report" in case.about:
        return found_report(store, case.about["report"])[1]
    decision = store.ledger.by_id(case.about.get("decision", ""))
    for piece in decision.evidence if decision is not None else ():
        entry = cases_of(store).get(piece.removeprefix(_CASE)) if piece.startswith(_CASE) else None
        if entry is not None and entry.state == CaseState.RESOLVED:
            return case_of(entry)
    return None


def to_undo(service: Service, case: Case) -> list[Decision]:
    """The decisions that end when an appeal is upheld, as far as they still hold: the one it names, the same about its
    copies, and the strikes of the same case. One on a topic or community holds others, too, and is left to whoever
    decides the appeal. Blocks."""
    ledger = service.store.ledger
    named = ledger.by_id(case.about.get("decision", ""))
    if named is None or named.subject.kind not in _OWN:
        return []
    copy = f"a near-duplicate of item {named.subject.id}"
    together = service.decisions.bulk(bulk_of(named))
    found = [named, *(other for other in together if other.type is named.type and copy in other.evidence)]
    before = appealed_case(service.store, case)
    if before is not None and before.resolution is not None:
        others = [ledger.by_id(id) for id in before.resolution.decisions if id != named.id]
        found += [other for other in others if other is not None and other.type is DecisionType.STRIKE]
    return [decision for decision in found if service.decisions.undone_by(decision) is None]


def note_overturn(store: Store, case: Case) -> None:
    """Note the outcome of an appeal about a rule, for the rule to be judged by. Again changes nothing. Blocks."""
    rule = case.about.get("rule", "")
    if rule and case.resolution is not None:
        noted = Entry(case.id, "{}", case.resolution.outcome.value, rule, at=case.resolved_at)
        store.register(OVERTURNS).edit([noted.id], partial(_unless_there, noted)).result()


def overturned(store: Store, rule: str, since: int) -> tuple[int, int]:
    """Appeals about a rule that were upheld since a second, and all that were decided. Blocks."""
    register = store.register(OVERTURNS)
    upheld = register.count(subject=rule, state=CaseOutcome.UPHELD.value, since=since)
    return upheld, upheld + register.count(subject=rule, state=CaseOutcome.DISMISSED.value, since=since)


def found_appeal(store: Store, id: str) -> Case:
    """An appeal by its id; raises ``NotFound``. Blocks."""
    case, _ = found_case(store, id)
    if case.kind is not CaseKind.APPEAL:
        raise NotFound("no appeal has this id; check it")
    return case


def _ground(service: Service, grievance: Grievance) -> _Ground:
    named = [name for name in (grievance.decision, grievance.statement, grievance.report) if name]
    if len(named) != 1:
        raise InvalidCase("an appeal names one of decision, statement and report", "decision")
    if grievance.report:
        return _ground_of_report(service.store, grievance.report)
    if grievance.decision:
        return _ground_of_decision(service, grievance.decision, "")
    entry = service.store.register(STATEMENTS).get(grievance.statement)
    if entry is None:
        raise NotFound(f"no statement has the id {grievance.statement!r}; check the id")
    content = orjson.loads(entry.content)
    if content.get("decision"):
        return _ground_of_decision(service, content["decision"], content["author"], content["item"])
    cause = content["cause"]
    about = {"statement": entry.id} | ({"rule": cause["id"]} if cause["kind"] == "rule" else {})
    return _Ground(Subject(SubjectKind.ITEM, content["item"]), content["author"], content["from_at"], about)


def _ground_of_decision(service: Service, id: str, author: str, item: str = "") -> _Ground:
    decision = service.store.ledger.by_id(id)
    if decision is None:
        raise NotFound(f"no decision has the id {id!r}; check the id")
    if decision.type in UNDOING or decision.subject.kind is SubjectKind.PLATFORM:
        raise InvalidCase(f"a {decision.type.value} restricts nobody; name the decision that does", "decision")
    undone = service.decisions.undone_by(decision)
    if undone is not None:
        raise AlreadyReversed(f"decision {id} was undone by {undone.id}; nothing is left to appeal", "decision")
    author = author or _author_of(service.store, decision.subject)
    if item and decision.subject.kind not in _OWN:
        about = {"decision": id, "item": item}
        return _Ground(Subject(SubjectKind.ITEM, item), author, decision.decided_at, about)
    return _Ground(decision.subject, author, decision.decided_at, {"decision": id})


def _ground_of_report(store: Store, receipt: str) -> _Ground:
    _, case = found_report(store, receipt)
    resolution = case.resolution
    if resolution is None:
        raise InvalidCase("the report is still being looked at; its outcome can be appealed, not the waiting", "report")
    if resolution.outcome is not CaseOutcome.NO_ACTION:
        raise InvalidCase("the report led to action; an author appeals by the decision or the statement", "report")
    return _Ground(case.subject, "", case.resolved_at, {"report": receipt})


def _standing(store: Store, grievance: Grievance, appellant: Appellant, ground: _Ground) -> str:
    """As whom this appellant may appeal; raises ``NotYours``."""
    if appellant.author and appellant.author == ground.author:
        return "author"
    if grievance.report:
        person = found_report(store, grievance.report)[0].person
        if person in ("", appellant.reader):
            return "reporter"
    elif appellant.reader and reported_by(store, appellant.reader, ground.subject):
        return "reporter"
    raise NotYours("an appeal is for the author concerned, and for readers who reported the item; check the id")


def _unless_there(entry: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    return [] if stored else [entry]
