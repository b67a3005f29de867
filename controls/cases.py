"""Cases: a matter that a person has to look at, from its opening to its answer. A pure state machine (law 9).

Five kinds: report (of readers or anybody), review (of what a rule or person asks to be looked at), inspection (of a
sample), appeal (against a decision or statement), order (of an authority). Every case has a deadline when it opens, and
it never moves to later. Whoever works on a case holds it for a lease, so that no two decide it; whoever decided first
does not decide the appeal. Time is what it is told, and never runs backwards within a case.

```
open ──claim──> claimed ──resolve──> resolved
  ^                │ │
  └────release─────┘ └──escalate──> escalated ──claim (by another)──> claimed
```

What waits for a second person, or ends without one, is in :mod:`controls.case_endings`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from controls.decisions import Subject
from controls.errors import CaseChanged, CaseHeld, CaseResolved, InvalidCase, NotAllowed, SameDecider
from controls.reliability import FULL

MOST_SEVERE = 10


class CaseKind(StrEnum):
    """What a case comes from."""

    REPORT = "report"
    REVIEW = "review"
    INSPECTION = "inspection"
    APPEAL = "appeal"
    ORDER = "order"


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    ESCALATED = "escalated"
    AWAITING = "awaiting_approval"
    RESOLVED = "resolved"


UNRESOLVED = (CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED, CaseState.AWAITING)


class CaseOutcome(StrEnum):
    """How a case ended. An appeal is ``upheld`` when it was right, and what it names is undone. ``moot`` when nothing
    was left to decide: so the service alone ends cases."""

    ACTED = "acted"
    NO_ACTION = "no_action"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    MOOT = "moot"


_APPEALED = frozenset({CaseOutcome.UPHELD, CaseOutcome.DISMISSED})
_OTHERS = frozenset({CaseOutcome.ACTED, CaseOutcome.NO_ACTION})


@dataclass(frozen=True, slots=True)
class Resolution:
    """How somebody ends a case. ``answer`` is told to those who asked; ``decisions`` are the ids of those made."""

    outcome: CaseOutcome
    answer: str
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case. Times are seconds since the epoch; ``version`` rises by one with each transition.

    ``severity`` 1 to 10. ``about`` holds what the kind needs beside: of a report ``form`` when the form was used; of an
    appeal ``decision``, ``statement``, ``item``, ``report``, ``rule`` and ``by``; of an order ``authority``,
    ``reference``, ``ground`` and ``territory``.
    """

    id: str
    kind: CaseKind
    subject: Subject
    category: str
    reason: str
    severity: int
    opened_at: int
    due_at: int
    support: int = FULL
    """Thousandths to which reports support it; full for what needs none."""
    about: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    state: CaseState = CaseState.OPEN
    version: int = 1
    changed_at: int = 0
    request: str = ""
    """Tells the request that made the last transition from any other, so that it can be repeated."""
    ending: str = ""
    """Tells the request that is ending it with decisions, from before they are made until the next transition."""
    ending_at: int = 0
    drafted: Resolution | None = None
    """How that request ends it, but for the decisions that are being made."""
    proposal: str = ""
    """What a second person was last asked to approve, for the case to end with it."""
    holder: str = ""
    held_at: int = 0
    lease_until: int = 0
    escalated_by: str = ""
    note: str = ""
    """Why it was escalated, for whoever takes it on."""
    resolution: Resolution | None = None
    resolved_by: str = ""
    resolved_at: int = 0

    @property
    def waits_as(self) -> CaseState:
        """The state in which it waits for somebody to take it on."""
        return CaseState.ESCALATED if self.escalated_by else CaseState.OPEN


def state_at(case: Case, now: int) -> CaseState:
    """The state as others find it: a claim whose lease has lapsed holds nobody back."""
    if case.state is CaseState.CLAIMED and _no_earlier(case, now) >= case.lease_until:
        return case.waits_as
    return case.state


def overdue(case: Case, now: int) -> bool:
    """Whether the deadline passed without an answer, or before it."""
    return (now if case.state is not CaseState.RESOLVED else case.resolved_at) > case.due_at


def claim(
    case: Case, who: str, now: int, lease: int, *, barred: Collection[str] = (), expected: int | None = None
) -> Case:
    """Take a case on for ``lease`` seconds, or hold it for longer, at the same version. Raises ``CaseHeld`` while
    another holds it, ``SameDecider`` for those ``barred`` (who first decided what an appeal is about, or whose own it
    is), ``NotAllowed`` for whoever escalated it."""
    _unresolved(case)
    _expected(case, expected)
    if who in barred:
        raise SameDecider("you decided what this case is about, or it is your own; leave it to somebody else")
    _nobody_asked(case)
    if state_at(case, now) is CaseState.CLAIMED and case.holder != who:
        raise CaseHeld(
            f"somebody else holds the case until second {case.lease_until}; take another one, or wait", "case"
        )
    if case.escalated_by == who:
        raise NotAllowed("you escalated this case; somebody else takes it on")
    at = _no_earlier(case, now)
    if case.state is CaseState.CLAIMED and case.holder == who:
        # No transition: whoever repeats what a crash left half-way finds it under the same version.
        return replace(case, changed_at=at, lease_until=at + lease)
    return _changed(case, at, state=CaseState.CLAIMED, holder=who, held_at=at, lease_until=at + lease)


def release(case: Case, who: str, now: int, *, expected: int | None = None) -> Case:
    """Give a case back unanswered."""
    _held(case, who, expected)
    _nothing_ending(case)
    return _changed(case, _no_earlier(case, now), state=case.waits_as, holder="", held_at=0, lease_until=0)


def escalate(case: Case, who: str, note: str, now: int, *, expected: int | None = None) -> Case:
    """Hand a case that one holds to somebody else, saying why."""
    _held(case, who, expected)
    _nothing_ending(case)
    if not note.strip():
        raise InvalidCase("say why the case is escalated, for whoever takes it on", "note")
    at = _no_earlier(case, now)
    return _changed(
        case, at, state=CaseState.ESCALATED, holder="", held_at=0, lease_until=0, escalated_by=who, note=note
    )


def check_resolution(
    case: Case, who: str, resolution: Resolution, now: int, *, barred: Collection[str] = (), expected: int | None = None
) -> None:
    """Raise unless this person may end the case like this at second ``now``. ``decisions`` need not have been made."""
    _held(case, who, expected)
    if state_at(case, now) is not CaseState.CLAIMED:
        raise CaseHeld("your claim has run out, and somebody else may take the case on; claim it again", "case")
    if who in barred:
        raise SameDecider("you decided what this case is about, or it is your own; leave it to somebody else")
    known = sorted(_APPEALED if case.kind is CaseKind.APPEAL else _OTHERS)
    if resolution.outcome not in known:
        raise InvalidCase(f"a case of kind {case.kind.value} ends as one of {', '.join(known)}", "outcome")
    if not resolution.answer.strip():
        raise InvalidCase("say in a sentence why, for those who asked", "answer")


def begin_ending(
    case: Case,
    who: str,
    resolution: Resolution,
    now: int,
    request: str,
    *,
    margin: int = 0,
    barred: Collection[str] = (),
    expected: int | None = None,
) -> Case:
    """Keep the end of a case for one request, at the same version, before it makes its decisions: no other request ends
    it, gives it back or hands it on meanwhile. Raises what :func:`check_resolution` does, and that ``margin`` seconds
    later, so that the claim outlasts the decisions."""
    check_resolution(case, who, resolution, now + margin, barred=barred, expected=expected)
    _nothing_ending(case, request)
    return replace(case, ending=request, ending_at=_no_earlier(case, now), drafted=resolution)


def no_longer_ending(case: Case, request: str) -> Case:
    """The case once this request's decisions were refused, so that others may end it."""
    return replace(case, ending="", ending_at=0, drafted=None) if case.ending == request else case


def resolve(
    case: Case,
    who: str,
    resolution: Resolution,
    now: int,
    *,
    barred: Collection[str] = (),
    expected: int | None = None,
    request: str = "",
) -> Case:
    """End a case that one holds. Nothing changes it afterwards."""
    check_resolution(case, who, resolution, now, barred=barred, expected=expected)
    _nothing_ending(case, request)
    if (resolution.outcome is CaseOutcome.ACTED) != bool(resolution.decisions) and case.kind is not CaseKind.APPEAL:
        raise InvalidCase("acted means that decisions were made, and no_action that none were", "decisions")
    at = _no_earlier(case, now)
    return _changed(
        case, at, state=CaseState.RESOLVED, lease_until=0, resolution=resolution, resolved_by=who, resolved_at=at
    )


def moved(case: Case, now: int, **changes: object) -> Case:
    """The case after a transition at second ``now``."""
    return _changed(case, _no_earlier(case, now), **changes)


def _no_earlier(case: Case, now: int) -> int:
    """The second, or that of the last change when the clock was set back since."""
    return max(now, case.changed_at, case.opened_at)


def _changed(case: Case, at: int, **changes: object) -> Case:
    over: dict[str, object] = {"ending": "", "ending_at": 0, "drafted": None}
    return replace(case, version=case.version + 1, changed_at=at, **over | changes)  # type: ignore[arg-type]


def _nothing_ending(case: Case, request: str = "") -> None:
    if case.ending and case.ending != request:
        raise CaseHeld("another request of yours is ending the case; send that one again, or read the case", "case")


def _unresolved(case: Case) -> None:
    if case.state is CaseState.RESOLVED:
        raise CaseResolved(f"the case was resolved at second {case.resolved_at}; nothing is left to do", "case")


def _expected(case: Case, expected: int | None) -> None:
    if expected is not None and expected != case.version:
        raise CaseChanged(f"the case is at version {case.version}, not {expected}; read it again, then act")


def _nobody_asked(case: Case) -> None:
    if case.state is CaseState.AWAITING:
        raise CaseHeld(f"a second person is asked about proposal {case.proposal}; approve or decline that", "case")


def _held(case: Case, who: str, expected: int | None) -> None:
    _unresolved(case)
    _expected(case, expected)
    _nobody_asked(case)
    if case.state is not CaseState.CLAIMED or case.holder != who:
        raise CaseHeld("you do not hold this case; claim it first", "case")
