"""GET /v1/feed over real HTTP against a constant route of the same application, in turn, in the same run."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import CONSTANT, prepare, settings_for
from feed.access.auth import issue_token
from feed.access.keys import load_secret

_ROUNDS = 5
_RECORDED_SECONDS = 60
_START_SECONDS = 300


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Requests a second and latencies (milliseconds) of both routes, and their ratio: medians over the rounds.

    ``processor_ratio`` compares the server's processor time a request, which others on the machine disturb less.
    """

    items: int
    feed_per_second: float
    feed_p50_ms: float
    feed_p99_ms: float
    constant_per_second: float
    ratio: float
    ratios: tuple[float, ...]
    processor_ratio: float
    dropped_servings: int


@dataclass(frozen=True, slots=True)
class Server:
    """A measured server: its port and its process."""

    port: int
    pid: int

    def processor_seconds(self) -> float:
        """Processor time that it has taken since it began."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, int]:
        """Bytes of memory: its own (``RssAnon``), and of files that processes share (``RssFile``)."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return {
            name: int(rest.split()[0]) << 10
            for name, _, rest in (line.partition(":") for line in lines)
            if "Rss" in name
        }


def run(*, items: int = 200_000, readers: int = 1000, requests: int = 3000, connections: int = 8) -> EndToEnd:
    """Prepare a folder, serve it, and measure both routes in turn ``_ROUNDS`` times."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = Path(name)
        prepare(folder, items=items, readers=readers, width=100)
        token = token_of(folder)
        pages = [page_request(reader, token) for reader in range(readers)]
        with served(folder) as server:
            drive(server.port, pages, readers, connections)
            return measured(server, token, lambda: pages, items, requests, connections)


def token_of(folder: Path) -> str:
    """A token for any reader's pages."""
    return issue_token(load_secret(settings_for(folder)), "bench", ("feed",), int(time.time()), lifetime=7200)


def measured(
    server: Server,
    token: str,
    pages: Callable[[], list[str]],
    items: int,
    requests: int,
    connections: int,
    rounds: int = _ROUNDS,
) -> EndToEnd:
    """Both routes in turn; ``pages`` gives the requests of each turn."""
    constant = [_request(CONSTANT, token)]
    turns = []
    for _ in range(rounds):
        asked, began = pages(), server.processor_seconds()
        feed = _recorded(server.port, token, drive(server.port, asked, requests, connections))
        between = server.processor_seconds()
        plain = drive(server.port, constant, requests, connections)
        turns.append((feed, plain, (server.processor_seconds() - between) / (between - began)))
    metrics = get(server.port, "/metrics", token).decode()
    ratios = [feed["per_second"] / plain["per_second"] for feed, plain, _ in turns]
    dropped = [line for line in metrics.splitlines() if line.startswith('weir_servings{outcome="dropped"}')]
    return EndToEnd(
        items=items,
        feed_per_second=statistics.median(feed["per_second"] for feed, _, _ in turns),
        feed_p50_ms=statistics.median(feed["p50_ms"] for feed, _, _ in turns),
        feed_p99_ms=statistics.median(feed["p99_ms"] for feed, _, _ in turns),
        constant_per_second=statistics.median(plain["per_second"] for _, plain, _ in turns),
        ratio=statistics.median(ratios),
        ratios=tuple(round(ratio, 3) for ratio in ratios),
        processor_ratio=statistics.median(spent for _, _, spent in turns),
        dropped_servings=int(float(dropped[0].rsplit(" ", 1)[1])) if dropped else 0,
    )


def _recorded(port: int, token: str, figures: dict[str, float]) -> dict[str, float]:
    """The figures of a turn once all of its Servings are recorded: what is left to do is a part of its time."""
    began = time.perf_counter()
    while 'weir_queue_depth{queue="servings"} 0.0' not in get(port, "/metrics", token).decode():
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
    asked = {"port": port, "requests": requests, "count": count, "connections": connections, "seconds": 110}
    client = [sys.executable, "-m", "benchmarks.client"]
    done = subprocess.run(client, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failures"]:
        raise RuntimeError(f"{figures['failures']:g} of {count} requests failed: no figure is printed for that")
    return figures


class served:  # noqa: N801 - used as a context, like a function
    """The benchmark server on a free loopback port, ended on leaving. The constant answer has ``size`` bytes, by
    default as many as a page."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        self._folder = folder
        self._size = size

    def __enter__(self) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.server", str(self._folder), str(port), str(self._size)]
        self._process = subprocess.Popen(command)
        try:
            return self._answering(port)
        except BaseException:
            self.__exit__()
            raise

    def _answering(self, port: int) -> Server:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                get(port, "/readyz", "")
                return Server(port, self._process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"the measured server ended with {self._process.wait(0.1)}")
        raise RuntimeError(f"the measured server was not ready within {_START_SECONDS} s")

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(60)


def get(port: int, path: str, token: str, *, method: str = "GET", seconds: float = 30.0) -> bytes:
    """The body of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        body: bytes = answer.read()
    return body
