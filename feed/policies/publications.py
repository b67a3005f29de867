"""Publications: which policies were put in force when and by whom, and how to go back, as the ledger tells (law 1)."""

from __future__ import annotations

from collections.abc import Iterator

from controls.decisions import Decision, DecisionType
from controls.errors import Conflict
from controls.service import PLATFORM
from feed.bootstrap import Service
from feed.schemas.policies import PublicationOut, PublicationsOut

_PAGE = 1000


def listed(service: Service, limit: int, before: int | None) -> PublicationsOut:
    """A page of publications for the platform, newest first. Blocks."""
    held = in_force(service)
    found: list[PublicationOut] = []
    following = None
    for decision in publications(service, before):
        if len(found) == limit:
            following = found[-1].revision
            break
        undone = service.decisions.undone_by(decision)
        version = str(decision.parameters["policy"])
        document = service.policies(version)
        found.append(
            PublicationOut(
                version=version,
                name=document.name,
                decision=decision.id,
                revision=decision.revision,
                by=decision.actor,
                approved_by=decision.approved_by,
                reason=decision.reason,
                from_at=decision.starts_at,
                expires_at=decision.expires_at,
                reversed_by=undone.id if undone is not None else None,
                in_force=held is not None and held.id == decision.id,
            )
        )
    return PublicationsOut(found, following)


def in_force(service: Service) -> Decision | None:
    """The decision by which the platform's policy is in force now, or None. Blocks."""
    now = service.clock.now()
    for decision in publications(service):
        over = decision.expires_at is not None and decision.expires_at <= now
        if decision.begun(now) and not over and service.decisions.undone_by(decision) is None:
            return decision
    return None


def to_go_back_from(service: Service) -> Decision:
    """The publication that a rollback reverses; raises ``Conflict`` when no policy is in force. Blocks."""
    decision = in_force(service)
    if decision is None:
        raise Conflict("no policy is in force; there is nothing to go back from")
    return decision


def publications(service: Service, before: int | None = None) -> Iterator[Decision]:
    """Every publication for the platform below a revision, newest first. Blocks."""
    while page := service.store.ledger.listing(before=before, limit=_PAGE, subject=PLATFORM.id):
        yield from (one for one in page if one.type is DecisionType.PUBLISH_POLICY and one.subject == PLATFORM)
        before = page[-1].revision
