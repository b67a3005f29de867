"""Decisions on the wire. What a decision must have is checked by ``controls``; the limits here bound its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from controls.decisions import DecisionType, SubjectKind
from feed.schemas.fields import OptionalId, Second, Text, Wire, Word

_Reason = Annotated[str, StringConstraints(min_length=1, max_length=5000, pattern=r"^[^\x00]*$")]
_Line = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Revision = Annotated[int, Field(strict=True, ge=0, le=1 << 53, description="A place in the ledger")]
_Words = Annotated[tuple[Word, ...], Field(min_length=1, max_length=300)]


class ArmIn(Wire):
    """One arm of an experiment."""

    name: Word
    share: Annotated[int, Field(strict=True, ge=1, le=1000)]
    """Thousandths of all readers."""
    sets: Annotated[dict[Word, Annotated[int, Field(strict=True)]], Field(max_length=40, default_factory=dict)]
    """Parameters of ranking by name; none for the usual ranking."""


def plain_arms(arms: list[ArmIn]) -> list[dict[str, Any]]:
    """Arms as a decision keeps them."""
    return [arm.model_dump() for arm in arms]


def _kind(value: object) -> str:
    return "listed" if isinstance(value, list) else "single"


_Arms = Annotated[list[ArmIn], Field(max_length=20), AfterValidator(plain_arms), Tag("listed")]
_Single = Annotated[Annotated[str, Field(max_length=1000)] | int | float, Tag("single")]
_Parameters = dict[Word, Annotated[_Single | _Arms, Discriminator(_kind)]]


class SubjectIn(Wire):
    """What a decision is about."""

    kind: SubjectKind
    id: OptionalId = ""


class BasisIn(Wire):
    """The ground of a decision."""

    kind: Word
    """``law``, ``terms``, ``editorial`` or ``operations``."""
    clause: _Line
    url: _Line = ""
    category: _Line = ""


class ScopeIn(Wire):
    """Where a decision holds; everywhere and for everybody by default."""

    surfaces: _Words = ("*",)
    regions: _Words = ("*",)
    audience: Word = "any"


class ActIn(Wire):
    """What is decided and why, whatever it is about."""

    type: DecisionType
    reason: _Reason
    """Why, in a sentence that those concerned can read."""
    basis: BasisIn
    starts_at: Second | None = None
    """Now when absent."""
    expires_at: Second | None = None
    """Restrictions and placements end here, or are reviewed by ``review_by``."""
    review_by: Second | None = None
    scope: ScopeIn = ScopeIn()
    parameters: Annotated[_Parameters, Field(max_length=10, default_factory=dict)]
    """What the type needs, see docs/decisions.md: ``position`` (pin), ``factor`` (boost), ``points`` (strike)."""
    evidence: Annotated[tuple[_Line, ...], Field(max_length=50)] = ()
    break_glass: bool = False
    """Do what needs a second person without one: at once, for 24 hours at most, and a review is opened."""
    break_glass_reason: _Line = ""
    """Why it cannot wait; needed with ``break_glass``."""

    @model_validator(mode="after")
    def _breaks_with_a_reason(self) -> Self:
        if self.break_glass != bool(self.break_glass_reason.strip()):
            raise ValueError(
                "break_glass and break_glass_reason go together; say why it cannot wait, or leave both out"
            )
        return self


class DecisionIn(ActIn):
    """A decision to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "pin",
                    "subject": {"kind": "item", "id": "item-1"},
                    "parameters": {"position": 0},
                    "reason": "Our guide to the elections",
                    "basis": {"kind": "editorial", "clause": "2.1"},
                    "expires_at": 1_900_000_000,
                }
            ]
        }
    )

    subject: SubjectIn | None = None
    """Needed by all but acts on the platform and reversals."""
    copies: bool = False
    """Decide the same about the item's near-duplicates, in one transaction; the answer is that of a bulk."""
    reverses: OptionalId | None = None
    """Id of the decision that is undone (type ``reverse``)."""
    expected_revision: Revision | None = None
    """Refuse with 412 if anything about the subject was decided above this revision; ``If-Match`` says the same."""


class ReversalIn(Wire):
    """Why a decision is undone."""

    reason: Annotated[Text, Field(min_length=1)]
    basis: BasisIn
    expected_revision: Revision | None = None
    """Refuse with 412 if anything about the subject was decided above this revision; ``If-Match`` says the same."""


@dataclass(frozen=True, slots=True)
class EnforcedOut:
    """Who obeys a decision: replicas known, those that acknowledged, milliseconds it took, names of laggards."""

    replicas: int
    acked: int
    ms: float
    lagging: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionOut:
    """A decision as the ledger holds it."""

    id: str
    revision: int
    type: str
    subject: dict[str, str]
    actor: str
    role: str
    reason: str
    basis: dict[str, str]
    decided_at: int
    starts_at: int
    expires_at: int | None
    review_by: int | None
    scope: dict[str, Any]
    parameters: dict[str, Any]
    evidence: tuple[str, ...]
    reverses: str | None
    reversed_by: str | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class DecidedOut:
    """A decision that was made, who obeys it, and whether it waits for a subject that is not known yet. ``warning``
    tells what its maker may not expect, and is empty otherwise."""

    decision: DecisionOut
    enforced: EnforcedOut
    waits: bool
    warning: str = ""


@dataclass(frozen=True, slots=True)
class DecisionsOut:
    """Decisions, newest first. Ask for older ones with ``before`` = ``next``; it is null at the end."""

    decisions: list[DecisionOut]
    next: int | None
