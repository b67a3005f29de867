"""An author's standing on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LimitOut:
    """A threshold of the policy in force: below how many points which service is limited, rate to ``per_day`` items."""

    below: int
    service: str
    per_day: int | None


@dataclass(frozen=True, slots=True)
class AccountActOut:
    """A decision about an author's account: ``strike``, ``restrict_author`` or ``verify_identity``, without the name of
    who made it. ``state`` is coming, in_force, expired or reversed; ``reversed_*`` tell by which decision, when
    and why. ``by_itself``: the service made it because a threshold was crossed."""

    id: str
    revision: int
    type: str
    state: str
    role: str
    by_itself: bool
    reason: str
    basis: dict[str, str]
    parameters: dict[str, Any]
    decided_at: int
    starts_at: int
    expires_at: int | None
    review_by: int | None
    reversed_by: str | None
    reversed_at: int | None
    reversed_reason: str | None


@dataclass(frozen=True, slots=True)
class StandingOut:
    """An author's points and services now, and what was decided about the account, newest first. ``standing`` is
    ``stored`` less ``points_lost`` to strikes in force, at least 0; it is null while nothing is known. ``per_day`` is
    the items taken a day, null while they are not counted. Ask for older acts with ``before`` = ``next``."""

    author: str
    standing: int | None
    stored: int | None
    points_lost: int
    services: list[str]
    per_day: int | None
    identity: str
    suspended: bool
    thresholds: list[LimitOut]
    history: list[AccountActOut]
    next: int | None
