"""Events over HTTP, a thousand a batch, against raw ``executemany`` of as many rows, in turn; and pages made again.

Run it with ``python -m benchmarks posting``. The server is real and embedded; the peer is the driver alone, as in
``benchmarks.ingestion``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from benchmarks.endtoend import drive, page_request, served
from benchmarks.ingestion import RAW_INSERT, RAW_TABLE, event_of, raw_database, timed
from benchmarks.server import prepare, settings_for
from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.storage.records import EventRecord

BATCH = 1000
CONNECTIONS = 4
_PAGES = 1000
_KINDS = {0: "impression", 1: "click", 2: "dwell", 3: "like"}


@dataclass(frozen=True, slots=True)
class Posting:
    """Durable events a second over HTTP and by the driver, the median ratio, and the share of recorded pages that came
    out identical when they were made again, of how many."""

    per_second: float
    raw_per_second: float
    ratio: float
    replayed: int
    identical: float


def run(*, rounds: int = 5, batches: int = 40, items: int = 20_000, readers: int = 500) -> Posting:
    """Measure on a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = Path(name) / "home"
        prepare(folder, items=items, readers=readers, width=50)
        now = int(time.time())
        token = issue_token(load_secret(settings_for(folder)), "bench", ("feed", "events"), now, lifetime=3600)
        raw = raw_database(Path(name) / "raw.db", RAW_TABLE)
        rng, arrivals = random.Random(1), itertools.count()
        rates = []
        with served(folder) as server:
            port = server.port
            drive(port, [page_request(reader, token) for reader in range(readers)], _PAGES, CONNECTIONS)
            for turn in range(rounds + 1):
                made = [[event_of(rng, next(arrivals)) for _ in range(BATCH)] for _ in range(batches)]
                bodies = [_body(batch) for batch in made]
                ours = batches * BATCH / timed(lambda work: asyncio.run(_post(port, token, work)), bodies)
                began = time.perf_counter()
                for batch in made:
                    raw.execute("BEGIN IMMEDIATE")
                    raw.executemany(RAW_INSERT, batch)
                    raw.execute("COMMIT")
                theirs = batches * BATCH / (time.perf_counter() - began)
                if turn:
                    rates.append((ours, theirs))
            replayed = _replayed(folder)
        raw.close()
    return Posting(
        statistics.median(ours for ours, _ in rates),
        statistics.median(theirs for _, theirs in rates),
        statistics.median(ours / theirs for ours, theirs in rates),
        replayed["replayed"],
        replayed["identical"] / max(1, replayed["replayed"]),
    )


def _body(batch: list[EventRecord]) -> bytes:
    told = [
        {
            "client_id": event.client_id,
            "reader": event.reader,
            "item": event.item,
            "kind": _KINDS.get(event.kind, "click"),
            "occurred_at": event.occurred_at,
            "request_id": event.request_id,
        }
        for event in batch
    ]
    return orjson.dumps({"events": told})


async def _post(port: int, token: str, bodies: list[bytes]) -> None:
    """Every body once, over a few connections; raises when any was not taken whole."""
    left: Iterator[bytes] = iter(bodies)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:

        async def one() -> None:
            for body in left:
                answer = await client.post("/v1/events", content=body)
                if answer.status_code != 200 or orjson.loads(answer.content)["accepted"] != BATCH:
                    raise RuntimeError(f"a batch was not taken: {answer.text[:200]}")

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


def _replayed(folder: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "feed.cli", "replay", "--newest", str(_PAGES), "--json", "--home", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False, env=dict(os.environ))
    told: dict[str, int] = json.loads(done.stdout)
    return told
