"""Redis servers for the tests: real, on free ports of loopback, in folders of their own, gone with the session."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.contracts.sharing_processes import until

MISSING = "Redis is not installed; `make test` installs it"


def binary() -> str | None:
    """Where the server is installed, or None."""
    return shutil.which("redis-server")


class RedisServer:
    """One server, which can be killed, paused and started again on the same port."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        self._command = [
            *(str(binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--loglevel", "warning", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=2, protocol=2)

    def start(self) -> RedisServer:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers)
        return self

    def answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the server ended at once"
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server in a folder."""
    server = RedisServer(folder, *options).start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running_cluster(folder: Path, nodes: int = 3) -> Iterator[list[RedisServer]]:
    """A Cluster whose nodes share the slots evenly, without copies."""
    servers = []
    try:
        for number in range(nodes):
            place = folder / str(number)
            place.mkdir()
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
            port, bus = free_port(), free_port()
            servers.append(RedisServer(place, *options, "--cluster-port", str(bus), port=port).start())
        _join(servers)
        yield servers
    finally:
        for server in servers:
            server.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _join(servers: list[RedisServer]) -> None:
    addresses = [f"127.0.0.1:{server.port}" for server in servers]
    made = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    until(lambda: all(b"cluster_state:ok" in bytes(_info(server)) for server in servers))


def _info(server: RedisServer) -> bytes:
    with server.client() as client:
        said = client.execute_command("CLUSTER INFO")
    return b"\n".join(f"{key}:{value}".encode() for key, value in said.items()) if isinstance(said, dict) else said
