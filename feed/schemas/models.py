"""Models and API keys on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from feed.schemas.fields import Id, OptionalId, Second, Text, Wire

ScopeWord = Literal[
    "feed", "events", "reader", "author", "editor", "moderator", "policy", "experimenter", "auditor", "admin"
]
"""The scopes of ``feed.auth``, to which a test holds them."""


@dataclass(frozen=True, slots=True)
class ModelOut:
    """A registered model with its hold-out metrics; one is ``active``, or none."""

    version: str
    trainer: str
    created_at: int
    metrics: dict[str, Any]
    active: bool


@dataclass(frozen=True, slots=True)
class ModelsOut:
    """The models, newest first. ``active`` is empty when none is: then popular, fresh and editorial lists serve."""

    active: str
    models: list[ModelOut]


class ActivationIn(Wire):
    """Why a model is to serve."""

    reason: Annotated[Text, Field(min_length=1)]
    force: Annotated[bool, Field(strict=True)] = False
    """Activate it although its hold-out score is below the active model's."""


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
