"""Models and API keys on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from feed.schemas.fields import Id, OptionalId, Second, Text, Wire

ScopeWord = Literal[
    "feed",
    "events",
    "reader",
    "author",
    "classifier",
    "editor",
    "moderator",
    "policy",
    "experimenter",
    "auditor",
    "admin",
]
"""The scopes of ``feed.access.auth``, to which a test holds them."""


@dataclass(frozen=True, slots=True)
class ShadowOut:
    """How a model did against the one that was active when it was trained, on events newer than both (its recipe's
    twin, trained without them). ``difference`` lies between ``low`` and ``high`` with 95 % confidence."""

    score: str
    candidate: float
    active: float
    difference: float
    low: float
    high: float
    readers: int
    since: int


@dataclass(frozen=True, slots=True)
class TermOut:
    """A span in which a model served, and the decision that let it; ``until`` is null while it lasts."""

    since: int
    until: int | None
    decision: str
    actor: str
    role: str
    reason: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelOut:
    """A registered model with what its evaluation measured; one is ``active``, or none. ``kept``: its file is there,
    so that it can be activated. ``terms`` are the spans in which it served, oldest first."""

    version: str
    trainer: str
    created_at: int
    metrics: dict[str, Any]
    active: bool
    kept: bool
    shadow: ShadowOut | None
    terms: list[TermOut]


@dataclass(frozen=True, slots=True)
class RetrainingOut:
    """The last scheduled training: when it was tried, what came of it, and when one last succeeded; null before."""

    every: str
    tried_at: int | None
    outcome: str | None
    detail: str | None
    seconds: float | None
    succeeded_at: int | None


@dataclass(frozen=True, slots=True)
class ModelsOut:
    """The models, newest first. ``active`` is empty when none is: then popular, fresh and editorial lists serve."""

    active: str
    models: list[ModelOut]
    retraining: RetrainingOut


class ActivationIn(Wire):
    """Why a model is to serve."""

    reason: Annotated[Text, Field(min_length=1)]
    force: Annotated[bool, Field(strict=True)] = False
    """Activate it although it scored lower than the active model."""
    evidence: Annotated[tuple[Annotated[Text, Field(min_length=1, max_length=500)], ...], Field(max_length=50)] = ()
    """Figures or documents that the ledger keeps with the reason."""


class KeyIn(Wire):
    """An API key to be made."""

    name: Id
    """What the key is known by; unique among keys in force."""
    scopes: Annotated[tuple[ScopeWord, ...], Field(min_length=1, max_length=10)]
    subject: OptionalId = ""
    """Whom the key acts as; its name when absent."""
    expires_at: Second | None = None


@dataclass(frozen=True, slots=True)
class KeyOut:
    """An API key as it is listed: without the key."""

    name: str
    scopes: tuple[str, ...]
    subject: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class NewKeyOut:
    """A new API key. The key itself is shown this once; only its digest is stored."""

    key: str
    name: str
    scopes: tuple[str, ...]
    subject: str
    created_at: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class KeysOut:
    """The keys, newest first."""

    keys: list[KeyOut]


@dataclass(frozen=True, slots=True)
class RevokedOut:
    """How many keys of a name were revoked."""

    name: str
    revoked: int
