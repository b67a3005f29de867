"""Events on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from feed.schemas.fields import Id, OptionalId, Second, Wire

LONGEST_BATCH = 1000
LONGEST_DWELL = 86_400_000


class EventIn(Wire):
    """What a reader did with an item."""

    client_id: Id
    """The client's own id of the event, unique with the reader: a batch sent twice is stored once."""
    item: Id
    kind: Literal["impression", "click", "dwell", "like", "share", "more", "less", "hide"]
    """``hide`` also adds the item to the reader's settings, so that it stays hidden in every mode."""
    reader: OptionalId = ""
    """The reader; needed with the scope ``events``, and the token's own subject otherwise."""
    occurred_at: Second | None = None
    """When it happened; the second of receipt when absent."""
    dwell_ms: Annotated[int, Field(strict=True, ge=0, le=LONGEST_DWELL)] = 0
    """How long the reader stayed, in milliseconds."""
    request_id: OptionalId = ""
    """The ``request_id`` of the page it happened on."""


class EventsIn(Wire):
    """A batch of events."""

    events: Annotated[list[EventIn], Field(min_length=1, max_length=LONGEST_BATCH)]


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one event: accepted, duplicate, or rejected with a reason. ``known`` tells whether the item is;
    it is null for rejected events, whose items nobody looked for."""

    client_id: str
    status: Literal["accepted", "duplicate", "rejected"]
    known: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EventsOut:
    """What became of a batch, in the order it was sent. Durable once answered."""

    accepted: int
    duplicates: int
    rejected: int
    unknown_items: int
    results: list[EventResult]
