"""Case outcomes: how a case that ended is told to those who asked, and to the rule that an appeal was about.

Everything is told where it is looked up, and once: doing it again changes nothing, so that whatever a crash cuts off is
done by whoever comes by next.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio.to_thread

from controls.cases import Case, CaseKind, CaseOutcome, CaseState, overdue
from feed.appeals import appealed_case, note_overturn
from feed.bootstrap import Service
from feed.breaker import look_at_rule
from feed.case_papers import case_of, cases_of
from feed.reports import settle
from feed.storage.ports import Store

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
    before = appealed_case(service.store, case)
    if case.resolution.outcome is CaseOutcome.UPHELD and before is not None:
        acted = before.resolution is not None and before.resolution.outcome is CaseOutcome.ACTED
        settle(service.store, before, CaseOutcome.NO_ACTION if acted else CaseOutcome.ACTED)
    if case.resolution.outcome is CaseOutcome.UPHELD and "decision" in case.about:
        for other in _ended_with(service.store, case.about["decision"]):
            settle(service.store, other, CaseOutcome.NO_ACTION)


def _ended_with(store: Store, id: str) -> Iterator[Case]:
    """The reports that a decision answered which was made elsewhere."""
    decision = store.ledger.by_id(id)
    if decision is None:
        return
    for entry in cases_of(store).find(subject=decision.subject.id, state=CaseState.RESOLVED, limit=_MOST):
        case = case_of(entry)
        if case.kind is CaseKind.REPORT and case.resolution is not None and id in case.resolution.decisions:
            yield case
