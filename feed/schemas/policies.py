"""Policies on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from feed.schemas.experiments import RunningOut
from feed.schemas.fields import OptionalId, Text, Wire
from feed.schemas.policy_words import CriterionOut, OptionOut, RuleWordsOut


@dataclass(frozen=True, slots=True)
class ParameterOut:
    """A main parameter of the ranking, its value and what it does."""

    name: str
    value: int
    words: str


@dataclass(frozen=True, slots=True)
class PolicyOut:
    """The policy in force (empty ``version`` and null ``policy`` while none was published) and how ranking is set.
    ``criteria`` says what decides about a page and why, the weightiest first; ``options`` what a reader can change of
    it; ``rules`` every rule and ``standing`` every threshold for authors in plain words; ``ranking`` all
    parameters; ``experiments`` those that run, in which some readers have other parameters."""

    version: str
    policy: dict[str, Any] | None
    criteria: list[CriterionOut]
    options: list[OptionOut]
    rules: list[RuleWordsOut]
    standing: list[str]
    ranking: list[ParameterOut]
    experiments: list[RunningOut]


@dataclass(frozen=True, slots=True)
class PolicyVersionOut:
    """One stored policy by its content hash."""

    version: str
    active: bool
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FindingOut:
    """Something the lint says of a draft: path, line where known, what and what to do. Errors refuse publication."""

    severity: str
    path: str
    line: int | None
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ChangeOut:
    """One thing that a draft says otherwise: ``added``, ``removed`` or ``changed``, and where. Values are JSON text."""

    kind: str
    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DraftOut:
    """A stored draft: its content hash is its version, ``findings`` what the lint says of it, ``changes`` what differs
    from the policy ``against`` (the one in force unless another was named; empty for none). ``by`` made it ``at`` a
    second; ``approved_by`` is the second person, while the approval holds, until ``approved_until``."""

    version: str
    active: bool
    findings: list[FindingOut]
    name: str
    by: str
    at: int
    approved_by: str
    approved_until: int | None
    against: str
    changes: list[ChangeOut]


@dataclass(frozen=True, slots=True)
class DraftSummaryOut:
    """A draft in a list."""

    version: str
    name: str
    by: str
    at: int
    active: bool


@dataclass(frozen=True, slots=True)
class DraftListOut:
    """Drafts, newest first. Ask for older ones with ``after`` = ``next``; it is null at the end."""

    drafts: list[DraftSummaryOut]
    next: str | None


class PublicationIn(Wire):
    """Why a draft is to be the policy."""

    reason: Annotated[Text, Field(min_length=1)]
    break_glass: bool = False
    """Publish without a second person: for 24 hours at most, and a review is opened."""
    break_glass_reason: Annotated[Text, Field(max_length=500)] = ""
    """Why it cannot wait; needed with ``break_glass``."""

    @model_validator(mode="after")
    def _breaks_with_a_reason(self) -> Self:
        if self.break_glass != bool(self.break_glass_reason.strip()):
            raise ValueError("break_glass and break_glass_reason go together; say why it cannot wait")
        return self


class RollbackIn(Wire):
    """Why the policy before is to hold again."""

    reason: Annotated[Text, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class PublicationOut:
    """A policy that was published: by which decision, and whether that is the one in force."""

    version: str
    name: str
    decision: str
    revision: int
    by: str
    approved_by: str | None
    reason: str
    from_at: int
    expires_at: int | None
    reversed_by: str | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class PublicationsOut:
    """Publications, newest first. Ask for older ones with ``before`` = ``next``; it is null at the end."""

    publications: list[PublicationOut]
    next: int | None


class PreviewIn(Wire):
    """What a draft is to be tried on."""

    servings: Annotated[int, Field(strict=True, ge=1, le=500)] = 200
    """The newest so many recorded pages."""
    against: OptionalId | None = None
    """Version of the policy it is compared with; the one in force when absent, none when empty."""


@dataclass(frozen=True, slots=True)
class ShiftOut:
    """Places that one item, author or topic has on the pages before and after."""

    id: str
    before: int
    after: int
    change: int


@dataclass(frozen=True, slots=True)
class PreviewOut:
    """What a draft would change on recorded pages, each made again from its inputs at the state it was served in, once
    under the policy ``against`` and once under the draft.

    Of the ``asked`` pages ``erased`` ones have no inputs any more and ``lost`` ones no model; ``compared`` are left,
    of which ``faithful`` came out as they were served, byte for byte, and ``changed`` differ under the draft
    (``changed_share`` with a 95 % interval). Exposure is counted in places on these pages.
    """

    draft: str
    against: str
    asked: int
    erased: int
    lost: int
    compared: int
    faithful: int
    since: int
    until: int
    changed: int
    changed_share: dict[str, float] | None
    places: dict[str, int]
    tiers: dict[str, dict[str, int]]
    moved: dict[str, int]
    gained: dict[str, list[ShiftOut]]
    lost_places: dict[str, list[ShiftOut]]
