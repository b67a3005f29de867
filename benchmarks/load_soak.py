"""The soak: an hour's traffic in minutes, amid model swaps, policies and evictions; does memory stay flat?

The stated load is ``HOUR_RATE`` requests a second of the mix. After a warm-up in which every cache fills (the soaked
server has small ones), as many requests as it has in an hour are offered at the soak's rate. Memory is the processes'
own (resident pages that are of no file), looked at four times a second. What follows the clock is not compressed:
editions, at most one a second, hold so many times the changes instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from benchmarks.load_clients import Clients
from benchmarks.load_memory import Course, course_of
from benchmarks.load_mix import SHED
from benchmarks.load_server import Loaded
from benchmarks.load_steps import Level, measured
from feed.api_client import Api, ApiRefused
from feed.control.popular_lists import NEWEST
from feed.models.files import save
from ranking.graph import ItemGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

SOAKED: Mapping[str, str] = {
    "WEIR_READER_STATES": "1000",
    "WEIR_READER_MEMORY": str(4 << 20),
    "WEIR_STORE_CACHE": str(16 << 20),
    "WEIR_TOKEN_CACHE": "5",
    "WEIR_POPULAR_EVERY": "4",
}
"""What the soaked server is given: caches so small that the warm-up fills them. Twenty times as many readers come as
states are kept, and more is written than pages of the store are. Popular lists are made as often as in an hour."""

FILLED = NEWEST
"""Events that are reported before anything else, of all readers: as many as the service looks back on."""

HOUR_RATE = 10.0
HOUR_REQUESTS = int(3600 * HOUR_RATE)

RATE = 150.0
"""Requests a second unless told otherwise."""

WARM_SECONDS = 90.0
_WARM_SHARE = 0.4
"""Of the soak's own seconds at most."""

_GRACE = 5.0
_SAMPLE_SECONDS = 0.25
_EVERY_SECONDS = 2.0
_MODELS = 5
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Soak:
    """What the soak came to, without its warm-up: what was asked and done, and how memory went."""

    seconds: float
    requests: int
    rate: float
    done: Mapping[str, int]
    """Pages, batches of events, decisions, editions, model swaps, policies."""
    shed: int
    unexpected: Mapping[str, int]
    resident_mb: float
    feed_p99_ms: float
    course: Course

    @property
    def hours(self) -> float:
        """Hours of the stated load that the requests are, those that were shed left out."""
        return (self.requests - self.shed) / HOUR_REQUESTS


def hour_seconds(rate: float) -> float:
    """Seconds in which an hour's requests are offered at a rate; 0: the default one."""
    return HOUR_REQUESTS / (rate or RATE)


def soak(
    loaded: Loaded,
    clients: Clients,
    *,
    seconds: float,
    rate: float,
    say: Callable[[str], None],
    filled: int = FILLED,
) -> Soak:
    """Report ``filled`` events, warm up, then hold ``rate`` (0: the default) for ``seconds`` and govern meanwhile;
    watch the memory."""
    rate = rate or RATE
    warm = min(WARM_SECONDS, _WARM_SHARE * seconds)
    versions = _models(loaded)
    done = {"swap": 0, "policy": 0}
    failed: list[str] = []
    say(f"reporting {filled:,} events to {loaded.api.url}")
    _fill(loaded, filled)
    with _every(_EVERY_SECONDS, _governing(loaded.api, versions, done, failed)):
        say(f"warming it up at {rate:g} requests a second for {warm:g} s")
        clients.step(rate, warm, _GRACE)
        before, began = _positions(loaded.api), dict(done)
        say(f"soaking it for {seconds:g} s")
        samples = [loaded.taken()]
        clients.begin(rate, seconds, _GRACE)
        with _every(_SAMPLE_SECONDS, lambda: samples.append(loaded.taken())):
            answers = clients.finish()
        samples.append(loaded.taken())
        after = _positions(loaded.api)
    level = measured("soak", rate, answers, samples[0], samples[-1])
    unexpected = {**level.unexpected, **({f"governing: {failed[0]}": len(failed)} if failed else {})}
    requests = sum(level.statuses.values())
    return Soak(
        seconds=round(samples[-1].at - samples[0].at, 1),
        requests=requests,
        rate=rate,
        done={
            "pages": _good(level, "feed"),
            "event batches": _good(level, "events"),
            "decisions": after["revision"] - before["revision"],
            "editions": after["edition"] - before["edition"],
            "model swaps": done["swap"] - began["swap"],
            "policies": done["policy"] - began["policy"],
        },
        shed=level.shed,
        unexpected=unexpected,
        resident_mb=level.resident_mb,
        feed_p99_ms=level.latencies["feed"].p99_ms,
        course=course_of([one for one in samples if one.at <= samples[0].at + seconds], requests),
    )


def _fill(loaded: Loaded, events: int) -> None:
    """Report events of all readers in turn, about items of their pages, until that many are stored."""
    readers = loaded.readers
    page = loaded.api.get("/v1/feed", as_=("load-soak", "feed"), reader=readers[0], limit=100)
    items, now = [item["id"] for item in page["items"]], int(time.time())
    stored = 0
    while stored < events:
        batch = [
            {
                "client_id": f"soak-{number}",
                "reader": readers[number % len(readers)],
                "item": items[number // len(readers) % len(items)],
                "kind": "impression" if number % 4 else "click",
                "occurred_at": now,
            }
            for number in range(stored, min(stored + _BATCH, events))
        ]
        answer = loaded.api.ask("POST", "/v1/events", json={"events": batch}, as_=("load-soak", "events"))
        if answer.is_success:
            stored += len(batch)
        elif answer.status_code not in SHED:
            raise ApiRefused("POST /v1/events", answer.status_code, "refused", answer.text[:200])


def _good(level: Level, kind: str) -> int:
    return sum(number for status, number in level.statuses.items() if status.startswith(f"{kind} 2"))


def _positions(api: Api) -> dict[str, int]:
    """Where ledger and journal stand, as a page tells it."""
    page = api.get("/v1/feed", as_=("load-soak", "feed"), reader="load-soak", limit=1)
    return {name: int(page[name]) for name in ("revision", "edition")}


def _models(loaded: Loaded) -> list[str]:
    """Files of the served graph with other weights: more than are kept loaded, so that each swap maps one anew."""
    folder = loaded.settings.models_folder
    graph = ItemGraph.load(next(iter(sorted(folder.glob("*.graph")))))
    real = graph.weights * np.float64(graph.scale)
    draw = np.random.default_rng(1)
    return [
        save(
            ItemGraph.from_arrays(graph.neighbours, real * draw.uniform(0.5, 1.0, (graph.rows, 1)), trainer="random"),
            folder,
        ).version
        for _ in range(_MODELS)
    ]


@contextmanager
def _every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Act every so many seconds on a thread of its own, within."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=run, name="weir-soak", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _governing(api: Api, versions: list[str], done: dict[str, int], failed: list[str]) -> Callable[[], None]:
    """Swaps models and publishes policies in turn; every policy is another one."""
    active: dict[str, Any] = api.get("/v1/policy")["policy"]
    turns = count()

    def govern() -> None:
        turn = next(turns)
        try:
            if turn % 2:
                api.activate(versions[done["swap"] % len(versions)], "a swap of the soak", force=True)
                done["swap"] += 1
            else:
                drafted = api.draft(orjson.dumps({**active, "name": f"soak-{turn}"}).decode())
                api.send("POST", f"/v1/policy/drafts/{drafted['version']}/publish", {"reason": "a change of the soak"})
                done["policy"] += 1
        except ApiRefused as refusal:
            if refusal.status not in SHED:
                failed.append(str(refusal)[:200])
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}"[:200])

    return govern
