"""What a grown deployment stands on, for stories of faults: a PostgreSQL that can be killed, a Redis, home folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts import redis_server
from tests.contracts.postgres_server import binaries, fresh_database
from tests.contracts.redis_server import RedisServer, free_port, running_redis
from tests.journeys.http_service import until

_OPTIONS = ("max_connections=60", "shared_buffers=32MB", "listen_addresses=127.0.0.1")


class Database:
    """One PostgreSQL server, which can be killed and started again on the same port. It does not run as root."""

    def __init__(self, folder: Path, disk: Mapping[str, str] | None = None) -> None:
        """With an environment that makes its ``disk`` another one, it waits for that; else for none."""
        home = binaries()
        assert home is not None
        self.port = free_port()
        self._home, self._folder = home, folder
        self._environ = {**os.environ, **(disk or {})}
        self._options = (*_OPTIONS, f"fsync={'off' if disk is None else 'on'}")
        self._as_whom: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            self._as_whom = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self._server: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(folder / "data"), "-U", "weir", "--auth=trust", "--locale=C", "--encoding=UTF8")

    @property
    def maintenance(self) -> str:
        """The URL of the maintenance database."""
        return f"postgresql://weir@127.0.0.1:{self.port}/postgres"

    def start(self) -> Database:
        """Start, and wait until it answers. What a killed one left behind may refuse that for a moment."""
        until(self._started, 30)
        return self

    def kill(self) -> None:
        """Kill its first process; the others end when they notice."""
        assert self._server is not None
        self._server.kill()
        self._server.wait(10)

    def stop(self) -> None:
        """End it and everybody's sessions."""
        assert self._server is not None
        self._run("pg_ctl", "stop", "-D", str(self._folder / "data"), "-m", "immediate")
        self._server.wait(30)

    def _started(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            options = [word for option in self._options for word in ("-c", option)]
            place = ["-D", str(self._folder / "data"), "-p", str(self.port), "-k", str(self._folder)]
            self._server = subprocess.Popen(
                [*self._as_whom, str(self._home / "postgres"), *place, *options],
                cwd=self._folder,
                env=self._environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        ready = [str(self._home / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-t", "1", "-q"]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *words: str) -> None:
        command = [*self._as_whom, str(self._home / program), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)


@dataclass(frozen=True, slots=True)
class Ground:
    """Servers that answer, an empty database at ``url``, and a folder for homes."""

    database: Database
    url: str
    redis: RedisServer
    folder: Path


@contextmanager
def grounded(disk: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """Both servers, the database on a ``disk`` that an environment makes; the test skips where one is not installed."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make test` installs it")
    if redis_server.binary() is None:
        pytest.skip(redis_server.MISSING)
    with (
        tempfile.TemporaryDirectory(prefix="weir-pg-") as below,
        tempfile.TemporaryDirectory(prefix="weir-redis-") as beside,
        tempfile.TemporaryDirectory(prefix="weir-homes-") as homes,
        running_redis(Path(beside)) as redis,
    ):
        database = Database(Path(below), disk).start()
        try:
            yield Ground(database, fresh_database(database.maintenance, "weir"), redis, Path(homes))
        finally:
            database.stop()
