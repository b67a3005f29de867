"""Policies on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from feed.schemas.fields import Text, Wire


@dataclass(frozen=True, slots=True)
class ParameterOut:
    """A main parameter of the ranking, its value and what it does."""

    name: str
    value: int
    words: str


@dataclass(frozen=True, slots=True)
class PolicyOut:
    """The policy in force (empty ``version`` and null ``policy`` while none was published) and how ranking is set."""

    version: str
    policy: dict[str, Any] | None
    ranking: list[ParameterOut]


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
class DraftOut:
    """A stored draft: its content hash is its version, and ``findings`` what the lint says of it."""

    version: str
    active: bool
    findings: list[FindingOut]


class PublicationIn(Wire):
    """Why a draft is to be the policy."""

    reason: Annotated[Text, Field(min_length=1)]
