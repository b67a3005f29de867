"""The soak: one rate held for minutes amid model swaps, policy changes and evictions; does memory stay flat?

As many requests as an hour has at a tenth of the rate and more; every reader beyond the first thousand evicts one.
Memory is the processes' own (resident pages that are of no file), sampled twice a second; its slope is taken after the
warm-up, by least squares, and told per hour of the same rate.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np
import orjson

from benchmarks.load_clients import Clients
from benchmarks.load_server import Loaded, Taken
from benchmarks.load_steps import measured
from benchmarks.markdown import table
from feed.api_client import Api
from feed.models.files import save
from ranking.graph import ItemGraph

SOAKED: Mapping[str, str] = {"WEIR_READER_STATES": "1000", "WEIR_TOKEN_CACHE": "5"}
"""What the soaked server is given: few reader states, so that readers are evicted and read again all the time."""

_RATE = 200.0
_GRACE = 5.0
_SAMPLE_SECONDS = 0.5
_EVERY_SECONDS = 2.0
_WARM = 0.4
"""Share of the soak that is warm-up: caches fill, arenas of threads come to be."""
_MODELS = 5
_FLAT_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Soak:
    """What the soak came to. Memory in MB: once warm, in the last tenth, and its slope by time and by request."""

    SECONDS: ClassVar[float] = 180.0

    seconds: float
    requests: int
    rate: float
    swaps: int
    policies: int
    shed: int
    unexpected: Mapping[str, int]
    warm_mb: float
    end_mb: float
    resident_mb: float
    slope_mb_per_hour: float
    slope_bytes_per_request: float
    feed_p99_ms: float
    samples_mb: tuple[float, ...]

    @property
    def flat(self) -> bool:
        """Whether the memory at the end is within a twentieth of that after the warm-up."""
        return self.end_mb <= self.warm_mb * (1 + _FLAT_SHARE)


def soak(loaded: Loaded, clients: Clients, *, seconds: float, rate: float, say: Callable[[str], None]) -> Soak:
    """Hold ``rate`` (0: the default) for ``seconds``, govern meanwhile, watch the memory."""
    rate = rate or _RATE
    versions = _models(loaded)
    done = {"swap": 0, "policy": 0}
    samples: list[Taken] = [loaded.taken()]
    over = threading.Event()
    failed: list[str] = []
    watching = threading.Thread(target=_watch, args=(loaded, samples, over), name="weir-soak-memory", daemon=True)
    governing = threading.Thread(
        target=_govern, args=(loaded.api, versions, done, failed, over), name="weir-soak-governing", daemon=True
    )
    clients.begin(rate, seconds, _GRACE)
    say(f"soaking {loaded.api.url} at {rate:g} requests a second for {seconds:g} s")
    watching.start()
    governing.start()
    try:
        answers = clients.finish()
    finally:
        over.set()
        watching.join()
        governing.join()
    level = measured("soak", rate, answers, samples[0], samples[-1])
    unexpected = {**level.unexpected, **({f"governing: {failed[0]}": len(failed)} if failed else {})}
    requests = sum(level.statuses.values())
    at = np.array([one.at - samples[0].at for one in samples])
    own = np.array([one.own for one in samples]) / 1e6
    warm = at >= _WARM * at[-1]
    slope = float(np.polyfit(at[warm], own[warm], 1)[0])
    return Soak(
        seconds=round(float(at[-1]), 1),
        requests=requests,
        rate=rate,
        swaps=done["swap"],
        policies=done["policy"],
        shed=level.shed,
        unexpected=unexpected,
        warm_mb=round(float(np.median(own[warm][: max(len(own) // 10, 1)])), 1),
        end_mb=round(float(np.median(own[-max(len(own) // 10, 1) :])), 1),
        resident_mb=level.resident_mb,
        slope_mb_per_hour=round(slope * 3600, 1),
        slope_bytes_per_request=round(slope * 1e6 * float(at[-1]) / max(requests, 1), 1),
        feed_p99_ms=level.latencies["feed"].p99_ms,
        samples_mb=tuple(round(float(one), 1) for one in own[:: max(len(own) // 60, 1)]),
    )


def table_of(soaked: Soak) -> str:
    """The soak as a table in Markdown."""
    head: tuple[str, ...] = (
        "seconds",
        "requests",
        "model swaps",
        "policies",
        "shed",
        "unexpected",
        "warm MB",
        "end MB",
    )
    head += ("slope MB an hour", "bytes a request", "feed p99 ms", "flat")
    row = (
        f"{soaked.seconds:.0f}",
        f"{soaked.requests:,}",
        soaked.swaps,
        soaked.policies,
        soaked.shed,
        ", ".join(f"{number} {what}" for what, number in soaked.unexpected.items()) or 0,
        f"{soaked.warm_mb:,.1f}",
        f"{soaked.end_mb:,.1f}",
        f"{soaked.slope_mb_per_hour:,.1f}",
        f"{soaked.slope_bytes_per_request:,.0f}",
        f"{soaked.feed_p99_ms:.1f}",
        "yes" if soaked.flat else "**no**",
    )
    return table(head, [row])


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


def _watch(loaded: Loaded, samples: list[Taken], over: threading.Event) -> None:
    while not over.wait(_SAMPLE_SECONDS):
        samples.append(loaded.taken())


def _govern(api: Api, versions: list[str], done: dict[str, int], failed: list[str], over: threading.Event) -> None:
    """Swap models and publish policies in turn; every policy is another one."""
    active: dict[str, Any] = api.get("/v1/policy")["policy"]
    for turn in count():
        if over.wait(_EVERY_SECONDS):
            return
        try:
            if turn % 2:
                api.activate(versions[done["swap"] % len(versions)], "a swap of the soak", force=True)
                done["swap"] += 1
            else:
                drafted = api.draft(orjson.dumps({**active, "name": f"soak-{turn}"}).decode())
                api.send("POST", f"/v1/policy/drafts/{drafted['version']}/publish", {"reason": "a change of the soak"})
                done["policy"] += 1
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}"[:200])
