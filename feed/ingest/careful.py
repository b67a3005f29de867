"""Careful reading: each event of a body is judged on its own, and told why it is rejected."""

from __future__ import annotations

import orjson
from pydantic import ValidationError

from feed.access.caller import Caller
from feed.errors import BodyUnreadable, Fault, InputInvalid, NotYours
from feed.future import ahead
from feed.http.refusals import faults_of, named
from feed.ingest.batch import DAY, KINDS, OLDEST_SECOND, Batch, Rejected
from feed.schemas.events import LONGEST_BATCH, EventIn, EventsIn


def read_carefully(body: bytes, caller: Caller, now: int, oldest: int = OLDEST_SECOND) -> Batch:
    """The batch of a body, whatever its events are.

    Raises ``BodyUnreadable`` or ``InputInvalid`` when the body is no batch at all, and ``NotYours`` when an event is
    of another reader than the caller's own and the caller has no scope ``events``.
    """
    kept: list[tuple[EventIn, str]] = []
    rejected: dict[int, Rejected] = {}
    for index, event in enumerate(_read(body)):
        if isinstance(event, Rejected):
            rejected[index] = event
        elif isinstance(judged := _judge(event, caller, index, now, oldest), Rejected):
            rejected[index] = judged
        else:
            kept.append((event, judged))
    return Batch(
        [reader for _, reader in kept],
        [event.client_id for event, _ in kept],
        [event.item for event, _ in kept],
        [KINDS[event.kind] for event, _ in kept],
        [now if event.occurred_at is None else event.occurred_at for event, _ in kept],
        [event.dwell_ms for event, _ in kept],
        [event.request_id for event, _ in kept],
        rejected,
    )


def _read(body: bytes) -> list[EventIn | Rejected]:
    """The events of a body, each valid or rejected; raises when the body is no batch at all."""
    try:
        return list(EventsIn.model_validate_json(body).events)
    except ValidationError as error:
        return _read_each(body, error)


def _read_each(body: bytes, error: ValidationError) -> list[EventIn | Rejected]:
    try:
        batch = orjson.loads(body)
    except orjson.JSONDecodeError as unreadable:
        fault = Fault("body", unreadable.msg, unreadable.lineno)
        raise BodyUnreadable("the body is not JSON", faults=(fault,)) from None
    events = batch.get("events") if isinstance(batch, dict) and batch.keys() == {"events"} else None
    if not isinstance(events, list) or not 1 <= len(events) <= LONGEST_BATCH:
        message = f"the body is not a batch: an object with a list `events` of 1 to {LONGEST_BATCH} events"
        raise InputInvalid(message, faults=faults_of(error)[:20])
    return [_read_one(event) for event in events]


def _read_one(event: object) -> EventIn | Rejected:
    try:
        return EventIn.model_validate(event)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
        told = event.get("client_id") if isinstance(event, dict) else None
        client_id = told[:128] if isinstance(told, str) else ""
        return Rejected(client_id, f"{named(detail['loc']) or 'event'}: {detail['msg']}")


def _judge(event: EventIn, caller: Caller, index: int, now: int, oldest: int) -> str | Rejected:
    """The reader of an event that is to be stored."""
    own = caller.subject if "reader" in caller.scopes else ""
    reader = event.reader or own
    if not caller.may("events") and reader != own:
        raise NotYours(
            f"event {index} is of another reader; a reader token reports only its own, nothing of the batch was stored"
        )
    if not reader:
        return Rejected(event.client_id, "reader: name the reader; only a reader token implies one")
    if early := ahead(event.occurred_at, now):
        return Rejected(event.client_id, f"occurred_at: {early}")
    if event.occurred_at is not None and event.occurred_at < OLDEST_SECOND:
        return Rejected(event.client_id, "occurred_at: before 2000; check the clock")
    if event.occurred_at is not None and event.occurred_at < oldest:
        days = (now - oldest) // DAY
        return Rejected(event.client_id, f"occurred_at: longer ago than the {days} days for which events are kept")
    return reader
