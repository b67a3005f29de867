"""The grown form over a PostgreSQL and a Redis of its own: pages of one worker, decisions obeyed by four."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import endtoend, large
from benchmarks.endtoend import EndToEnd
from benchmarks.large import Large
from benchmarks.server import environment, prepare
from feed.api_client import Api
from feed.demo.backends import running_backends
from feed.demo.postgres_server import binaries
from feed.demo.server_process import ServerProcess
from feed.settings import Settings

WORKERS = 4
_LOOKERS = 3
_READERS = 20
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Propagation:
    """Decisions obeyed by every worker, in milliseconds from commit to the last acknowledgement; pages that were asked
    for after an answer and still had what it took away; and the pages a second of those who looked."""

    decisions: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    lagging: int
    leaked: int
    pages: int
    pages_per_second: float


def available() -> bool:
    """Whether what it needs is installed."""
    return binaries() is not None and shutil.which("redis-server") is not None


def feed(*, items: int = 200_000, readers: int = 1000, requests: int = 3000) -> EndToEnd:
    """GET /v1/feed of one worker against a constant route, readers' states shared in Redis."""
    with _backends() as variables, environment(variables):
        return endtoend.run(items=items, readers=readers, requests=requests)


def crowded(*, items: int = 1_000_000, readers: int = 1_000_000, requests: int = 1500, states: int = 4000) -> Large:
    """GET /v1/feed of one worker with a large store and few of its readers in memory, the others' states in Redis or in
    the database."""
    with _backends() as variables, environment(variables):
        return large.run(items=items, readers=readers, visits=1, requests=requests, states=states, rounds=3)


def propagation(*, items: int = 20_000, decisions: int = 200) -> Propagation:
    """Let four workers serve while pages are looked through all the time, and suppress what stands on them."""
    with (
        tempfile.TemporaryDirectory(prefix="weir-bench-") as name,
        _backends() as variables,
        environment(variables),
    ):
        folder = Path(name)
        prepare(folder, items=items, readers=_READERS, width=100)
        served = Settings(  # type: ignore[call-arg]
            home=folder, port=0, workers=WORKERS, rate_personal=0, rate_service=0, retrain_every="off", _env_file=None
        )
        with ServerProcess(served) as server:
            return _measured(served, server.start(), decisions)


@contextmanager
def _backends() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, running_backends(Path(folder)) as found:
        yield {"WEIR_DATABASE": found.database, "WEIR_REDIS": found.redis}


def _measured(settings: Settings, api: Api, decisions: int) -> Propagation:
    gone: set[str] = set()
    looks, leaks, ended = [0] * _LOOKERS, [0] * _LOOKERS, threading.Event()

    def look(number: int) -> None:
        turn = number
        with Api.of(settings, api.url) as mine:
            while not ended.wait(_PAUSE_SECONDS):
                turn += 1
                before = set(gone)
                leaks[number] += len(before.intersection(_page(mine, turn)))
                looks[number] += 1

    lookers = [threading.Thread(target=look, args=(number,)) for number in range(_LOOKERS)]
    began = time.perf_counter()
    for looker in lookers:
        looker.start()
    try:
        told = [_suppressed(api, number, gone) for number in range(decisions)]
    finally:
        ended.set()
        for looker in lookers:
            looker.join()
    took = sorted(ms for ms, _ in told)
    return Propagation(
        decisions=decisions,
        p50_ms=statistics.median(took),
        p99_ms=took[min(len(took) - 1, int(len(took) * 0.99))],
        longest_ms=took[-1],
        lagging=sum(late for _, late in told),
        leaked=sum(leaks),
        pages=sum(looks),
        pages_per_second=sum(looks) / (time.perf_counter() - began),
    )


def _page(api: Api, turn: int) -> list[str]:
    page = api.get("/v1/feed", reader=f"reader-{turn % _READERS}", limit="30")
    return [item["id"] for item in page["items"]]


def _suppressed(api: Api, number: int, gone: set[str]) -> tuple[float, int]:
    """Suppress an item that stands on a page; milliseconds until all obeyed, and how many did not."""
    item = _page(api, number)[0]
    made = api.send(
        "POST",
        "/v1/decisions",
        {
            "type": "suppress",
            "subject": {"kind": "item", "id": item},
            "reason": "a measurement",
            "basis": {"kind": "operations", "clause": "measurement"},
            "expires_at": int(time.time()) + 3600,
        },
    )
    gone.add(item)
    return made["enforced"]["ms"], len(made["enforced"]["lagging"])
