"""GET /v1/feed over real HTTP against a constant route of the same application, in turn, in the same run."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import CONSTANT, prepare, settings_for
from feed.access.auth import issue_token
from feed.access.keys import load_secret

_ROUNDS = 5
_RECORDED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Requests a second and latencies (milliseconds) of both routes, and their ratio: medians over the rounds."""

    items: int
    feed_per_second: float
    feed_p50_ms: float
    feed_p99_ms: float
    constant_per_second: float
    ratio: float
    ratios: tuple[float, ...]
    dropped_servings: int


def run(*, items: int = 200_000, readers: int = 1000, requests: int = 3000, connections: int = 8) -> EndToEnd:
    """Prepare a folder, serve it, and measure both routes in turn ``_ROUNDS`` times."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = Path(name)
        prepare(folder, items=items, readers=readers, width=100)
        token = issue_token(load_secret(settings_for(folder)), "bench", ("feed",), int(time.time()), lifetime=3600)
        size = len(_first_page(folder, token))
        return _measure(folder, token, size, items, readers, requests, connections)


def _first_page(folder: Path, token: str) -> bytes:
    with served(folder, 4096) as port:
        return _get(port, "/v1/feed?reader=reader-0&limit=30", token)


def _measure(
    folder: Path, token: str, size: int, items: int, readers: int, requests: int, connections: int
) -> EndToEnd:
    with served(folder, size) as port:
        pages = [page_request(reader, token) for reader in range(readers)]
        constant = [_request(CONSTANT, token)]
        drive(port, pages, readers, connections)
        rounds = [
            (
                _recorded(port, token, drive(port, pages, requests, connections)),
                drive(port, constant, requests, connections),
            )
            for _ in range(_ROUNDS)
        ]
        metrics = _get(port, "/metrics", token).decode()
    ratios = [feed["per_second"] / plain["per_second"] for feed, plain in rounds]
    dropped = [line for line in metrics.splitlines() if line.startswith('weir_servings{outcome="dropped"}')]
    return EndToEnd(
        items=items,
        feed_per_second=statistics.median(feed["per_second"] for feed, _ in rounds),
        feed_p50_ms=statistics.median(feed["p50_ms"] for feed, _ in rounds),
        feed_p99_ms=statistics.median(feed["p99_ms"] for feed, _ in rounds),
        constant_per_second=statistics.median(plain["per_second"] for _, plain in rounds),
        ratio=statistics.median(ratios),
        ratios=tuple(round(ratio, 3) for ratio in ratios),
        dropped_servings=int(float(dropped[0].rsplit(" ", 1)[1])) if dropped else 0,
    )


def _recorded(port: int, token: str, figures: dict[str, float]) -> dict[str, float]:
    """The figures of a turn once all of its Servings are recorded: what is left to do is a part of its time."""
    began = time.perf_counter()
    while 'weir_queue_depth{queue="servings"} 0.0' not in _get(port, "/metrics", token).decode():
        if time.perf_counter() - began > _RECORDED_SECONDS:
            raise RuntimeError(f"Servings still wait to be recorded after {_RECORDED_SECONDS} s")
        time.sleep(0.01)
    took = figures["count"] / figures["per_second"] + time.perf_counter() - began
    return figures | {"per_second": figures["count"] / took}


def page_request(reader: int, token: str) -> str:
    """The request for a page of one of the prepared readers."""
    return _request(f"/v1/feed?reader=reader-{reader}&limit=30", token)


def _request(path: str, token: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"


def drive(port: int, requests: list[str], count: int, connections: int) -> dict[str, float]:
    """Send requests from a process of its own; raises when any failed."""
    asked = {"port": port, "requests": requests, "count": count, "connections": connections}
    client = [sys.executable, "-m", "benchmarks.client"]
    done = subprocess.run(client, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failures"]:
        raise RuntimeError(f"{figures['failures']:g} of {count} requests failed: no figure is printed for that")
    return figures


class served:  # noqa: N801 - used as a context, like a function
    """The benchmark server on a free loopback port, ended on leaving."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def __enter__(self) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.server", str(self._folder), str(port), str(self._size)]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                _get(port, "/livez", "")
                return port
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"the measured server ended with {self._process.wait(0.1)}")
        raise RuntimeError("the measured server did not answer within 120 s")

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def _get(port: int, path: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body
