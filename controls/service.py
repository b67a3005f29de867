"""DecisionService: the only door through which decisions reach the ledger (laws 1, 9 and 12).

It checks authority, the proposal by itself, and the proposal against what is in force; then it appends. Where a check
could be overtaken by another decision, the append is refused by the ledger if it was, and the checks are made again. A
decision on a subject that is not known yet is taken and waits for it (``waits`` tells so); nothing is ever written for
a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from itertools import product
from typing import Any, Protocol

from controls.authority import Principal, require, require_approval
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import (
    AlreadyReversed,
    Conflict,
    IneligibleSubject,
    InvalidDecision,
    NothingToRestore,
    PolicyError,
    PositionTaken,
    UnknownReference,
)
from controls.governance import Governance
from controls.lint import check_policy
from controls.pins import hides
from controls.policy import Policy
from controls.proposals import PLACEMENTS, PLATFORM_ACTS, UNDOING, Proposal, check
from controls.scopes import EVERYWHERE, AgeClass, Audience, Scope, SurfaceKind
from controls.signals import Columns
from controls.tiers import Tier
from controls.undoing import takedowns_left, undone_by

PLATFORM = Subject(SubjectKind.PLATFORM, "")
_PAGE = 1000


class LedgerPort(Protocol):
    """What the service asks of the store; ``once`` is the store's own form of idempotency and passes through."""

    def head(self) -> int:
        """The last revision."""
        ...

    def append(self, decision: Decision, once: Any = None) -> Future[Decision]:
        """Append and give the decision its revision; with a known ``once`` the first one is returned."""
        ...

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Any = None
    ) -> Future[Decision | None]:
        """Append, unless a decision above the revision ``after`` matters; then None, and nothing is written."""
        ...

    def decided_under(self, once: Any) -> Decision | None:
        """The decision that this very request made before, or None."""
        ...

    def since(self, revision: int) -> list[Decision]:
        """The next decisions of greater revisions, in order; all of them if they are few."""
        ...

    def by_id(self, decision: str) -> Decision | None:
        """One decision, or None."""
        ...

    def reversal_of(self, decision: str) -> Decision | None:
        """The decision that reversed this one, or None."""
        ...

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        """Decisions about an id, newest first, revision below ``before``."""
        ...


class DecisionService:
    """Checks and appends decisions. ``governance`` and ``columns`` give the present views; ``policy_known`` and
    ``model_known`` tell whether a version is stored and loads (law 4). ``new_id`` makes ids that never come twice.
    ``policies`` gives a stored policy, which is then linted before it is published. With ``approvals``, high-impact
    acts need a second person."""

    def __init__(
        self,
        ledger: LedgerPort,
        *,
        governance: Callable[[], Governance],
        columns: Callable[[], Columns],
        policy_known: Callable[[str], bool],
        model_known: Callable[[str], bool],
        new_id: Callable[[], str],
        policies: Callable[[str], Policy] | None = None,
        approvals: bool = False,
    ) -> None:
        self._ledger = ledger
        self._governance = governance
        self._columns = columns
        self._policy_known = policy_known
        self._model_known = model_known
        self._policies = policies
        self._approvals = approvals
        self._new_id = new_id

    def decide(
        self,
        proposal: Proposal,
        principal: Principal,
        now: int,
        once: Any = None,
        approver: Principal | None = None,
    ) -> Future[Decision]:
        """Make a decision at second ``now``; the future is done once it is durable. Raises :class:`ControlsError`
        subclasses for what is refused, each naming the field and what to do. A request that was decided before is
        answered with that decision. Blocks on the ledger where another decision could overtake the checks."""
        while True:
            after = self._ledger.head()
            try:
                decision = self._checked(proposal, principal, now, approver)
            except (Conflict, InvalidDecision, PolicyError):
                first = self._ledger.decided_under(once) if once is not None else None
                if first is None:
                    raise
                return _done(first)
            matters = self._overtaking(decision)
            if matters is None:
                return self._ledger.append(decision, once)
            appended = self._ledger.append_unless(matters, after, decision, once).result()
            if appended is not None:
                return _done(appended)

    def _overtaking(self, decision: Decision) -> Callable[[Decision], bool] | None:
        """Which decisions would have changed what was checked; None when none would."""
        if decision.type in UNDOING:
            return lambda other: other.subject == decision.subject
        if decision.type is DecisionType.PIN:
            return lambda other: other.type is DecisionType.PIN
        return None

    def _checked(self, proposal: Proposal, principal: Principal, now: int, approver: Principal | None) -> Decision:
        """The decision that a proposal makes, after every check."""
        if proposal.type is not DecisionType.REVERSE:
            require(principal, proposal.type)
        check(proposal, now)
        target = self._target(proposal, principal)
        subject = self._subject(proposal, target)
        act = proposal.type if target is None else target.type
        require_approval(principal, act, subject, approver, wanted=self._approvals and target is None)
        self._check_references(proposal, now)
        if proposal.type in PLACEMENTS:
            self._check_placement(subject, proposal.scope)
        if proposal.type is DecisionType.RESTORE and not takedowns_left(self._about(subject), now):
            raise NothingToRestore(
                f"no takedown of {subject.kind.value} {subject.id!r} is in force; nothing is left to restore", "subject"
            )
        assert proposal.basis is not None  # checked above
        decision = Decision(
            id=self._new_id(),
            type=proposal.type,
            subject=subject,
            actor=principal.subject,
            role=principal.role,
            reason=proposal.reason,
            basis=proposal.basis,
            decided_at=now,
            starts_at=now if proposal.starts_at is None else proposal.starts_at,
            expires_at=proposal.expires_at,
            review_by=proposal.review_by,
            scope=proposal.scope,
            parameters=proposal.parameters,
            evidence=proposal.evidence,
            reverses=proposal.reverses,
            approved_by=approver.subject if approver is not None else None,
            idempotency_key=proposal.idempotency_key,
        )
        if decision.type is DecisionType.PIN:
            self._check_position(decision)
        return decision

    def undone_by(self, decision: Decision) -> Decision | None:
        """The decision that reversed this one, or restored what it took down; None while none did."""
        if decision.type is not DecisionType.TAKEDOWN:
            return self._ledger.reversal_of(decision.id)
        return undone_by(decision, self._about(decision.subject))

    def _about(self, subject: Subject) -> list[Decision]:
        """Every decision about a subject, oldest first."""
        found: list[Decision] = []
        before: int | None = None
        while page := self._ledger.listing(before=before, limit=_PAGE, subject=subject.id):
            found += page
            before = page[-1].revision
        return [decision for decision in reversed(found) if decision.subject == subject]

    def waits(self, decision: Decision) -> bool:
        """Whether a decision's subject has no item yet, so that it waits for the first."""
        subject = decision.subject
        if subject.kind is SubjectKind.PLATFORM:
            return False
        columns = self._columns()
        if subject.kind is SubjectKind.ITEM:
            return columns.row_of(subject.id) < 0
        return columns.rows_of(subject.kind.value, subject.id).size == 0

    def _target(self, proposal: Proposal, principal: Principal) -> Decision | None:
        """The decision that a reversal reverses, after every check that it may be reversed."""
        if proposal.type is not DecisionType.REVERSE:
            return None
        target = self._ledger.by_id(proposal.reverses or "")
        if target is None:
            raise UnknownReference(f"no decision has the id {proposal.reverses!r}; check the id", "reverses")
        if target.type in UNDOING:
            raise InvalidDecision(
                f"a {target.type.value} cannot be reversed; make the decision that it undid again", "reverses"
            )
        require(principal, target.type)
        earlier = self.undone_by(target)
        if earlier is not None:
            raise AlreadyReversed(f"decision {target.id} was reversed by {earlier.id}", "reverses")
        return target

    def _subject(self, proposal: Proposal, target: Decision | None) -> Subject:
        if target is not None:
            if proposal.subject is not None and proposal.subject != target.subject:
                raise InvalidDecision("a reversal has its target's subject; leave the subject out", "subject")
            return target.subject
        if proposal.type in PLATFORM_ACTS or proposal.subject is None:
            return PLATFORM
        return proposal.subject

    def _check_references(self, proposal: Proposal, now: int) -> None:
        if proposal.type is DecisionType.ACTIVATE_MODEL:
            model = str(proposal.parameters["model"])
            if not self._model_known(model):
                raise UnknownReference(
                    f"no model {model!r} that can be loaded is registered; train it, or check the version",
                    "parameters.model",
                )
        elif proposal.type is DecisionType.PUBLISH_POLICY:
            digest = str(proposal.parameters["policy"])
            if not self._policy_known(digest):
                raise UnknownReference(
                    f"no policy with content hash {digest!r} is stored; store the document first", "parameters.policy"
                )
            if self._policies is not None:
                problems = [f.problem for f in check_policy(self._policies(digest), now) if f.fatal]
                if problems:
                    raise PolicyError(problems)

    def _check_position(self, pin: Decision) -> None:
        """Raise if another pin, in force or to come, would stand where this one asks to."""
        governance = self._governance()
        newer: list[Decision] = []
        while page := self._ledger.since(newer[-1].revision if newer else governance.revision):
            newer += page
        undone = {other.reverses for other in newer}
        for other in (*governance.pinned, *(one for one in newer if one.type is DecisionType.PIN)):
            if other.id not in undone and hides(pin, other, pin.decided_at):
                held = "the item is pinned already" if other.subject == pin.subject else "the position is taken"
                ends = "it is reversed" if other.expires_at is None else f"second {other.expires_at}"
                raise PositionTaken(
                    f"{held} by decision {other.id} ({other.subject.id!r} at {other.parameters['position']}, until "
                    f"{ends}); reverse it, or choose another position, scope or time",
                    "parameters.position",
                )

    def _check_placement(self, subject: Subject, scope: Scope) -> None:
        """Raise unless the item is still unknown or may be placed for somebody within the scope."""
        row = self._columns().row_of(subject.id)
        governance = self._governance()
        if row < 0 or row >= governance.class_of.size:
            return
        cls = int(governance.class_of[row])
        surfaces = [kind for kind in SurfaceKind if EVERYWHERE in scope.surfaces or kind.value in scope.surfaces]
        regions = [*sorted(governance.regions), "-"] if EVERYWHERE in scope.regions else list(scope.regions)
        ages = [age for age in (AgeClass.ADULT, AgeClass.MINOR) if scope.audience in ("any", age.value)]
        for surface, region, age in product(surfaces, regions, ages):
            table = governance.table(Audience(region, age), surface)
            if table.eligible[cls] and table.tier[cls] <= Tier.STANDARD:
                return
        why = "; ".join(cause.words for cause in governance.causes(cls))
        raise IneligibleSubject(
            f"item {subject.id!r} may not be placed anywhere in this scope ({why}); lift that first", "subject.id"
        )


def _done(decision: Decision) -> Future[Decision]:
    future: Future[Decision] = Future()
    future.set_result(decision)
    return future
