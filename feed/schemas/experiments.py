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
class RunningOut:
    """An experiment that runs, as everybody may know it."""

    name: str
    arms: list[ArmOut]
    outcome: str
    measure: str
    surfaces: tuple[str, ...]
    until: int
    reason: str
