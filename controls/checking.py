"""Checking: every check that a proposal has to pass before it is a decision (laws 1, 9 and 12).

Authority first, then the proposal by itself, then against what is in force. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

from controls.authority import SERVICE_ROLE, Principal, high_impact, require, require_approval
from controls.communities import check_tightening
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import (
    AlreadyReversed,
    DecidedSince,
    IneligibleSubject,
    InvalidDecision,
    NothingToRestore,
    NothingToRevoke,
    PolicyError,
    UnknownReference,
)
from controls.experiments import Settable, check_clashes, check_running, check_settings
from controls.governance import Governance
from controls.ledger_port import LedgerPort
from controls.lint import check_policy
from controls.pins import check_position
from controls.policy import Policy
from controls.proposals import ITEMLESS, PLACEMENTS, PLATFORM_ACTS, UNDOING, WITHIN, Proposal, check, publishes_within
from controls.scopes import EVERYWHERE, AgeClass, Audience, Scope, SurfaceKind
from controls.signals import Columns
from controls.tiers import Tier
from controls.undoing import SWEPT, grants_left, takedowns_left, undone_by

PLATFORM = Subject(SubjectKind.PLATFORM, "")

BROKEN_GLASS_SECONDS = 86_400
"""Longest that an act lasts which was done without the second person that it needs."""

BREAK_GLASS = "break_glass"
"""Parameter of a decision that was made so; the reason for it is among the evidence."""

_PAGE = 1000


class Checks:
    """The checks; see :class:`controls.service.DecisionService` for what they are made from."""

    def __init__(
        self,
        ledger: LedgerPort,
        governance: Callable[[], Governance],
        columns: Callable[[], Columns],
        policy_known: Callable[[str], bool],
        model_known: Callable[[str], bool],
        policies: Callable[[str], Policy] | None,
        settable: Settable,
        approvals: bool,
    ) -> None:
        self._ledger = ledger
        self._governance = governance
        self._columns = columns
        self._policy_known = policy_known
        self._model_known = model_known
        self._policies = policies
        self._settable = settable
        self._approvals = approvals

    def awaits_second(self, proposal: Proposal, principal: Principal) -> bool:
        """Whether a proposal has to be approved by a second person before it is a decision."""
        asked = self._approvals and principal.role != SERVICE_ROLE and not proposal.break_glass
        if not asked or proposal.type is DecisionType.REVERSE:
            return False
        return high_impact(proposal.type, self._subject(proposal, None))

    def decision(
        self, proposal: Proposal, principal: Principal, now: int, approver: Principal | None, id: str, *, held: bool
    ) -> Decision:
        """The decision that a proposal makes, after every check. ``held``: it is looked at before a second person is
        asked, so that none need be there. Raises :class:`controls.errors.ControlsError` subclasses."""
        if proposal.type is not DecisionType.REVERSE:
            require(principal, proposal.type)
        if proposal.break_glass:
            proposal = self._broken_glass(proposal, now)
        check(proposal, now)
        target = self._target(proposal, principal)
        subject = self._subject(proposal, target)
        act = proposal.type if target is None else target.type
        wanted = not held and self.awaits_second(proposal, principal)
        require_approval(principal, act, subject, approver, wanted=wanted)
        if proposal.expected_revision is not None:
            self._check_expected(subject, proposal.expected_revision)
        self._check_references(proposal, now)
        if proposal.type in PLACEMENTS:
            self._check_placement(subject, proposal.scope)
        if proposal.type is DecisionType.RESTORE and not takedowns_left(self.about(subject), now):
            raise NothingToRestore(
                f"no takedown of {subject.kind.value} {subject.id!r} is in force; nothing is left to restore", "subject"
            )
        if proposal.type is DecisionType.REVOKE:
            self._check_held(subject, str(proposal.parameters["person"]), str(proposal.parameters["power"]), now)
        assert proposal.basis is not None  # checked above
        glass = (f"break-glass: {proposal.break_glass}",) if proposal.break_glass else ()
        marks = ({BREAK_GLASS: True} if glass else {}) | ({WITHIN: proposal.within} if proposal.within else {})
        decision = Decision(
            id=id,
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
            parameters={**proposal.parameters, **marks} if marks else proposal.parameters,
            evidence=(*proposal.evidence, *glass),
            reverses=proposal.reverses,
            approved_by=approver.subject if approver is not None else None,
            idempotency_key=proposal.idempotency_key,
        )
        if decision.type is DecisionType.PIN:
            check_position(decision, self._to_come(decision.type))
        elif decision.type is DecisionType.START_EXPERIMENT:
            check_clashes(decision, self._to_come(decision.type))
        return decision

    def overtaking(self, decision: Decision, proposal: Proposal) -> Callable[[Decision], bool] | None:
        """Which decisions would have changed what was checked; None when none would."""
        if decision.type in UNDOING or proposal.expected_revision is not None:
            pins = decision.type is DecisionType.PIN
            return lambda other: other.subject == decision.subject or (pins and other.type is DecisionType.PIN)
        if decision.type in (DecisionType.PIN, DecisionType.START_EXPERIMENT):
            return lambda other: other.type is decision.type
        return None

    def undone_by(self, decision: Decision) -> Decision | None:
        """The decision that reversed this one, restored what it took down or revoked what it granted; None while none
        did."""
        if decision.type not in SWEPT:
            return self._ledger.reversal_of(decision.id)
        return undone_by(decision, self.about(decision.subject))

    def about(self, subject: Subject) -> list[Decision]:
        """Every decision about a subject, oldest first."""
        found: list[Decision] = []
        before: int | None = None
        while page := self._ledger.listing(before=before, limit=_PAGE, subject=subject.id):
            found += page
            before = page[-1].revision
        return [decision for decision in reversed(found) if decision.subject == subject]

    def newest_about(self, subject: Subject) -> Decision | None:
        """The last decision about a subject, or None."""
        before: int | None = None
        limit = 1
        while page := self._ledger.listing(before=before, limit=limit, subject=subject.id):
            for decision in page:
                if decision.subject == subject:
                    return decision
            before, limit = page[-1].revision, _PAGE
        return None

    def waits(self, decision: Decision) -> bool:
        """Whether a decision on items has none yet, so that it waits for the first."""
        subject = decision.subject
        if subject.kind is SubjectKind.PLATFORM or decision.type in ITEMLESS:
            return False
        columns = self._columns()
        if subject.kind is SubjectKind.ITEM:
            return columns.row_of(subject.id) < 0
        return columns.rows_of(subject.kind.value, subject.id).size == 0

    def _broken_glass(self, proposal: Proposal, now: int) -> Proposal:
        """A proposal that cannot wait for a second person, with its end within a day."""
        if not high_impact(proposal.type, self._subject(proposal, None)):
            raise InvalidDecision(
                f"{proposal.type.value} of this subject needs no second person; leave break_glass out", "break_glass"
            )
        if proposal.starts_at is not None and proposal.starts_at > now:
            raise InvalidDecision("what breaks the glass acts at once; leave starts_at out", "starts_at")
        latest = now + BROKEN_GLASS_SECONDS
        if proposal.expires_at is not None and proposal.expires_at > latest:
            raise InvalidDecision(
                "what breaks the glass ends within 24 hours; leave expires_at out, or give an earlier second",
                "expires_at",
            )
        return replace(proposal, expires_at=latest if proposal.expires_at is None else proposal.expires_at)

    def _check_expected(self, subject: Subject, expected: int) -> None:
        """Raise if something about a subject was decided above a revision."""
        if expected > self._ledger.head():
            raise InvalidDecision(
                f"the ledger has no revision {expected} yet; give one that you have read", "expected_revision"
            )
        newest = self.newest_about(subject)
        if newest is not None and newest.revision > expected:
            about = f"{subject.kind.value} {subject.id!r}" if subject.id else subject.kind.value
            raise DecidedSince(
                f"decision {newest.id} ({newest.type.value}) about {about} came at revision {newest.revision}, "
                f"after {expected}; read it, then decide again with its revision",
                "expected_revision",
            )

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
        within = publishes_within(proposal.type, proposal.subject)
        if proposal.subject is None or (proposal.type in PLATFORM_ACTS and not within):
            return PLATFORM
        return proposal.subject

    def _check_held(self, subject: Subject, person: str, power: str, now: int) -> None:
        if not grants_left(self.about(subject), person, power, now):
            raise NothingToRevoke(
                f"{person!r} is no {power} of {subject.kind.value} {subject.id!r}; nothing is left to revoke",
                "parameters.person",
            )

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
            if self._policies is not None and publishes_within(proposal.type, proposal.subject):
                check_tightening(self._policies(digest))
            if self._policies is not None:
                problems = [f.problem for f in check_policy(self._policies(digest), now) if f.fatal]
                if problems:
                    raise PolicyError(problems)
        elif proposal.type is DecisionType.START_EXPERIMENT:
            check_settings(cast(Sequence[Mapping[str, Any]], proposal.parameters["arms"]), self._settable)
        elif proposal.type is DecisionType.STOP_EXPERIMENT:
            started = self._ledger.by_id(str(proposal.parameters["experiment"]))
            check_running(started, self.undone_by(started) if started is not None else None, now)

    def _to_come(self, act: DecisionType) -> list[Decision]:
        """The pins or starts of experiments that are in force or will be: those folded already, and what came since."""
        governance = self._governance()
        known = governance.pinned if act is DecisionType.PIN else governance.planned
        newer: list[Decision] = []
        while page := self._ledger.since(newer[-1].revision if newer else governance.revision):
            newer += page
        undone = {other.reverses for other in newer}
        undone |= {str(o.parameters["experiment"]) for o in newer if o.type is DecisionType.STOP_EXPERIMENT}
        return [one for one in (*known, *(one for one in newer if one.type is act)) if one.id not in undone]

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
