"""Proposals: a decision somebody wants to make, and every check that needs nothing but the proposal (law 9)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.errors import InvalidDecision
from controls.scopes import EVERYWHERE, Scope, SurfaceKind

PLACEMENTS = frozenset({DecisionType.PIN, DecisionType.FEATURE})
PLATFORM_ACTS = frozenset({DecisionType.PUBLISH_POLICY, DecisionType.ACTIVATE_MODEL, DecisionType.FREEZE})
UNDOING = frozenset({DecisionType.REVERSE, DecisionType.RESTORE})
ENDING = frozenset(
    {
        DecisionType.PIN,
        DecisionType.FEATURE,
        DecisionType.BOOST,
        DecisionType.SUPPRESS,
        DecisionType.TAKEDOWN,
        DecisionType.FREEZE,
    }
)
"""Restrictions and placements: they must say when they end or are reviewed."""

BASIS_KINDS = ("law", "terms", "editorial", "operations")

LAST_POSITION = 499
"""A session serves 500 items at most."""

MAX_FACTOR = 4.0
LATE_START = 300
"""Seconds by which a start may lie in the past, for clocks that differ."""
HORIZON = 10 * 366 * 86_400
"""Seconds ahead beyond which a date is taken for a mistake."""

_TEXT = {"reason": 5_000, "id": 256, "clause": 256, "url": 500, "category": 64, "evidence": 500}
_MAX_EVIDENCE = 50
_PARAMETERS = {
    DecisionType.PIN: "position",
    DecisionType.BOOST: "factor",
    DecisionType.PUBLISH_POLICY: "policy",
    DecisionType.ACTIVATE_MODEL: "model",
}


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


def check(proposal: Proposal, now: int) -> None:
    """Raise :class:`InvalidDecision`, naming the field, for the first thing that is wrong with a proposal by itself."""
    _check_reason(proposal)
    _check_subject(proposal)
    _check_times(proposal, now)
    _check_scope(proposal.scope)
    _check_parameters(proposal)


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
    if kind in PLATFORM_ACTS:
        if subject is not None and subject.kind is not SubjectKind.PLATFORM:
            raise InvalidDecision(f"{kind.value} acts on the platform; leave the subject out", "subject.kind")
        return
    if subject is None or subject.kind is SubjectKind.PLATFORM or not subject.id:
        raise InvalidDecision(f"{kind.value} needs a subject: an item, author, topic or community by id", "subject")
    if kind in PLACEMENTS and subject.kind is not SubjectKind.ITEM:
        raise InvalidDecision(f"{kind.value} places an item, not a {subject.kind.value}; name the item", "subject.kind")
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


def _check_scope(scope: Scope) -> None:
    surfaces = {EVERYWHERE, *(kind.value for kind in SurfaceKind)}
    if not scope.surfaces or not surfaces.issuperset(scope.surfaces):
        raise InvalidDecision(f"surfaces are some of {', '.join(sorted(surfaces))}", "scope.surfaces")
    if not scope.regions or not all(re.fullmatch(r"[A-Z]{2}|\*", region) for region in scope.regions):
        raise InvalidDecision("regions are * or two capital letters each (ISO 3166-1 alpha-2)", "scope.regions")
    if scope.audience not in ("any", "adult", "minor"):
        raise InvalidDecision("an audience is any, adult or minor", "scope.audience")


def _check_parameters(proposal: Proposal) -> None:
    wanted = _PARAMETERS.get(proposal.type)
    for name in proposal.parameters:
        if name != wanted:
            raise InvalidDecision(f"{proposal.type.value} has no parameter {name!r}; remove it", f"parameters.{name}")
    if wanted is None:
        return
    value = proposal.parameters.get(wanted)
    field_name = f"parameters.{wanted}"
    if wanted == "position":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LAST_POSITION:
            raise InvalidDecision(f"a pin needs a position, a whole number from 0 to {LAST_POSITION}", field_name)
    elif wanted == "factor":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 < value <= MAX_FACTOR:  # type: ignore[arg-type,operator]
            raise InvalidDecision(f"a boost needs a factor above 0 and up to {MAX_FACTOR:g}", field_name)
    elif not isinstance(value, str) or not value or len(value) > _TEXT["id"]:
        raise InvalidDecision(f"{proposal.type.value} needs the version of the {wanted}", field_name)


def _text(kind: str, value: str, field_name: str = "") -> None:
    if len(value) > _TEXT[kind]:
        raise InvalidDecision(f"longer than {_TEXT[kind]} characters; shorten it", field_name or kind)
    # Lone surrogates cannot be written as UTF-8, and so neither to the ledger.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidDecision("not valid Unicode text; send UTF-8", field_name or kind)
