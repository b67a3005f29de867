"""Case views: a case as those who work on it see it, and as those who asked may know it, which is less."""

from __future__ import annotations

import orjson

from controls.cases import Case, CaseKind, CaseOutcome, CaseState, overdue, state_at
from feed.bootstrap import Service
from feed.cases.papers import case_of
from feed.cases.reports import REPORTS, ReportState, found_report, words_of
from feed.schemas.cases import AppealOut, CaseDetailOut, CaseOut, ReportOut
from feed.storage.register import Entry

_DAY = 86_400
_WORDS = 100
_SINCE = 100


def case_view(service: Service, entry: Entry) -> CaseOut:
    """A case for those who work on it. Blocks."""
    case, now = case_of(entry), service.clock.now()
    held = state_at(case, now) is CaseState.CLAIMED
    resolution = case.resolution
    reports = service.store.register(REPORTS).count(subject=case.id) if case.kind is CaseKind.REPORT else 0
    return CaseOut(
        id=case.id,
        kind=case.kind.value,
        subject={"kind": case.subject.kind.value, "id": case.subject.id},
        category=case.category,
        reason=case.reason,
        severity=case.severity,
        priority=entry.priority,
        support=case.support,
        reports=reports,
        state=state_at(case, now).value,
        version=case.version,
        opened_at=case.opened_at,
        due_at=case.due_at,
        overdue=overdue(case, now),
        holder=case.holder if held else "",
        lease_until=case.lease_until if held else 0,
        proposal=case.proposal,
        escalated_by=case.escalated_by,
        note=case.note,
        about=dict(case.about),
        outcome=resolution.outcome.value if resolution is not None else "",
        answer=resolution.answer if resolution is not None else "",
        resolved_by=case.resolved_by,
        resolved_at=case.resolved_at,
        decisions=resolution.decisions if resolution is not None else (),
    )


def case_detail(service: Service, entry: Entry) -> CaseDetailOut:
    """A case with what was written in it, and what was decided about its subject since it was opened. Blocks."""
    about = service.store.ledger.listing(before=None, limit=_SINCE, subject=entry.subject) if entry.subject else []
    since = [decision.id for decision in about if decision.decided_at >= entry.at]
    return CaseDetailOut(case_view(service, entry), words_of(service.store, entry.id, _WORDS), since)


def report_view(service: Service, receipt: str) -> ReportOut:
    """A report for its reporter; raises ``NotFound``. Blocks."""
    entry, case = found_report(service.store, receipt)
    told = orjson.loads(entry.content)
    outcome = _outcome_of_report(entry, case)
    refused = outcome == CaseOutcome.NO_ACTION
    return ReportOut(
        id=receipt,
        item=told["item"],
        category=told["category"],
        state=_progress(case, service.clock.now()),
        at=entry.at,
        due_at=case.due_at,
        outcome=outcome,
        answer=told.get("answer") or (case.resolution.answer if case.resolution is not None else ""),
        decided_at=case.resolved_at,
        appeal_until=case.resolved_at + service.settings.appeal_days * _DAY if refused else 0,
    )


def appeal_view(service: Service, case: Case) -> AppealOut:
    """An appeal for its appellant."""
    resolution = case.resolution
    return AppealOut(
        id=case.id,
        state=_progress(case, service.clock.now()),
        at=case.opened_at,
        due_at=case.due_at,
        outcome=resolution.outcome.value if resolution is not None else "",
        answer=resolution.answer if resolution is not None else "",
        decided_at=case.resolved_at,
    )


def _progress(case: Case, now: int) -> str:
    state = state_at(case, now)
    if state is CaseState.RESOLVED:
        return "decided"
    return "received" if state is CaseState.OPEN else "in_review"


def _outcome_of_report(entry: Entry, case: Case) -> str:
    """What came of a report; what was written to it last counts, for an appeal may have changed it."""
    if case.resolution is None:
        return ""
    if entry.state == ReportState.RECEIVED:
        return case.resolution.outcome.value
    return (CaseOutcome.ACTED if entry.state == ReportState.ACTED else CaseOutcome.NO_ACTION).value
