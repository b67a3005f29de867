"""Account history: what was decided about an author, as the author may read it (law 9)."""

from __future__ import annotations

from dataclasses import asdict

from controls.decisions import Decision, Subject, SubjectKind
from controls.policy import Policy
from controls.proposals import ON_AUTHORS
from controls.standing import by_standing
from feed.bootstrap import Service
from feed.errors import NotFound
from feed.schemas.standings import AccountActOut, LimitOut, StandingOut

_PAGE = 200


def standing_of(service: Service, author: str, before: int | None, limit: int) -> StandingOut:
    """An author's standing, services and history. Blocks. Raises ``NotFound`` where nothing is known."""
    governance = service.replica.latest().governance
    record, view = service.store.items.author(author), governance.author(author)
    acts, following = _acts(service, author, before, limit)
    if record is None and not acts and before is None:
        raise NotFound(f"no author {author!r} is known; check the id")
    stored = None if record is None else float(record.standing)
    standing = view.standing(stored)
    policy = service.policies(governance.policy) if governance.policy else None
    return StandingOut(
        author=author,
        standing=None if standing is None else int(standing),
        stored=None if record is None else record.standing,
        points_lost=view.points_lost,
        services=sorted(one.value for one in view.services),
        per_day=view.per_day,
        identity=view.identity or ("" if record is None else record.identity),
        suspended=view.suspended,
        thresholds=_limits(policy),
        history=[_shown(service, made) for made in acts],
        next=following,
    )


def _acts(service: Service, author: str, before: int | None, limit: int) -> tuple[list[Decision], int | None]:
    """Decisions about the account, newest first, and the revision below which there may be more."""
    found: list[Decision] = []
    subject = Subject(SubjectKind.AUTHOR, author)
    while page := service.store.ledger.listing(before=before, limit=_PAGE, subject=author):
        for decision in page:
            if decision.subject == subject and decision.type in ON_AUTHORS:
                found.append(decision)
                if len(found) == limit:
                    return found, decision.revision if decision.revision > 1 else None
        before = page[-1].revision
    return found, None


def _limits(policy: Policy | None) -> list[LimitOut]:
    thresholds = policy.standing.thresholds if policy is not None and policy.standing is not None else ()
    ordered = sorted(thresholds, key=lambda one: (-one.below, one.service.value))
    return [LimitOut(one.below, one.service.value, one.per_day) for one in ordered]


def _shown(service: Service, made: Decision) -> AccountActOut:
    undone, now = service.decisions.undone_by(made), service.clock.now()
    state = "in_force" if made.begun(now) else "coming"
    if made.expires_at is not None and made.expires_at <= now:
        state = "expired"
    if undone is not None:
        state = "reversed"
    return AccountActOut(
        id=made.id,
        revision=made.revision,
        type=made.type.value,
        state=state,
        role=made.role,
        by_itself=by_standing(made),
        reason=made.reason,
        basis=asdict(made.basis),
        parameters=dict(made.parameters),
        decided_at=made.decided_at,
        starts_at=made.starts_at,
        expires_at=made.expires_at,
        review_by=made.review_by,
        reversed_by=None if undone is None else undone.id,
        reversed_at=None if undone is None else undone.decided_at,
        reversed_reason=None if undone is None else undone.reason,
    )
