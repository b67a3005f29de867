"""Evidence, and corrections by how far they came, on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from feed.schemas.fields import Second, Text, Wire
from feed.schemas.log import InclusionOut


class HoldIn(Wire):
    """Until when evidence is to be kept, and why."""

    until: Second
    reason: Annotated[Text, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """One order to keep evidence: who gave it, when, until which second, and why."""

    by: str
    at: int
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceOut:
    """What was preserved at a decision. ``preserved`` is what ``item.json`` of an exported folder holds; ``seal`` is
    its digest signed with the ledger's key; ``proof`` shows that the decision is in the ledger. It is kept until the
    second ``held_until``, by the last of ``holds``."""

    decision: str
    preserved: dict[str, Any]
    seal: str
    holds: tuple[HoldOut, ...]
    held_until: int
    proof: InclusionOut


@dataclass(frozen=True, slots=True)
class HeldEvidenceOut:
    """Evidence by its decision: what that was about, the second from which it is kept, and until when."""

    decision: str
    type: str
    subject: dict[str, str]
    since: int
    held_until: int


@dataclass(frozen=True, slots=True)
class EvidenceListOut:
    """Evidence that is held, what goes first first. Ask for more with ``after`` = ``next``; it is null at the end."""

    evidence: list[HeldEvidenceOut]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReachedOut:
    """Readers who saw a correction within so many seconds of its beginning; null: later than all others."""

    within: int | None
    readers: int


@dataclass(frozen=True, slots=True)
class CorrectionReachOut:
    """How far a correction came. ``exposed`` readers had the item or a near-duplicate (``members``) on a page before.

    ``seen``: have seen it; ``waiting``: are still to be sent it; ``unconfirmed``: were sent it on several pages and
    gave no sign. ``share`` is seen / exposed. ``half_within``: seconds by which half of the exposed had seen it, of
    those in ``times``, null while that is not so. Readers who were erased are exposed still, as a number."""

    decision: str
    item: str
    members: tuple[str, ...]
    notice: str
    text: str
    starts_at: int
    ends_at: int
    open: bool
    exposed: int
    seen: int
    waiting: int
    unconfirmed: int
    share: float
    half_within: int | None
    times: tuple[ReachedOut, ...]
