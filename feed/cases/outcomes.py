"""Case outcomes: how a case that ended is told to those who asked, and to the rule that an appeal was about.

Everything is told where it is looked up, and once: doing it again changes nothing, so that whatever a crash cuts off is
done by whoever comes by next.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio.to_thread

from controls.cases import Case, CaseKind, CaseOutcome, CaseState, overdue
from feed.bootstrap import Service
from feed.cases.appeals import appealed_case, note_overturn
from feed.cases.breaker import look_at_rule
from feed.cases.papers import case_of, cases_of
from feed.cases.reports import settle
from feed.storage.ports.store import Store

_MOST = 1000


async def ended(service: Service, case: Case) -> Case:
    """The resolved case, once everybody was told and the rule it speaks of was looked at; again changes nothing."""
    await anyio.to_thread.run_sync(tell, service, case)
    if case.kind is CaseKind.APPEAL and "rule" in case.about:
        await look_at_rule(service, case.about["rule"])
    return case


def count(service: Service, case: Case) -> None:
    """Count the end of a case for /metrics."""
    if case.resolution is not None:
        in_time = "no" if overdue(case, case.resolved_at) else "yes"
        service.metrics.resolved.labels(case.kind.value, case.resolution.outcome.value, in_time).inc()


def tell(service: Service, case: Case) -> None:
    """Write the outcome where it is looked up: to the reports, and to what an appeal was about. Blocks."""
    settle(service.store, case)
    if case.kind is not CaseKind.APPEAL or case.resolution is None:
        return
    note_overturn(service.store, case)
    if case.resolution.outcome is not CaseOutcome.UPHELD:
        return
    undone = "decision" in case.about
    for report in _answered_by(service.store, case):
        outcome = CaseOutcome.NO_ACTION if undone else CaseOutcome.ACTED
        settle(service.store, report, outcome, case.resolution.answer)


def _answered_by(store: Store, case: Case) -> Iterator[Case]:
    """The cases of the reports that are answered otherwise once an appeal is upheld, through whatever appeals lie
    between."""
    before = appealed_case(store, case)
    while before is not None and before.kind is CaseKind.APPEAL:
        before = appealed_case(store, before)
    if before is not None:
        yield before
    if "decision" in case.about:
        yield from _ended_with(store, case.about["decision"])


def _ended_with(store: Store, id: str) -> Iterator[Case]:
    """The reports that a decision answered which was made elsewhere."""
    decision = store.ledger.by_id(id)
    if decision is None:
        return
    for entry in cases_of(store).find(subject=decision.subject.id, state=CaseState.RESOLVED, limit=_MOST):
        case = case_of(entry)
        if case.kind is CaseKind.REPORT and case.resolution is not None and id in case.resolution.decisions:
            yield case
