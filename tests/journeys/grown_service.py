"""``weir serve`` on PostgreSQL and Redis, and callers that connect anew for each request: anybody may answer."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.clock import SystemClock
from feed.processes.workers import environment
from feed.settings import Settings
from feed.stores import open_store
from tests.journeys.grown_servers import Ground
from tests.journeys.http_service import decision, until

NOBODY = (ConnectionError, http.client.HTTPException, OSError)
"""What a caller meets who is not answered."""

LEASE = 2.0
START_SECONDS = 150.0

# What is done under overload, or for readers who cannot be read in time, is not what faults are judged by.
QUIET: dict[str, Any] = {"retrain_every": "off", "popular_every": 0.5, "lease": LEASE, "port": 0, "approvals": False}
QUIET |= {"rate_personal": 0, "rate_service": 0, "shed_delay": 0, "reader_patience": 10}
"""The settings of a service that faults are brought about in, whatever it stands on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``again``: whether it says when to ask again."""

    status: int
    text: str
    again: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class _Local(http.client.HTTPConnection):
    """A connection to one worker's own socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("worker", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(eq=False)
class Grown:
    """One ``weir serve``, of one process or of several workers."""

    settings: Settings
    process: subprocess.Popen[bytes]
    port: int
    said: Path
    """What it wrote to its error output."""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        token = issue_token(load_secret(self.settings), "somebody", ("admin",), SystemClock().now(), lifetime=14_400)
        self.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", worker: int | None = None) -> Answer:
        """One request over a new connection, to whoever takes it or to a ``worker``; raises ``NOBODY``'s."""
        connection = self.opened(worker)
        try:
            self.ask(connection, method, path, body, key)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), "Retry-After" in answer.headers)
        finally:
            connection.close()

    def opened(self, worker: int | None = None) -> http.client.HTTPConnection:
        """A connection that may still be made."""
        if worker is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        return _Local(self.settings.home / "workers" / f"{worker}.sock")

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, key: str = ""
    ) -> None:
        """Send a request."""
        more = {"Idempotency-Key": key} if key else {}
        lines = isinstance(body, str)
        if body is not None:
            more["Content-Type"] = "application/x-ndjson" if lines else "application/json"
        content = None if body is None else (body if lines else json.dumps(body)).encode()
        connection.request(method, path, content, {**self.headers, **more})

    def tried(self, method: str, path: str, body: Any = None, *, key: str = "", worker: int | None = None) -> Answer:
        """The same; who is not answered has the status 0."""
        try:
            return self.call(method, path, body, key=key, worker=worker)
        except NOBODY as error:
            return Answer(0, repr(error))

    def page(self, reader: str = "r1", worker: int | None = None) -> list[str]:
        """The items of a page, all that fit."""
        answer = self.call("GET", f"/v1/feed?reader={reader}&limit=100", worker=worker)
        assert answer.status == 200, answer.text
        return [item["id"] for item in answer.json["items"]]

    def suppress(self, item: str) -> Answer:
        """Decide that an item is shown no more."""
        return self.tried("POST", "/v1/decisions", decision("suppress", item, SystemClock().now()))

    def put_items(self, count: int) -> None:
        """Publish ``item-0`` and so on, the last one newest, and wait until every process shows some."""
        now = SystemClock().now()
        lines = [{"id": f"item-{n}", "title": f"Item {n}", "published_at": now - 10 * count + n} for n in range(count)]
        answer = self.call("POST", "/v1/items/import", "\n".join(map(json.dumps, lines)))
        assert answer.status == 200, answer.text
        until(lambda: all(self.gauge("weir_items").get(worker, 0) >= count for worker in self.workers() or {-1}), 30)

    def workers(self) -> dict[int, int]:
        """The process ids of its workers by their numbers; none where it serves by itself."""
        words = {child: _words(child) for child in self.children()}
        return {int(told[3]): child for child, told in words.items() if told[1:3] == ["-m", "feed.cli.worker"]}

    def children(self) -> list[int]:
        """The process ids of its workers, of old ones and new ones while they are replaced."""
        return list(map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()))

    def gauge(self, name: str) -> dict[int, float]:
        """A metric by worker, -1 where there are none."""
        found: dict[int, float] = {}
        for line in self.tried("GET", "/metrics").text.splitlines():
            label, _, value = line.rpartition(" ")
            if label == name:
                found[-1] = float(value)
            elif label.startswith(f'{name}{{worker="'):
                found[int(label.split('"')[1])] = float(value)
        return found

    def whole(self) -> bool:
        """Whether every worker is there and fresh, and one of them has the duties."""
        count = self.settings.workers
        fresh = self.gauge("weir_lease_fresh")
        return sum(fresh.values()) == count == len(fresh) and sum(self.gauge("weir_duties").values()) == 1


def _words(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except FileNotFoundError:
        return []


def alive(process: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def going_on(process: int) -> Iterator[None]:
    """Whatever happens, the process goes on at last."""
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def settings_of(ground: Ground, name: str = "home", **chosen: Any) -> Settings:
    """The settings of a process on this ground; what all processes must have alike is copied from the first home."""
    home, first = ground.folder / name, ground.folder / "home"
    given: dict[str, Any] = {"database": ground.url, "redis": ground.redis.url}
    settings = Settings(home=home, **(QUIET | given | chosen))
    if home != first:
        home.mkdir(exist_ok=True)
        for path in (Settings(home=first).secret_file, Settings(home=first).log_key_file):
            target = home / path.name
            target.write_bytes(path.read_bytes())
            target.chmod(0o600)
    return settings


def begun(settings: Settings, said: Path, environ: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
    """A process that starts to serve, with more in its environment, and writes to a file what goes wrong."""
    with said.open("wb") as errors:
        command = [sys.executable, "-m", "feed.cli", "serve"]
        return subprocess.Popen(command, env={**os.environ, **environment(settings), **environ}, stderr=errors)


@contextmanager
def serving(
    ground: Ground, settings: Settings, *, whole: bool = True, environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Grown]:
    """Serve; ended at last, in whatever state it is. It is waited for until ``whole``, where it is the only one."""
    with served(ground.folder, settings, whole=whole, environ=environ) as grown:
        yield grown


@contextmanager
def served(
    folder: Path, settings: Settings, *, whole: bool = True, environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Grown]:
    """The same, without other servers than the settings name; what it says goes into the folder."""
    address = settings.home / "address"
    said = folder / f"{settings.home.name}.log"
    address.unlink(missing_ok=True)
    process = begun(settings, said, environ)
    try:
        until(lambda: process.poll() is not None or (address.exists() and address.read_text() != ""), START_SECONDS)
        assert process.poll() is None, said.read_text()[-2000:]
        grown = Grown(settings, process, int(address.read_text().strip().rpartition(":")[2]), said)
        until(lambda: not whole or grown.whole(), 30)
        yield grown
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def stored(settings: Settings) -> Any:
    """The store of a deployment, for reading."""
    return open_store(settings, exclusive=False)
