"""Experiments on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from feed.schemas.decisions import ArmIn, BasisIn, ScopeIn
from feed.schemas.fields import Second, Text, Wire, Word

Outcome = Literal["click", "dwell", "like", "share", "more", "less", "hide"]
Measure = Literal["per_reader", "readers"]
_Reason = Annotated[Text, Field(min_length=1)]
_BASIS = BasisIn(kind="operations", clause="experiments")


class ExperimentIn(Wire):
    """An experiment to be started."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "fresher",
                    "arms": [
                        {"name": "usual", "share": 500},
                        {"name": "fresher", "share": 500, "sets": {"fresh_every": 5}},
                    ],
                    "outcome": "click",
                    "measure": "readers",
                    "reason": "Do fresher pages bring more readers to click?",
                    "expires_at": 1_900_000_000,
                }
            ]
        }
    )

    name: Word
    """Stands on pages, so that clients can tell."""
    arms: Annotated[list[ArmIn], Field(min_length=2, max_length=10)]
    """The usual one first: the others are compared with it."""
    outcome: Outcome
    """The kind of events that is measured."""
    measure: Measure = "per_reader"
    """Events per reader, or the share of readers with any."""
    scope: ScopeIn = ScopeIn()
    """Surfaces, regions and audience; everywhere and for everybody by default."""
    reason: _Reason
    basis: BasisIn = _BASIS
    starts_at: Second | None = None
    """Now when absent."""
    expires_at: Second
    """Everybody has the usual pages again from here on."""


class StopIn(Wire):
    """Why an experiment is stopped."""

    reason: _Reason
    basis: BasisIn = _BASIS


@dataclass(frozen=True, slots=True)
class ArmOut:
    """One arm: its share in thousandths of all readers, and the parameters of ranking that it sets."""

    name: str
    share: int
    sets: dict[str, int]


@dataclass(frozen=True, slots=True)
class ExperimentOut:
    """An experiment. ``id`` is that of the decision that started it; ``state`` is ``planned``, ``running``, ``ended``
    (by itself) or ``stopped`` (by the decision ``stopped_by``), and ``until`` when it ends or ended."""

    id: str
    revision: int
    name: str
    state: str
    arms: list[ArmOut]
    outcome: str
    measure: str
    scope: dict[str, Any]
    starts_at: int
    expires_at: int
    until: int
    stopped_by: str | None
    actor: str
    role: str
    reason: str
    basis: dict[str, str]


@dataclass(frozen=True, slots=True)
class ExperimentsOut:
    """Experiments, newest first. Ask for older ones with ``before`` = ``next``; it is null at the end."""

    experiments: list[ExperimentOut]
    next: int | None


@dataclass(frozen=True, slots=True)
class DifferenceOut:
    """A difference to the first arm; the truth lies between ``low`` and ``high`` in a share ``confidence`` of such
    experiments, for all arms together in 95 %."""

    estimate: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True)
class ArmResultOut:
    """One arm: readers who were served with it, their pages, their events of the outcome's kind from the first of these
    pages on, and readers with any. ``value`` is events per reader or the share of readers with any, as the experiment's
    ``measure`` says. ``conclusion`` is ``higher`` or ``lower`` than the first arm, ``not conclusive``, ``running`` (it
    is not over: nothing is concluded), ``few`` (readers) or ``uneven`` (sizes do not fit shares); null for the first.
    """

    name: str
    share: int
    readers: int
    pages: int
    events: int
    readers_with_any: int
    value: float | None
    difference: DifferenceOut | None
    conclusion: str | None


@dataclass(frozen=True, slots=True)
class ResultsOut:
    """What an experiment showed, of pages served from ``since`` and before ``until``; not ``complete`` when its first
    Servings were gone for their age. ``fit``: how likely the arms' sizes are by the lot alone; below 0.001 they are not
    ``even``, and nothing is concluded."""

    id: str
    name: str
    state: str
    outcome: str
    measure: str
    since: int
    until: int
    complete: bool
    counted_at: int
    even: bool
    fit: float
    arms: list[ArmResultOut]


@dataclass(frozen=True, slots=True)
class RunningOut:
    """An experiment that runs, as everybody may know it."""

    name: str
    arms: list[ArmOut]
    outcome: str
    measure: str
    surfaces: tuple[str, ...]
    until: int
    reason: str
