"""Proposals: a decision somebody wants to make, and every check that needs nothing but the proposal (law 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.errors import InvalidDecision
from controls.experiments import check_reach
from controls.parameters import POWERS, check_parameters
from controls.scopes import EVERYWHERE, Scope, SurfaceKind

PLACEMENTS = frozenset({DecisionType.PIN, DecisionType.FEATURE})
PLATFORM_ACTS = frozenset(
    {
        DecisionType.PUBLISH_POLICY,
        DecisionType.ACTIVATE_MODEL,
        DecisionType.FREEZE,
        DecisionType.START_EXPERIMENT,
        DecisionType.STOP_EXPERIMENT,
    }
)
UNDOING = frozenset({DecisionType.REVERSE, DecisionType.RESTORE, DecisionType.REVOKE, DecisionType.STOP_EXPERIMENT})
ON_ITEMS = frozenset({*PLACEMENTS, DecisionType.LABEL, DecisionType.CORRECT, DecisionType.RELEASE})
ON_AUTHORS = frozenset({DecisionType.RESTRICT_AUTHOR, DecisionType.STRIKE, DecisionType.VERIFY_IDENTITY})
ON_POWERS = frozenset({DecisionType.GRANT, DecisionType.REVOKE})
ITEMLESS = ON_AUTHORS | ON_POWERS
"""They act on accounts, whether there are items or not."""

ENDING = frozenset(
    {
        DecisionType.PIN,
        DecisionType.FEATURE,
        DecisionType.BOOST,
        DecisionType.SUPPRESS,
        DecisionType.TAKEDOWN,
        DecisionType.FREEZE,
        DecisionType.RESTRICT,
        DecisionType.CORRECT,
        DecisionType.RESTRICT_AUTHOR,
        DecisionType.STRIKE,
        DecisionType.START_EXPERIMENT,
    }
)
"""Restrictions, placements and experiments: they must say when they end or are reviewed."""

EXPIRING = frozenset({DecisionType.STRIKE, DecisionType.START_EXPERIMENT})
"""Of them those that must say when they expire; a review date is not enough."""

WITHIN = "within"
"""Parameter of a decision that was made in a community, by its founder or a manager: the community. Unlike the role it
stays when they are erased."""

BASIS_KINDS = ("law", "terms", "editorial", "operations")

LATE_START = 300
"""Seconds by which a start may lie in the past, for clocks that differ."""
HORIZON = 10 * 366 * 86_400
"""Seconds ahead beyond which a date is taken for a mistake."""

_TEXT = {"reason": 5_000, "id": 256, "clause": 256, "url": 500, "category": 64, "evidence": 500}
_MAX_EVIDENCE = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision before it is made. ``starts_at`` None means now; ``subject`` may be None for a reversal only, which
    takes its target's subject, and for acts on the platform. ``expected_revision``: refused when something about the
    subject was decided above it. ``break_glass``: why an act that needs a second person is done without one."""

    type: DecisionType
    subject: Subject | None
    reason: str
    basis: Basis | None
    starts_at: int | None = None
    expires_at: int | None = None
    review_by: int | None = None
    scope: Scope = field(default_factory=Scope)
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    evidence: tuple[str, ...] = ()
    reverses: str | None = None
    idempotency_key: str = ""
    expected_revision: int | None = None
    break_glass: str = ""
    within: str = ""
    """The community in which it is made, by somebody with a power there."""


def check(proposal: Proposal, now: int) -> None:
    """Raise :class:`InvalidDecision`, naming the field, for the first thing that is wrong with a proposal by itself."""
    _check_reason(proposal)
    _check_subject(proposal)
    _check_times(proposal, now)
    _check_scope(proposal.scope)
    check_parameters(proposal.type, proposal.subject, proposal.parameters)
    if proposal.type is DecisionType.START_EXPERIMENT:
        check_reach(proposal.scope)
    if proposal.type is DecisionType.VERIFY_IDENTITY and not any(map(str.strip, proposal.evidence)):
        raise InvalidDecision("an attestation says who verified, and how; name them, never a document", "evidence")


def _check_reason(proposal: Proposal) -> None:
    _text("reason", proposal.reason)
    if not proposal.reason.strip():
        raise InvalidDecision("a decision needs a reason; say why in a sentence", "reason")
    basis = proposal.basis
    if basis is None or not basis.clause.strip():
        raise InvalidDecision("a decision needs a basis; give its kind and clause", "basis")
    if basis.kind not in BASIS_KINDS:
        raise InvalidDecision(f"{basis.kind!r} is no basis; use one of {', '.join(BASIS_KINDS)}", "basis.kind")
    for name in ("clause", "url", "category"):
        _text(name, getattr(basis, name), f"basis.{name}")
    if len(proposal.evidence) > _MAX_EVIDENCE:
        raise InvalidDecision(f"at most {_MAX_EVIDENCE} pieces of evidence; put the rest in one document", "evidence")
    for piece in proposal.evidence:
        _text("evidence", piece)


def _check_subject(proposal: Proposal) -> None:
    kind, subject = proposal.type, proposal.subject
    if kind is DecisionType.REVERSE:
        if not proposal.reverses:
            raise InvalidDecision("a reversal needs the id of the decision it reverses", "reverses")
        return
    if proposal.reverses is not None:
        raise InvalidDecision(f"{kind.value} reverses nothing; use the type reverse, or leave it out", "reverses")
    if kind in PLATFORM_ACTS and not publishes_within(kind, subject):
        if subject is not None and subject.kind is not SubjectKind.PLATFORM:
            raise InvalidDecision(f"{kind.value} acts on the platform; leave the subject out", "subject.kind")
        return
    if kind in ON_POWERS:
        _check_place_of_power(kind, subject)
        return
    if subject is None or subject.kind is SubjectKind.PLATFORM or not subject.id:
        raise InvalidDecision(f"{kind.value} needs a subject: an item, author, topic or community by id", "subject")
    if kind in PLACEMENTS and subject.kind is not SubjectKind.ITEM:
        raise InvalidDecision(f"{kind.value} places an item, not a {subject.kind.value}; name the item", "subject.kind")
    for acts, wanted in ((ON_ITEMS, SubjectKind.ITEM), (ON_AUTHORS, SubjectKind.AUTHOR)):
        if kind in acts and subject.kind is not wanted:
            raise InvalidDecision(
                f"{kind.value} is about an {wanted.value}, not a {subject.kind.value}; name the {wanted.value}",
                "subject.kind",
            )
    _text("id", subject.id, "subject.id")


def publishes_within(kind: DecisionType, subject: Subject | None) -> bool:
    """Whether this is the publication of a community's own policy."""
    community = subject is not None and subject.kind is SubjectKind.COMMUNITY
    return kind is DecisionType.PUBLISH_POLICY and community


def _check_place_of_power(kind: DecisionType, subject: Subject | None) -> None:
    if subject is None or subject.kind not in POWERS:
        raise InvalidDecision(
            f"a {kind.value} is about the platform or a community; name the kind, and a community by id", "subject.kind"
        )
    if (subject.kind is SubjectKind.COMMUNITY) is not bool(subject.id):
        raise InvalidDecision("a community is named by its id, the platform has none", "subject.id")
    _text("id", subject.id, "subject.id")


def _check_times(proposal: Proposal, now: int) -> None:
    starts = now if proposal.starts_at is None else proposal.starts_at
    if proposal.type in UNDOING:
        if proposal.starts_at is not None and proposal.starts_at > now:
            raise InvalidDecision(f"{proposal.type.value} acts at once; leave starts_at out", "starts_at")
        if proposal.expires_at is not None:
            raise InvalidDecision(f"{proposal.type.value} does not expire; leave expires_at out", "expires_at")
    if not now - LATE_START <= starts <= now + HORIZON:
        raise InvalidDecision("starts_at must lie between now and ten years ahead, in epoch seconds", "starts_at")
    for name, second in (("expires_at", proposal.expires_at), ("review_by", proposal.review_by)):
        if second is None:
            continue
        if second <= now:
            raise InvalidDecision(f"{name} lies in the past; give a later second", name)
        if second <= starts:
            raise InvalidDecision(f"{name} must come after starts_at; give a later second", name)
        if second > now + HORIZON:
            raise InvalidDecision(f"{name} lies more than ten years ahead; give it in epoch seconds", name)
    if proposal.type in ENDING and proposal.expires_at is None and proposal.review_by is None:
        raise InvalidDecision(f"{proposal.type.value} needs an end; give expires_at or review_by", "expires_at")
    if proposal.type in EXPIRING and proposal.expires_at is None:
        raise InvalidDecision(f"a {proposal.type.value} expires; give expires_at, a review is not enough", "expires_at")


def _check_scope(scope: Scope) -> None:
    surfaces = {EVERYWHERE, *(kind.value for kind in SurfaceKind)}
    if not scope.surfaces or not surfaces.issuperset(scope.surfaces):
        raise InvalidDecision(f"surfaces are some of {', '.join(sorted(surfaces))}", "scope.surfaces")
    if not scope.regions or not all(re.fullmatch(r"[A-Z]{2}|\*", region) for region in scope.regions):
        raise InvalidDecision("regions are * or two capital letters each (ISO 3166-1 alpha-2)", "scope.regions")
    if scope.audience not in ("any", "adult", "minor"):
        raise InvalidDecision("an audience is any, adult or minor", "scope.audience")


def _text(kind: str, value: str, field_name: str = "") -> None:
    if len(value) > _TEXT[kind]:
        raise InvalidDecision(f"longer than {_TEXT[kind]} characters; shorten it", field_name or kind)
    # Lone surrogates cannot be written as UTF-8, and so neither to the ledger.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidDecision("not valid Unicode text; send UTF-8", field_name or kind)
