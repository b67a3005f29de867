"""Decisions that await a second person, and many decisions made as one, on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from feed.schemas.decisions import ActIn, BasisIn, DecisionOut, EnforcedOut, SubjectIn
from feed.schemas.fields import Text, Wire

MOST_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class PendingOut:
    """A proposal that awaits a second person until ``until``. ``state`` is ``pending``, ``approved``, ``declined`` or
    ``expired``; ``decisions`` holds the ids of what came of it, ``lapsed`` says why nothing did when nobody declined
    it, ``case`` is the case that ends with it. Approve it as ``POST /v1/decisions/{id}/approve``."""

    id: str
    state: str
    proposer: str
    role: str
    proposed_at: int
    until: int
    proposals: list[dict[str, Any]]
    decisions: list[str]
    declined: str = ""
    lapsed: str = ""
    case: str = ""


@dataclass(frozen=True, slots=True)
class PendingListOut:
    """Proposals, newest first. Ask for older ones with ``after`` = ``next``; it is null at the end."""

    pending: list[PendingOut]
    next: str | None


class DeclineIn(Wire):
    """Why a proposal is not to be a decision."""

    reason: Annotated[Text, Field(min_length=1)]


class BulkIn(Wire):
    """One act on many subjects."""

    decision: ActIn
    subjects: Annotated[tuple[SubjectIn, ...], Field(min_length=1, max_length=MOST_TOGETHER)]
    dry_run: bool
    """First true: nothing is decided, and what would be is told with a ``digest``. Then false, with that digest."""
    digest: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""


class BulkReversalIn(Wire):
    """Why decisions that were made together are undone together."""

    reason: Annotated[Text, Field(min_length=1)]
    basis: BasisIn


@dataclass(frozen=True, slots=True)
class SubjectEffectOut:
    """What would become of one subject: ``problem`` and ``detail`` tell why it is refused, both empty if it is not.
    ``items`` are those it reaches now, ``before`` and ``after`` how many of them are encouraged, standard, restricted,
    blocked or held for adults on the home surface. ``after`` is null where the act changes no verdict by itself."""

    subject: dict[str, str]
    problem: str
    detail: str
    waits: bool
    items: int
    newest: int
    before: Mapping[str, int]
    after: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class DryRunOut:
    """What many decisions would do. Name ``digest`` to make them; with anything ``refused`` they cannot be made."""

    digest: str
    refused: int
    needs_second_person: bool
    subjects: list[SubjectEffectOut]


@dataclass(frozen=True, slots=True)
class BulkOut:
    """Decisions that were made together, under the id that undoes them together."""

    bulk: str
    decisions: list[DecisionOut]
    enforced: EnforcedOut | None = None
