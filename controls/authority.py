"""Authority: who may decide what, and what needs a second person (law 12: the same for everybody, console included).

A token's scope opens types of decisions; ``admin`` opens all. A reversal needs the scope of what it reverses.
"""

from __future__ import annotations

from dataclasses import dataclass

from controls.decisions import DecisionType, Subject, SubjectKind
from controls.errors import NeedsApproval, NotAllowed

ADMIN = "admin"

SERVICE_ROLE = "service"
"""Role of the service's own account, which acts by rules that people approved; no token may claim it."""

SCOPES_FOR: dict[DecisionType, frozenset[str]] = {
    DecisionType.PIN: frozenset({"editor"}),
    DecisionType.BOOST: frozenset({"editor"}),
    DecisionType.FEATURE: frozenset({"editor"}),
    DecisionType.SUPPRESS: frozenset({"editor", "moderator"}),
    DecisionType.TAKEDOWN: frozenset({"moderator"}),
    DecisionType.RESTORE: frozenset({"moderator"}),
    DecisionType.FREEZE: frozenset({"moderator"}),
    DecisionType.PUBLISH_POLICY: frozenset({"policy"}),
    DecisionType.ACTIVATE_MODEL: frozenset({"experimenter"}),
    DecisionType.LABEL: frozenset({"moderator"}),
    DecisionType.RESTRICT: frozenset({"moderator"}),
    DecisionType.CORRECT: frozenset({"moderator"}),
    DecisionType.RELEASE: frozenset({"moderator"}),
    DecisionType.RESTRICT_AUTHOR: frozenset({"moderator"}),
    DecisionType.STRIKE: frozenset({"moderator"}),
    DecisionType.VERIFY_IDENTITY: frozenset({"moderator"}),
    DecisionType.GRANT: frozenset(),
    DecisionType.REVOKE: frozenset(),
    DecisionType.START_EXPERIMENT: frozenset({"experimenter"}),
    DecisionType.STOP_EXPERIMENT: frozenset({"experimenter"}),
}
"""The scopes that open each type beside ``admin``. ``reverse`` is opened by the scopes of its target's type."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: the token's subject, its scopes, and the role that the ledger will show."""

    subject: str
    scopes: frozenset[str]
    role: str = ""

    def may(self, act: DecisionType) -> bool:
        """Whether the scopes open this type of decision."""
        return ADMIN in self.scopes or not self.scopes.isdisjoint(SCOPES_FOR.get(act, frozenset()))

    def owns(self, subject: str) -> bool:
        """Whether an id that is reserved to its owner is this principal's; ``admin`` owns all."""
        return ADMIN in self.scopes or (bool(self.subject) and self.subject == subject)


def require(principal: Principal, act: DecisionType) -> None:
    """Raise :class:`NotAllowed` unless the principal is somebody who may do this act."""
    if not principal.subject:
        raise NotAllowed("a decision needs a person to answer for it; use a token that has a subject")
    if not principal.may(act):
        wanted = " or ".join(sorted(SCOPES_FOR.get(act, frozenset()) | {ADMIN}))
        raise NotAllowed(f"{act.value} needs the scope {wanted}; ask somebody who has it")


def high_impact(act: DecisionType, subject: Subject) -> bool:
    """Whether an act reaches so far that a second person should approve it."""
    if act in (DecisionType.FREEZE, DecisionType.RESTRICT_AUTHOR):
        return True
    if act in (DecisionType.PUBLISH_POLICY, DecisionType.GRANT):
        return subject.kind is SubjectKind.PLATFORM
    restricts = act in (DecisionType.SUPPRESS, DecisionType.TAKEDOWN, DecisionType.RESTRICT)
    return restricts and subject.kind in (SubjectKind.AUTHOR, SubjectKind.TOPIC, SubjectKind.COMMUNITY)


def require_approval(
    principal: Principal, act: DecisionType, subject: Subject, approver: Principal | None, *, wanted: bool
) -> None:
    """Raise unless the approver, where one is given or ``wanted`` for high impact, is another who may do the act."""
    if approver is None:
        if wanted and high_impact(act, subject):
            raise NeedsApproval(f"{act.value} of a {subject.kind.value} needs a second person; have it approved")
        return
    if approver.subject == principal.subject:
        raise NeedsApproval("nobody approves their own decision; have somebody else approve it", "approved_by")
    require(approver, act)
