"""Publishing: items enter as published or held, and whoever put them is told which, why, and what to do (DESIGN §7).

What keeps an item back is decided before the item is stored, so that no edition shows it for a moment: a later copy of
something that was taken down, an older item of an author under pre-review, a released item whose title or text is put
anew. Holds by rules and by pre-review of new items are the fold's. Whatever is held has a review case; of what is
published, a copy of something that was corrected is looked at, and a share is drawn for inspection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import anyio.to_thread

from controls.authority import Principal
from controls.causes import Cause
from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.errors import AlreadyReversed
from controls.foresight import state_of
from controls.parameters import Service as AuthorService
from controls.proposals import Proposal
from feed.access.caller import ADMIN, Caller
from feed.bootstrap import Service
from feed.decisions.deciding import obeyed
from feed.errors import FeedError, PublishingSuspended
from feed.items.cataloguing import Putting, record_of
from feed.items.entrance import Look, content_of
from feed.items.publication_rates import take_publication
from feed.items.publishing_cases import COPY, case_of_entry
from feed.schemas.items import ItemIn
from feed.storage.answers import durable
from feed.storage.ports.store import Once
from feed.storage.records import ItemRecord

WEIR = Principal("weir", frozenset({ADMIN}), "service")
"""The service itself, as the actor of what it decides."""

REVIEWED_WITHIN = 90 * 86_400
"""Seconds after which a hold that the service made is to be looked at again."""

PRE_REVIEW = "pre_review"
_OPERATIONS = "publishing review"


@dataclass(frozen=True, slots=True)
class Entered:
    """An item that was stored: its state, the causes that make it so, and the case that was opened for it, if any."""

    record: ItemRecord
    state: str
    why: tuple[Cause, ...] = ()
    case: str = ""


@dataclass(slots=True)
class _Plan:
    """One put that is accepted: what is to be stored, whether the item is ``known``, ``fresh`` (new, or was withdrawn)
    or ``rewritten`` (it said something else before), and what is decided before."""

    item: str
    body: ItemIn
    record: ItemRecord
    known: bool
    fresh: bool
    rewritten: bool
    acts: list[tuple[Proposal, Once]] = field(default_factory=list)
    corrected: str = ""
    """The correction of an item that this one reads like."""

    @property
    def changed(self) -> bool:
        """Whether anybody will read what they could not read before."""
        return self.fresh or self.rewritten


async def publish(
    service: Service, caller: Caller, puts: Sequence[tuple[str, ItemIn]], once: Once | None = None
) -> list[Entered | FeedError]:
    """Store items; for each, in order, how it entered, or why it was refused. Raises what the store refuses."""
    now = service.clock.now()
    plans = await anyio.to_thread.run_sync(_planned, service, caller, puts, now)
    accepted = [plan for plan in plans if isinstance(plan, _Plan)]
    await _act(service, [act for plan in accepted for act in plan.acts], now)
    putting = Putting(caller, [(plan.item, plan.body) for plan in accepted], now)
    if putting.bodies:
        ids = list(dict.fromkeys(item for item, _ in putting.bodies))
        await durable(service.store.items.edit_items(ids, putting, once))
        # Who released an item while it was being put has not seen what it now says.
        await _act(service, await anyio.to_thread.run_sync(_late_releases, service, accepted, now), now)
    entered = iter(await anyio.to_thread.run_sync(_entered, service, accepted, putting, now))
    return [next(entered) if isinstance(plan, _Plan) else plan for plan in plans]


async def _act(service: Service, acts: Sequence[tuple[Proposal, Once]], now: int) -> None:
    """Decide, and wait until it is obeyed."""
    if acts and (made := await anyio.to_thread.run_sync(_decided, service, acts, now)):
        await obeyed(service, made)


def _late_releases(service: Service, plans: Sequence[_Plan], now: int) -> list[tuple[Proposal, Once]]:
    look = _look(service, now)
    return _lifted_releases(look, plans)


def _planned(service: Service, caller: Caller, puts: Sequence[tuple[str, ItemIn]], now: int) -> list[_Plan | FeedError]:
    stored = service.store.items.items(list({item for item, _ in puts}))
    look = _look(service, now)
    planned: list[_Plan | FeedError] = []
    for item, body in puts:
        try:
            planned.append(_plan(service, look, caller, item, body, stored.get(item), now))
        except FeedError as refusal:
            planned.append(refusal)
    changed = [plan for plan in planned if isinstance(plan, _Plan) and plan.changed]
    lifted = _lifted_releases(look, changed)
    if lifted:
        changed[0].acts = [*lifted, *changed[0].acts]
    if not service.entrance.copies_matter(service.store.ledger):
        return planned
    kin = service.families.resembling([plan.record for plan in changed])
    for plan, others in zip(changed, kin, strict=True):
        plan.acts += _copy_holds(look, plan.record, others, now)
        plan.corrected = next((made.id for made in map(look.correction_of, others) if made is not None), "")
    return planned


def _look(service: Service, now: int) -> Look:
    return Look(service.entrance, service.store, service.replica.latest(), now)


def _plan(
    service: Service,
    look: Look,
    caller: Caller,
    item: str,
    body: ItemIn,
    stored: ItemRecord | None,
    now: int,
) -> _Plan:
    """Raises what refuses the put."""
    record = record_of(item, body, stored, caller, now)
    fresh = stored is None or stored.withdrawn
    rewritten = stored is not None and content_of(stored) != content_of(record)
    plan = _Plan(item, body, record, stored is not None, fresh, rewritten)
    if not plan.changed:
        return plan
    view = look.snapshot.governance.author(record.author)
    if view.suspended:
        why = next(d.id for d in view.restrictions if d.parameters["service"] == AuthorService.SUSPENDED)
        raise PublishingSuspended(
            f"item {item!r} was not taken: author {record.author!r} is suspended by decision {why}; appeal it, or wait "
            "for its end"
        )
    if view.per_day is not None:
        take_publication(service.store, record.author, item, view.per_day, now)
    reviews = [d for d in view.restrictions if d.parameters["service"] == AuthorService.PRE_REVIEW]
    if reviews and fresh:
        # What is new is published now: a time before a review began would pass it by, also where the clock is behind.
        published_at = max(now, *(review.starts_at for review in reviews))
        plan.body = body.model_copy(update={"published_at": published_at})
        plan.record = replace(record, published_at=published_at)
    elif reviews and record.published_at < reviews[0].starts_at:
        plan.acts.append(_hold(record, PRE_REVIEW, reviews[0], "its author's publications are reviewed first", now))
    return plan


def _lifted_releases(look: Look, plans: Sequence[_Plan]) -> list[tuple[Proposal, Once]]:
    """Reversals of the releases that hold for items which say something new: they were of other words, or of none."""
    new = [plan for plan in plans if plan.rewritten or not plan.known]
    look.prepare([plan.record for plan in new])
    return [
        (
            Proposal(
                type=DecisionType.REVERSE,
                subject=None,
                reason="it was released before it said this" if plan.known else "it was released before it was there",
                basis=Basis("operations", _OPERATIONS),
                reverses=decision.id,
            ),
            _once("unrelease", decision.id, plan.record),
        )
        for plan in new
        for decision in look.in_force(Subject(SubjectKind.ITEM, plan.record.id))
        if decision.type is DecisionType.RELEASE
    ]


def _copy_holds(look: Look, record: ItemRecord, kin: Sequence[str], now: int) -> list[tuple[Proposal, Once]]:
    """The hold of an item that reads like one that was taken down; none if it is held for that already."""
    for other in kin:
        takedown = look.takedown_of(other)
        if takedown is None:
            continue
        known = look.in_force(Subject(SubjectKind.ITEM, record.id))
        if any(one.type is DecisionType.TAKEDOWN or _evidence(takedown) in one.evidence for one in known):
            return []
        return [_hold(record, COPY, takedown, f"it reads like item {other!r}, which was taken down", now)]
    return []


def _hold(record: ItemRecord, kind: str, ground: Decision, reason: str, now: int) -> tuple[Proposal, Once]:
    proposal = Proposal(
        type=DecisionType.SUPPRESS,
        subject=Subject(SubjectKind.ITEM, record.id),
        reason=f"{reason} (decision {ground.id})",
        basis=ground.basis,
        review_by=now + REVIEWED_WITHIN,
        scope=ground.scope,
        parameters={"hold": kind},
        evidence=(_evidence(ground),),
    )
    return proposal, _once(f"hold:{ground.id}", record.id, record)


def _evidence(ground: Decision) -> str:
    return f"decision:{ground.id}"


def _once(act: str, of: str, record: ItemRecord) -> Once:
    content = content_of(record)
    return Once(f"weir:{act}:{of}:{content}", content)


def _decided(service: Service, acts: Sequence[tuple[Proposal, Once]], now: int) -> list[Decision]:
    made = []
    for proposal, once in acts:
        try:
            made.append(service.decisions.decide(proposal, WEIR, now, once).result())
        except AlreadyReversed:
            # Somebody else put the same item at the same moment; what was to be undone is undone.
            continue
    return made


def _entered(service: Service, plans: Sequence[_Plan], putting: Putting, now: int) -> list[Entered | FeedError]:
    outcomes = putting.outcomes
    kept = {outcome.id for outcome in outcomes if isinstance(outcome, ItemRecord)}
    # As they are stored: a request that was answered before may tell of what has changed since.
    stored = service.store.items.items(list(kept))
    look = _look(service, now)
    look.prepare(list(stored.values()))
    service.families.take([record for record in stored.values() if look.takedown_of(record.id) is None], now)
    entered: list[Entered | FeedError] = []
    for plan, outcome in zip(plans, outcomes, strict=True):
        if isinstance(outcome, FeedError):
            entered.append(outcome)
            continue
        state, why = state_of(look.asked(outcome, labelled=plan.known))
        case = case_of_entry(service, outcome, state, why, now, corrected=plan.corrected, changed=plan.changed)
        entered.append(Entered(outcome, state, why, case))
    return entered
