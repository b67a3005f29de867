"""GET /v1/feed while models are swapped, against the same server left alone: p99 over p99, in turn, in the same run.

Each swap activates a model whose graph is not loaded: its file is mapped, every byte checked against its checksum, and
the decision appended, folded and obeyed, while the pages go on.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.server import environment, prepare, settings_for
from feed.api_client import Api
from feed.demo.server_process import ServerProcess
from feed.models.files import save
from feed.models.library import Graphs
from ranking.graph import ItemGraph

Figures = dict[str, float]
"""What the client measured."""

_CONNECTIONS = 2
_GIVEN = {"WEIR_RATE_SERVICE": "0", "WEIR_RATE_PERSONAL": "0", "WEIR_RETRAIN_EVERY": "off"}
"""No rate limit, no training of its own."""


@dataclass(frozen=True, slots=True)
class Swaps:
    """Latencies (milliseconds) of both, medians over the rounds; how often models were swapped, and how long a swap
    took from the request to the answer that it is obeyed."""

    items: int
    width: int
    graph_mb: float
    quiet_p50_ms: float
    quiet_p99_ms: float
    swap_p50_ms: float
    swap_p99_ms: float
    swap_p99_over_quiet: float
    rounds: tuple[float, ...]
    swaps: int
    swap_ms: float


def run(*, items: int = 100_000, width: int = 100, readers: int = 500, requests: int = 2000, rounds: int = 5) -> Swaps:
    """Prepare a folder, serve it, and measure quiet pages and pages amid swaps in turn."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = Path(name)
        prepare(folder, items=items, readers=readers, width=width)
        versions = _models(folder, Graphs.KEPT + 2)
        size = (folder / "models" / f"{versions[0]}.graph").stat().st_size / 1e6
        with environment(_GIVEN), ServerProcess(settings_for(folder)) as server:
            api = server.start()
            swapped: list[float] = []
            pages = [_request(api, f"/v1/feed?reader=reader-{reader}&limit=30") for reader in range(readers)]
            _drive(api, pages, readers).finish()
            pairs = []
            for _ in range(rounds):
                quiet = _drive(api, pages, requests).finish()
                pairs.append((quiet, _amid_swaps(api, pages, requests, versions, swapped)))
            server.stop()
    return _summed(items, width, size, pairs, swapped)


def _summed(
    items: int, width: int, size: float, pairs: Sequence[tuple[Figures, Figures]], swapped: Sequence[float]
) -> Swaps:
    ratios = [amid["p99_ms"] / quiet["p99_ms"] for quiet, amid in pairs]
    return Swaps(
        items=items,
        width=width,
        graph_mb=round(size, 1),
        quiet_p50_ms=statistics.median(quiet["p50_ms"] for quiet, _ in pairs),
        quiet_p99_ms=statistics.median(quiet["p99_ms"] for quiet, _ in pairs),
        swap_p50_ms=statistics.median(amid["p50_ms"] for _, amid in pairs),
        swap_p99_ms=statistics.median(amid["p99_ms"] for _, amid in pairs),
        swap_p99_over_quiet=statistics.median(ratios),
        rounds=tuple(round(ratio, 2) for ratio in ratios),
        swaps=len(swapped),
        swap_ms=statistics.median(swapped) * 1000,
    )


def _models(folder: Path, count: int) -> list[str]:
    """Files of the served graph with other weights, so many that the next one is never loaded."""
    models = settings_for(folder).models_folder
    (path,) = models.glob("*.graph")
    graph = ItemGraph.load(path)
    real = graph.weights * np.float64(graph.scale)
    draw = np.random.default_rng(1)
    made = []
    for _ in range(count):
        weights = real * draw.uniform(0.5, 1.0, (graph.rows, 1))
        made.append(save(ItemGraph.from_arrays(graph.neighbours, weights, trainer="random"), models).version)
    return made


def _amid_swaps(api: Api, pages: list[str], requests: int, versions: list[str], swapped: list[float]) -> Figures:
    client = _drive(api, pages, requests)
    while client.process.poll() is None:
        began = time.perf_counter()
        api.activate(versions[len(swapped) % len(versions)], "a swap to measure", force=True)
        swapped.append(time.perf_counter() - began)
    return client.finish()


class _drive:  # noqa: N801 - used like a function that is waited for
    """The closed-loop client, at work in a process of its own."""

    def __init__(self, api: Api, requests: list[str], count: int) -> None:
        port = int(api.url.rpartition(":")[2])
        asked = {"port": port, "requests": requests, "count": count, "connections": _CONNECTIONS}
        self._count = count
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked))
        self.process.stdin.close()
        self.process.stdin = None

    def finish(self) -> Figures:
        """Its figures; no figure is given when a request failed."""
        out, _ = self.process.communicate(timeout=120)
        figures: Figures = json.loads(out)
        if figures["failures"] or figures["count"] != self._count:
            raise RuntimeError(f"{figures['failures']:g} of {self._count} requests failed: no figure is given for that")
        return figures


def _request(api: Api, path: str) -> str:
    token = api.token("bench", "feed")
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
