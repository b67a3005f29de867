"""Taking in: what a body tells is stored, durable, and counts; and what the answer tells of each event.

Consent is the reader's personalization at receipt. The store lets an accepted ``hide`` join the reader's settings as
it stores it, so that no acknowledged hide can be without effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import repeat

import anyio.to_thread
import orjson

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import StoreSlow
from feed.ingest.batch import Batch, oldest_kept
from feed.ingest.careful import read_carefully
from feed.ingest.plain import read_plain
from feed.storage.answers import durable
from feed.storage.hides import hides
from feed.storage.ports.store import Outcome
from feed.storage.records import EventRecord


async def take(service: Service, caller: Caller, body: bytes) -> bytes:
    """Store what is valid in a body; the answer, which is an ``EventsOut`` as JSON.

    Raises ``BodyUnreadable`` or ``InputInvalid`` when the body is no batch at all; and ``NotYours``, and then stores
    nothing, when an event is of another reader than the caller's own and the caller has no scope ``events``.
    """
    now = service.clock.now()
    oldest = oldest_kept(now, service.settings.events_days)
    batch = read_plain(body, caller, now, oldest) or read_carefully(body, caller, now, oldest)
    records = await _records(service, batch, now) if batch.readers else []
    outcomes = await _stored(service, records) if records else []
    known = service.replica.latest().catalogue.known(batch.items)
    return _told(service, batch, outcomes, known)


async def _records(service: Service, batch: Batch, now: int) -> list[EventRecord]:
    consented = service.readers.consents_in_memory({*batch.readers})
    if missing := [reader for reader, consent in consented.items() if consent is None]:
        consented |= await anyio.to_thread.run_sync(service.readers.consents, missing)
    columns = (
        batch.readers,
        batch.client_ids,
        batch.items,
        batch.kinds,
        batch.seconds,
        repeat(now),
        batch.dwell_ms,
        batch.request_ids,
        [int(bool(consented[reader])) for reader in batch.readers],
    )
    return [EventRecord._make(row) for row in zip(*columns, strict=False)]


async def _stored(service: Service, records: Sequence[EventRecord]) -> list[Outcome]:
    """What became of each event; those accepted are durable, and count from the next request on."""
    with service.readers.receiving([record.reader for record in records]):
        outcomes = await _confirmed(service, records)
        accepted = records
        if outcomes.count(Outcome.ACCEPTED) < len(records):
            told = zip(records, outcomes, strict=True)
            accepted = [record for record, outcome in told if outcome is Outcome.ACCEPTED]
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
    return outcomes


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


def _told(service: Service, batch: Batch, outcomes: Sequence[Outcome], known: Sequence[bool]) -> bytes:
    """The answer: an ``EventsOut``, laid down without making one, which takes several times as long."""
    accepted = outcomes.count(Outcome.ACCEPTED)
    duplicates, rejected = len(outcomes) - accepted, len(batch.rejected)
    statuses = repeat("accepted") if not duplicates else (outcome.value for outcome in outcomes)
    results: list[dict[str, object]] = [
        {"client_id": client_id, "status": status, "known": there, "reason": ""}
        for client_id, status, there in zip(batch.client_ids, statuses, known, strict=False)
    ]
    for place, why in sorted(batch.rejected.items()):
        results.insert(place, {"client_id": why.client_id, "status": "rejected", "known": None, "reason": why.reason})
    unknown = known.count(False)
    if duplicates:
        unknown = sum(out is Outcome.ACCEPTED and not there for out, there in zip(outcomes, known, strict=True))
    metrics = service.metrics
    metrics.events.labels("accepted").inc(accepted)
    metrics.events.labels("duplicate").inc(duplicates)
    metrics.events.labels("rejected").inc(rejected)
    metrics.unknown_items.inc(unknown)
    return orjson.dumps(
        {
            "accepted": accepted,
            "duplicates": duplicates,
            "rejected": rejected,
            "unknown_items": unknown,
            "results": results,
        }
    )
