"""Publishing cases: the review of what is held, the review of a copy of what was corrected, and the drawn inspection.

A case is about what an item says: it is opened once for its content, and again for what else holds it later. A hold
that begins after publication, by a label or a rule that came later, is found here by its Restriction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from controls.cases import Case, CaseKind, CaseOutcome, CaseState
from controls.causes import Cause
from controls.decisions import Subject, SubjectKind
from controls.foresight import HELD, PUBLISHED, state_of
from feed.bootstrap import Service
from feed.cases.keeping import open_case
from feed.cases.papers import case_of, cases_of
from feed.items.entrance import Look, content_of
from feed.one_by_one import left_for_later
from feed.storage.records import ItemRecord
from feed.transparency.statement_papers import OPEN, restriction_of, restrictions_of

COPY = "copy"
"""What the hold of a copy of something that was taken down says it is."""

PUBLISHING = "publishing"
"""Category of the review of what is held."""

_PAGE = 500


def case_of_entry(
    service: Service,
    record: ItemRecord,
    state: str,
    why: Sequence[Cause],
    now: int,
    *,
    corrected: str,
    changed: bool,
) -> str:
    """The case of an item that was put: of what is held, reads like what was ``corrected``, or is drawn for inspection;
    empty without one. ``changed``: somebody may read what they could not read before. Blocks."""
    content = content_of(record)
    if state == HELD:
        return _review(service, record, why, now, changed=changed)
    if state == PUBLISHED and corrected:
        kind, category, reason = CaseKind.REVIEW, "corrected", f"a copy of what correction {corrected} is about"
    elif state == PUBLISHED and changed and service.entrance.drawn(record.id, content):
        kind, category, reason = CaseKind.INSPECTION, "sample", "drawn for inspection"
    else:
        return ""
    known = _known(service, record, kind)
    waiting = [case for case in known if case.state is not CaseState.RESOLVED]
    if waiting or (known and not (changed and kind is CaseKind.REVIEW)):
        return (waiting or known)[0].id
    subject = Subject(SubjectKind.ITEM, record.id)
    return open_case(service, kind, subject, category, reason, at=now, about={"content": content})


def review_late_holds(service: Service, since: int) -> int:
    """Open the review cases of items whose hold began at a second or later, and has none; returns how many items are
    held. Blocks."""
    now, held = service.clock.now(), 0
    look = Look(service.entrance, service.store, service.replica.latest(), now)
    for items in _held_since(service, since):
        for record in service.store.items.items(list(items)).values():
            with left_for_later("the review of a hold was not opened", item=record.id):
                state, why = state_of(look.asked(record))
                if state == HELD and not record.withdrawn:
                    _review(service, record, why, now, changed=False)
                    held += 1
    return held


def _held_since(service: Service, since: int) -> Iterator[Collection[str]]:
    after = None
    register = restrictions_of(service.store)
    while page := register.find(state=OPEN, since=since, after=after, limit=_PAGE):
        found = map(restriction_of, page)
        yield {one.item for one in found if one.holding.waits}
        after = (page[-1].at, page[-1].id)


def _review(service: Service, record: ItemRecord, why: Sequence[Cause], now: int, *, changed: bool) -> str:
    known = _known(service, record, CaseKind.REVIEW)
    held_by = {f"{cause.kind}:{cause.id}" for cause in why}
    waiting = [case for case in known if case.state is not CaseState.RESOLVED]
    # What comes back after it was reviewed, released and replaced is to be looked at again.
    answering = [] if changed else [case for case in known if _answers(case, held_by)]
    if waiting or answering:
        return (waiting or answering)[0].id
    about = {"content": content_of(record), "held_by": " ".join(sorted(held_by))}
    reason = "; ".join(cause.words for cause in why)
    takedown = _copied(service, why)
    if takedown:
        about["takedown"] = takedown
        reason = f"{reason}; a copy of what takedown {takedown} is about"
    return open_case(
        service, CaseKind.REVIEW, Subject(SubjectKind.ITEM, record.id), PUBLISHING, reason, at=now, about=about
    )


def _answers(case: Case, held_by: Collection[str]) -> bool:
    """Whether somebody looked at the item and left it held by these causes."""
    looked = case.resolution is not None and case.resolution.outcome is not CaseOutcome.MOOT
    return looked and set(held_by) <= set(case.about.get("held_by", "").split())


def _known(service: Service, record: ItemRecord, kind: CaseKind) -> list[Case]:
    """The cases of a kind about what an item says, newest first."""
    found = [case_of(entry) for entry in cases_of(service.store).find(subject=record.id, limit=1000)]
    content = content_of(record)
    return [case for case in found if case.kind is kind and case.about.get("content") == content]


def _copied(service: Service, why: Sequence[Cause]) -> str:
    """The takedown of what the item is a copy of, if that is why it is held."""
    for cause in why:
        decision = service.store.ledger.by_id(cause.id) if cause.kind == "decision" else None
        if decision is not None and decision.parameters.get("hold") == COPY and decision.evidence:
            return decision.evidence[0].removeprefix("decision:")
    return ""
