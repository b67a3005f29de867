"""Importing items over HTTP: NDJSON read as a stream, judged line by line, written a thousand lines at a time.

Nothing larger than a batch of lines and one answer a line is held in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256

import orjson
from pydantic import ValidationError

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import Fault, FeedError
from feed.http.refusals import faults_of
from feed.http.wire import key_of
from feed.items.publishing import Entered, publish
from feed.schemas.items import ImportOut, ItemLine, LineOut
from feed.storage.ports.store import Once

NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_BATCH = 1000


async def lines_of(chunks: AsyncIterator[bytes], longest: int) -> AsyncIterator[bytes | None]:
    """The lines of a stream without their ends; None stands for a line longer than ``longest`` bytes."""
    rest = bytearray()
    skipping = False
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first
        for following in others:
            yield None if skipping or len(rest) > longest else bytes(rest)
            skipping = False
            rest[:] = following
        if len(rest) > longest:
            skipping = True
            rest.clear()
    if rest or skipping:
        yield None if skipping else bytes(rest)


async def import_items(
    service: Service, caller: Caller, chunks: AsyncIterator[bytes], idempotency_key: str | None
) -> bytes:
    """Store the items of an NDJSON stream; returns one line of NDJSON for each line that was sent, and a last one.

    An ``idempotency_key`` counts for each batch of lines with its content.
    """
    told = bytearray()
    batch: list[tuple[int, bytes | None]] = []
    number = taken = batches = 0

    async def write() -> None:
        nonlocal taken, batches
        key = f"{key_of(caller, idempotency_key)}\t{batches}" if idempotency_key else None
        for result in await _write(service, caller, batch, key):
            taken += result.status == "taken"
            told.extend(orjson.dumps(result) + b"\n")
        batches += 1
        batch.clear()

    async for line in lines_of(chunks, service.settings.import_line_limit):
        number += 1
        if line is None or line.strip():
            batch.append((number, line))
        if len(batch) >= _BATCH:
            await write()
    if batch:
        await write()
    refused = told.count(b"\n") - taken
    told += orjson.dumps(ImportOut(number, taken, refused)) + b"\n"
    return bytes(told)


async def _write(
    service: Service, caller: Caller, batch: Sequence[tuple[int, bytes | None]], key: str | None
) -> list[LineOut]:
    read = [_read(number, line, service.settings.import_line_limit) for number, line in batch]
    puts = [(item.id, item) for _, item in read if isinstance(item, ItemLine)]
    sent = sha256(b"\n".join(line or b"" for _, line in batch)).hexdigest()
    outcomes = iter(await publish(service, caller, puts, Once(key, sent) if key else None))
    return [item if isinstance(item, LineOut) else _told(number, item.id, next(outcomes)) for number, item in read]


def _told(number: int, item: str, outcome: Entered | FeedError) -> LineOut:
    if isinstance(outcome, Entered):
        return LineOut(number, "taken", item, state=outcome.state)
    fault = outcome.faults[0] if outcome.faults else Fault("author", outcome.detail)
    return LineOut(number, "refused", item, fault.field, fault.message)


def _read(number: int, line: bytes | None, longest: int) -> tuple[int, ItemLine | LineOut]:
    if line is None:
        return number, LineOut(number, "refused", reason=f"the line is longer than {longest} bytes")
    try:
        return number, ItemLine.model_validate_json(line)
    except ValidationError as error:
        fault = faults_of(error)[0]
        field = "" if fault.field == "body" else fault.field
        return number, LineOut(number, "refused", field=field, reason=fault.message)
