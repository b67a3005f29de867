"""Ingest: a batch of events becomes durable records, and counts from the reader's next request on (laws 7, 8 and 11).

Each event is judged on its own. Events of more than five minutes in the future, or from before 2000, are rejected:
the first would outrank everything the reader does, the second come from clocks that were never set. Consent is the
reader's personalization at receipt. The store lets an accepted ``hide`` join the reader's settings as it stores it, so
that no acknowledged hide can be without effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import anyio.to_thread
import orjson
from pydantic import ValidationError

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import BodyUnreadable, Fault, InputInvalid, NotYours, StoreSlow
from feed.future import ahead
from feed.http.refusals import faults_of, named
from feed.schemas.events import LONGEST_BATCH, EventIn, EventResult, EventsIn, EventsOut
from feed.storage.answers import durable
from feed.storage.hides import hides
from feed.storage.ports.store import Outcome
from feed.storage.records import EventRecord
from ranking.reader import EventKind

OLDEST_SECOND = 946_684_800
"""2000-01-01T00:00:00Z: no event is older."""

_KINDS = {kind.name.lower(): int(kind) for kind in EventKind}


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that is not stored, and why."""

    client_id: str
    reason: str


def read_batch(body: bytes) -> list[EventIn | Rejected]:
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
        return Rejected(str(told)[:128] if told else "", f"{named(detail['loc']) or 'event'}: {detail['msg']}")


async def ingest(service: Service, caller: Caller, batch: Sequence[EventIn | Rejected]) -> EventsOut:
    """Store what is valid in a batch; raises ``NotYours``, and then stores nothing, when an event is of another reader
    than the caller's own and the caller has no scope ``events``."""
    now = service.clock.now()
    results: list[EventResult | None] = []
    kept: list[tuple[int, EventIn, str]] = []
    for index, event in enumerate(batch):
        judged = event if isinstance(event, Rejected) else _judge(event, caller, index, now)
        if isinstance(judged, Rejected):
            results.append(EventResult(judged.client_id, "rejected", reason=judged.reason))
        else:
            results.append(None)
            kept.append((index, *judged))
    records = await anyio.to_thread.run_sync(_records, service, kept, now) if kept else []
    outcomes, accepted = await _stored(service, records) if records else ([], [])
    row_of = service.replica.latest().catalogue.row_of
    unknown = 0
    for (index, event, _), record, outcome in zip(kept, records, outcomes, strict=True):
        known = row_of(record.item) >= 0
        unknown += not known and outcome is Outcome.ACCEPTED
        results[index] = EventResult(event.client_id, outcome.value, known)
    return _counted(service, results, len(accepted), len(records) - len(accepted), unknown)


async def _stored(service: Service, records: Sequence[EventRecord]) -> tuple[list[Outcome], list[EventRecord]]:
    """What became of each event, and those that were accepted: durable, and counting from the next request on."""
    with service.readers.receiving(record.reader for record in records):
        outcomes = await _confirmed(service, records)
        accepted = [record for record, outcome in zip(records, outcomes, strict=True) if outcome is Outcome.ACCEPTED]
        service.readers.apply(accepted)
        hidden = list(hides(accepted))
        for reader in hidden:
            service.readers.invalidate(reader)
    if accepted:
        service.duties.events_came()
        service.corrections.heard(accepted)
    if service.reader_sharing.shared:
        again = {one.reader for one, outcome in zip(records, outcomes, strict=True) if outcome is Outcome.DUPLICATE}
        await anyio.to_thread.run_sync(service.reader_sharing.told, accepted, hidden, again)
    return outcomes, accepted


async def _confirmed(service: Service, records: Sequence[EventRecord]) -> list[Outcome]:
    """What the store made of events; raises ``StoreSlow`` when it does not say so in time. What it had not begun by
    then is not written; what it ends later is read anew by the states of those readers."""
    writing = service.store.events.append(records)
    try:
        async with asyncio.timeout(service.settings.write_patience):
            return await durable(writing)
    except TimeoutError:
        readers = {record.reader for record in records}

        def ended_late(_: Future[list[Outcome]]) -> None:
            for reader in readers:
                service.readers.invalidate(reader)

        writing.add_done_callback(ended_late)
        raise StoreSlow(
            "the store did not confirm the events in time; send them again, with the same client ids",
            headers={"Retry-After": "5"},
        ) from None


def _judge(event: EventIn, caller: Caller, index: int, now: int) -> tuple[EventIn, str] | Rejected:
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
    return event, reader


def _records(service: Service, kept: Sequence[tuple[int, EventIn, str]], now: int) -> list[EventRecord]:
    consented = service.readers.consents({reader for _, _, reader in kept})
    return [
        EventRecord(
            reader,
            event.client_id,
            event.item,
            _KINDS[event.kind],
            now if event.occurred_at is None else event.occurred_at,
            now,
            event.dwell_ms,
            event.request_id,
            int(consented[reader]),
        )
        for _, event, reader in kept
    ]


def _counted(
    service: Service, results: Sequence[EventResult | None], accepted: int, duplicates: int, unknown: int
) -> EventsOut:
    told = [result for result in results if result is not None]
    rejected = len(told) - accepted - duplicates
    metrics = service.metrics
    metrics.events.labels("accepted").inc(accepted)
    metrics.events.labels("duplicate").inc(duplicates)
    metrics.events.labels("rejected").inc(rejected)
    metrics.unknown_items.inc(unknown)
    return EventsOut(accepted, duplicates, rejected, unknown, told)
