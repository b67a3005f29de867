"""Delegation: what the founder and the managers of a community may decide in it, and that it reaches no further.

They decide about single items of the community, on its surface alone, and may tighten what holds there
(:mod:`controls.communities`). What reaches further is the platform's; so is every appeal. Their acts are decisions like
all others, in the same ledger (law 12): the role says in which community they were made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from controls.authority import ADMIN, SCOPES_FOR, Principal
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import InvalidDecision, NotAllowed
from controls.proposals import WITHIN, Proposal
from controls.scopes import EVERYWHERE, Scope, SurfaceKind

FOUNDER, MANAGER = "founder", "manager"

_ON_ITEMS = frozenset({DecisionType.SUPPRESS, DecisionType.RESTRICT, DecisionType.TAKEDOWN, DecisionType.FEATURE})
_OF_POWERS = frozenset({DecisionType.GRANT, DecisionType.REVOKE})
_ALLOWED = _ON_ITEMS | _OF_POWERS | {DecisionType.PUBLISH_POLICY, DecisionType.REVERSE}
_HERE = SurfaceKind.COMMUNITY.value


def role_in(community: str, powers: frozenset[str]) -> str:
    """The role that the ledger shows of somebody with these powers in a community."""
    return f"{FOUNDER if FOUNDER in powers else MANAGER} of {community}"


def delegated(
    proposal: Proposal,
    person: str,
    community: str,
    powers: frozenset[str],
    *,
    inside: Callable[[str], bool],
    target: Decision | None = None,
) -> tuple[Proposal, Principal]:
    """The proposal as it may be made in a community, and as whom; raises :class:`NotAllowed` or
    :class:`InvalidDecision`, naming the field. ``powers`` are the person's there, ``inside`` tells whether an item is
    the community's, ``target`` is the decision that a reversal names."""
    if not powers & {FOUNDER, MANAGER}:
        raise NotAllowed(f"you hold no power in the community {community!r}; its founder can grant you one")
    if proposal.type not in _ALLOWED:
        words = ", ".join(sorted(act.value for act in _ALLOWED))
        raise NotAllowed(f"in a community one may {words}; leave {proposal.type.value} to the platform")
    if proposal.type in _OF_POWERS:
        _check_power(proposal, powers)
    act = proposal.type
    if act is DecisionType.REVERSE:
        if target is None or not _made_in(community, target):
            raise NotAllowed("only what was decided in this community can be reversed here; appeal against the rest")
        act = target.type
        if act in _OF_POWERS and FOUNDER not in powers:
            raise NotAllowed("powers in a community are its founder's to give and take")
    elif proposal.type in _ON_ITEMS:
        proposal = _on_item(proposal, community, inside)
    else:
        proposal = replace(proposal, subject=Subject(SubjectKind.COMMUNITY, community))
    proposal = replace(proposal, within=community)
    # The act is settled by now, so that what opens it opens nothing else.
    scopes = SCOPES_FOR[act] or frozenset({ADMIN})
    return proposal, Principal(person, scopes, role_in(community, powers))


def _made_in(community: str, decision: Decision) -> bool:
    """Whether a decision was made in a community. Those from before they were marked tell so by their role, which goes
    with the name of somebody who is erased."""
    roles = {role_in(community, frozenset({power})) for power in (FOUNDER, MANAGER)}
    return decision.parameters.get(WITHIN) == community or decision.role in roles


def _check_power(proposal: Proposal, powers: frozenset[str]) -> None:
    if FOUNDER not in powers:
        raise NotAllowed("powers in a community are its founder's to give and take")
    if proposal.parameters.get("power") != MANAGER:
        raise InvalidDecision(f"a founder gives and takes the power {MANAGER}", "parameters.power")


def _on_item(proposal: Proposal, community: str, inside: Callable[[str], bool]) -> Proposal:
    subject = proposal.subject
    if subject is None or subject.kind is not SubjectKind.ITEM:
        raise InvalidDecision(
            "in a community decisions are about single items; write a rule for its policy to reach more", "subject.kind"
        )
    if not inside(subject.id):
        raise NotAllowed(f"item {subject.id!r} does not belong to the community {community!r}")
    if not {EVERYWHERE, _HERE}.issuperset(proposal.scope.surfaces):
        raise InvalidDecision(f"decisions here hold on the surface {_HERE}; leave surfaces out", "scope.surfaces")
    return replace(proposal, scope=Scope((_HERE,), proposal.scope.regions, proposal.scope.audience))
