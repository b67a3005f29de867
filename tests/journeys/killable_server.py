"""``weir serve`` as a process of its own, for stories in which it is killed or spoken to by other programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.clock import SystemClock
from feed.settings import Settings
from tests.journeys.http_service import until


class Client(httpx.Client):
    """An admin's client for one server, which can make tokens for others."""

    def __init__(self, home: Path, port: int) -> None:
        self._secret = load_secret(Settings(home=home))
        headers = {"Authorization": f"Bearer {self.token('admin', 'admin')}"}
        super().__init__(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)

    def token(self, subject: str, scope: str) -> str:
        """A token of this server's secret."""
        return issue_token(self._secret, subject, (scope,), SystemClock().now())

    def answers(self) -> bool:
        """Whether the server is up."""
        try:
            return self.get("/livez").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def served(home: Path) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """A server on a folder and a free port, and a client for it; ended on leaving."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "WEIR_HOME": str(home), "WEIR_PORT": str(port), "WEIR_RATE_SERVICE": "0"}
    process = subprocess.Popen([sys.executable, "-m", "feed.cli", "serve"], env=environment, stderr=subprocess.DEVNULL)
    with Client(home, port) as client:
        try:
            until(lambda: process.poll() is not None or client.answers(), 120)
            assert process.poll() is None, "the server ended"
            yield client, process
        finally:
            process.terminate()
            process.wait(30)
