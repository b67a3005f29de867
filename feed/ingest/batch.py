"""Batches: the events of one body once they were judged, and what may be told of when something happened.

Events of more than five minutes in the future, or from before 2000, are rejected: the first would outrank everything
the reader does, the second come from clocks that were never set. So are those older than events are kept: they may
have been stored before, and let go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ranking.reader import EventKind

OLDEST_SECOND = 946_684_800
"""2000-01-01T00:00:00Z: no event is older."""

DAY = 86_400

KINDS: Mapping[str, int] = {kind.name.lower(): int(kind) for kind in EventKind}
"""Kinds of events as the store keeps them, by their words."""


def oldest_kept(now: int, days: int) -> int:
    """The first second of which events are taken, where they are kept for so many days, or until erased with 0."""
    return max(OLDEST_SECOND, now - days * DAY) if days else OLDEST_SECOND


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that is not stored, and why."""

    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be stored of a body, a column for each field, in the order it was sent; and what is ``rejected``, by
    its place in the body. An event that does not tell its second has the second of receipt."""

    readers: Sequence[str]
    client_ids: Sequence[str]
    items: Sequence[str]
    kinds: Sequence[int]
    seconds: Sequence[int]
    dwell_ms: Sequence[int]
    request_ids: Sequence[str]
    rejected: Mapping[int, Rejected]
