"""Placements as readers are told of them: the decision that put an item where it stood, and its reason (law 9)."""

from __future__ import annotations

from controls.causes import Cause
from controls.decisions import Decision, DecisionType
from controls.verdicts import Source
from feed.storage.ports.store import Ledger
from feed.storage.records import ServingRecord
from ranking.reader import Request

_TYPES = {Source.PIN: DecisionType.PIN, Source.EDITORIAL: DecisionType.FEATURE}


def placed_by(ledger: Ledger, serving: ServingRecord, request: Request, item: str, source: Source) -> tuple[Cause, ...]:
    """The decision that pinned or featured an item on a served page; none for items of other sources. Blocks."""
    kind = _TYPES.get(source)
    if kind is None:
        return ()
    known = ledger.listing(before=serving.revision + 1, limit=1000, subject=item)
    found = [one for one in known if one.type is kind and _acted(ledger, one, serving, request)]
    if not found:
        return ()
    # Of pins the foremost acts, of features the newest: they are listed newest first.
    acting = min(found, key=lambda one: int(str(one.parameters["position"]))) if kind is DecisionType.PIN else found[0]
    verb = f"pinned at {acting.parameters['position']}" if kind is DecisionType.PIN else "featured"
    reason = f": {acting.reason}" if acting.reason else ""
    by = f" by {acting.role}" if acting.role else ""
    return (Cause("decision", acting.id, f"{verb}{by}{reason}"),)


def _acted(ledger: Ledger, decision: Decision, serving: ServingRecord, request: Request) -> bool:
    if not decision.begun(serving.as_of) or serving.as_of >= (decision.expires_at or serving.as_of + 1):
        return False
    if not decision.scope.covers(request.surface.kind, request.audience, restricting=False):
        return False
    undone = ledger.reversal_of(decision.id)
    return undone is None or undone.revision > serving.revision
