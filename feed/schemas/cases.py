"""Cases on the wire: reports, appeals, orders, the queue, and what is done with a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from controls.cases import CaseOutcome
from controls.decisions import SubjectKind
from feed.schemas.decisions import DecisionIn, SubjectIn
from feed.schemas.fields import Id, OptionalId, Region, Second, Text, Wire, Word

_Said = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
_Line = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class ReportIn(Wire):
    """A report of an item."""

    item: Id
    category: Word
    """One of the operator's categories; docs/cases.md has the default ones."""
    text: Text = ""
    """What is wrong with it, for the person who looks at it."""


class AppealIn(Wire):
    """An appeal against one decision, statement or report."""

    decision: OptionalId = ""
    statement: OptionalId = ""
    report: OptionalId = ""
    """The receipt of a report that ended without action."""
    text: _Said
    """Why it was wrong, for the person who looks at it."""


class CaseSubjectIn(SubjectIn):
    """What a case is about: something by its id, or the platform, which has none."""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if (self.kind is SubjectKind.PLATFORM) is bool(self.id):
            raise ValueError("name an item, author, topic or community by its id; the platform has none")
        return self


class CaseIn(Wire):
    """A review or an inspection that somebody asks for."""

    kind: Literal["review", "inspection"]
    subject: CaseSubjectIn
    category: Word
    reason: _Said
    severity: Annotated[int, Field(ge=0, le=10)] = 0
    """1 to 10; the operator's for the kind when 0."""


class OrderIn(Wire):
    """An order of an authority to act against something, or to inform."""

    authority: _Line
    reference: _Line
    """The authority's own; the same order sent twice is one case."""
    ground: _Line
    """The law it is based on."""
    territory: Annotated[tuple[Region, ...], Field(max_length=300)] = ()
    """Where it holds; everywhere when empty."""
    subject: CaseSubjectIn
    deadline: Second | None = None
    """Until when it is to be answered; the operator's for orders when absent."""
    text: _Said
    """What is ordered."""


class EscalationIn(Wire):
    """Why a case is handed on."""

    note: _Said


class ResolutionIn(Wire):
    """How a case ends."""

    outcome: CaseOutcome
    """Of an appeal ``upheld`` or ``dismissed``, of all others ``acted`` or ``no_action``."""
    answer: _Said
    """Told to those who reported, appealed or ordered."""
    decisions: Annotated[tuple[DecisionIn, ...], Field(max_length=20)] = ()
    """Made together with the end of the case, all or none. An upheld appeal reverses what it names by itself."""
    made: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    """Ids of decisions that were made elsewhere, such as ones that a second person approved."""


@dataclass(frozen=True, slots=True)
class ReportOut:
    """A report as its reporter may know it: ``state`` is received, in_review or decided. ``outcome`` (acted, no_action)
    and ``answer`` are empty until then; it can change once, by an appeal. ``appeal_until``: 0 while there is nothing to
    appeal."""

    id: str
    item: str
    category: str
    state: str
    at: int
    due_at: int
    outcome: str
    answer: str
    decided_at: int
    appeal_until: int


@dataclass(frozen=True, slots=True)
class AppealOut:
    """An appeal as its appellant may know it: ``state`` is received, in_review or decided; ``outcome`` upheld or
    dismissed."""

    id: str
    state: str
    at: int
    due_at: int
    outcome: str
    answer: str
    decided_at: int


@dataclass(frozen=True, slots=True)
class CaseOut:
    """A case as those who work on it see it. ``version`` is what ``If-Match`` names; ``holder`` has claimed it, until
    ``lease_until``; ``reports`` are as many as it unites, and ``support`` what they weigh, in thousandths. ``proposal``
    is what a second person was last asked to approve, for the case to end with it."""

    id: str
    kind: str
    subject: dict[str, str]
    category: str
    reason: str
    severity: int
    priority: int
    support: int
    reports: int
    state: str
    version: int
    opened_at: int
    due_at: int
    overdue: bool
    holder: str
    lease_until: int
    proposal: str
    escalated_by: str
    note: str
    about: dict[str, str]
    outcome: str
    answer: str
    resolved_by: str
    resolved_at: int
    decisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseDetailOut:
    """A case with what was written in it, newest first, without names, and the decisions about its subject since."""

    case: CaseOut
    words: list[str]
    decided_since: list[str]


@dataclass(frozen=True, slots=True)
class QueueOut:
    """Cases that wait, first things first. Ask for the following ones with ``after`` = ``next``; null at the end."""

    cases: list[CaseOut]
    next: str | None


@dataclass(frozen=True, slots=True)
class LoadOut:
    """What one kind of case asks for; ``minutes`` of one case, ``measured`` or assumed."""

    kind: str
    per_day: float
    minutes: float
    measured: bool
    waiting: int
    overdue: int
    hours_per_day: float
    hours_waiting: float


@dataclass(frozen=True, slots=True)
class CapacityOut:
    """Hours of review needed against hours there; ``share`` null while nobody has counted the hours, ``clears_in``
    (days) null when what waits never gets done."""

    days: float
    loads: list[LoadOut]
    needed: float
    waiting: float
    there: float
    share: float | None
    clears_in: float | None
