"""Backends: a PostgreSQL and a Redis of one's own, on free ports of loopback, in a folder, gone at the end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from feed.demo.postgres_server import binaries, fresh_database, running_server
from feed.errors import SetupInvalid

_LOOKS = 200
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Backends:
    """Where they are."""

    database: str
    redis: str


@contextmanager
def running_backends(folder: Path) -> Iterator[Backends]:
    """Both, empty; raises ``SetupInvalid`` naming what is not installed."""
    server = shutil.which("redis-server")
    missing = [name for name, there in (("postgresql", binaries()), ("redis-server", server)) if not there]
    if missing or server is None:
        raise SetupInvalid(f"not installed: {', '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")
    places = folder / "postgresql", folder / "redis"
    for place in places:
        place.mkdir(parents=True)
    # Whom the database runs as has to pass through.
    folder.chmod(0o755)
    with running_server(places[0]) as url, _redis(server, places[1]) as redis:
        yield Backends(fresh_database(url, "weir"), redis)


@contextmanager
def _redis(server: str, folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        pause = threading.Event()
        with Redis(port=port) as client:
            for _ in range(_LOOKS):
                try:
                    client.ping()
                    break
                except RedisError:
                    pause.wait(_LOOK_SECONDS)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
