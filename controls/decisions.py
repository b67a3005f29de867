"""Typed acts on a subject: what was decided, by whom, why, from when until when (laws 1 and 9).

A decision is immutable. Undo is a new decision whose ``reverses`` names the old one. Checking that a
decision may be made lives in ``authority`` and ``service``; what it does to verdicts in ``state``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from controls.scopes import Scope


class DecisionType(StrEnum):
    """Every act that the ledger can hold."""

    PIN = "pin"
    SUPPRESS = "suppress"
    BOOST = "boost"
    FEATURE = "feature"
    TAKEDOWN = "takedown"
    RESTORE = "restore"
    REVERSE = "reverse"
    PUBLISH_POLICY = "publish_policy"
    ACTIVATE_MODEL = "activate_model"
    FREEZE = "freeze"
    LABEL = "label"
    RESTRICT = "restrict"
    CORRECT = "correct"
    RELEASE = "release"
    RESTRICT_AUTHOR = "restrict_author"
    STRIKE = "strike"
    VERIFY_IDENTITY = "verify_identity"
    GRANT = "grant"
    REVOKE = "revoke"
    START_EXPERIMENT = "start_experiment"
    STOP_EXPERIMENT = "stop_experiment"


class SubjectKind(StrEnum):
    """What a decision can be about. PLATFORM is the subject of policy, model, freeze and experiment
    decisions."""

    ITEM = "item"
    AUTHOR = "author"
    TOPIC = "topic"
    COMMUNITY = "community"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing decided upon, by kind and the client's id."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Basis:
    """The ground of a decision or rule. ``kind`` is ``law`` or ``terms`` or ``editorial`` or ``operations``."""

    kind: str
    clause: str
    url: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One act. Times are integer seconds since the epoch; ``revision`` is 0 until the ledger has given one.

    ``parameters`` holds what the type needs, see :mod:`controls.parameters`.
    """

    id: str
    type: DecisionType
    subject: Subject
    actor: str
    role: str
    reason: str
    basis: Basis
    decided_at: int
    starts_at: int
    expires_at: int | None = None
    review_by: int | None = None
    scope: Scope = field(default_factory=Scope)
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    evidence: tuple[str, ...] = ()
    reverses: str | None = None
    approved_by: str | None = None
    idempotency_key: str = ""
    revision: int = 0

    def begun(self, as_of: int) -> bool:
        """Whether it acts at a second, unless it ended: what was made to act at once does so wherever it is known,
        whatever a clock shows there."""
        return self.starts_at <= max(as_of, self.decided_at)
