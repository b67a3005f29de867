"""Statements of reasons on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ExposuresOut:
    """How often the item was shown within so many seconds before and after the act; ``after`` is up to now while those
    have not passed."""

    seconds: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RemedyOut:
    """How to object: the route, the body that names this statement, and until when it is taken."""

    post: str
    body: Mapping[str, str]
    until: int


@dataclass(frozen=True, slots=True)
class StatementOut:
    """One statement. ``item`` is empty for an act on the author; ``cause`` is the rule or decision; ``decision`` is
    empty for a rule; ``until`` is null while the restriction lasts. ``fields`` are those of the EU DSA Transparency
    Database, as they were issued."""

    id: str
    item: str
    author: str
    cause: Mapping[str, str]
    decision: str
    from_at: int
    until: int | None
    fields: Mapping[str, Any]
    appeal: RemedyOut


@dataclass(frozen=True, slots=True)
class StatementReadOut:
    """One statement, and how often the item was shown before and after."""

    statement: StatementOut
    exposures: ExposuresOut | None


@dataclass(frozen=True, slots=True)
class StatementsOut:
    """Statements, newest first. Ask for older ones with ``after`` = ``next``; it is null at the end."""

    statements: list[StatementOut]
    next: str | None
