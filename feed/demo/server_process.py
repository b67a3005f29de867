"""A real server in a process of its own, started, killed and stopped as an operator's machine would do it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from feed.api_client import Api, ApiUnreachable
from feed.errors import FeedError
from feed.processes.serving import address_file
from feed.processes.workers import environment
from feed.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOOK_EVERY = 0.05


class ServerFailed(FeedError):
    """The server did not start or stop in time; its last words are in the message."""


class ServerProcess:
    """``weir serve`` on a home folder and a free loopback port. A context manager: whatever happens, it ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._api: Api | None = None
        self._over = False

    @property
    def api(self) -> Api:
        """Its API; raises ``ServerFailed`` while it does not run."""
        if self._api is None:
            raise ServerFailed(f"the server does not run: {self._last_words()}")
        return self._api

    @property
    def pid(self) -> int:
        """Its process id; raises ``ServerFailed`` when it was never started."""
        if self._process is None:
            raise ServerFailed("the server was never started")
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def start(self) -> Api:
        """Start and wait until it is ready; raises ``ServerFailed``."""
        if self._over:
            raise ServerFailed("the time for it is over")
        address = address_file(self._settings)
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "feed.cli", "serve", "--host", "127.0.0.1", "--port", "0"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--home", str(self._settings.home)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment(self._settings),
            )
        seconds = _START_SECONDS * min(self._settings.workers, 4)
        pause, looks = threading.Event(), int(seconds / _LOOK_EVERY)
        for _ in range(looks):
            if self._process.poll() is not None:
                raise ServerFailed(f"the server ended with code {self._process.returncode}: {self._last_words()}")
            if self._answers(address):
                return self.api
            pause.wait(_LOOK_EVERY)
        raise ServerFailed(f"the server was not ready after {seconds:g} s: {self._last_words()}")

    def kill(self) -> None:
        """``kill -9`` of it and of its workers: no chance to finish anything."""
        workers = self.workers()
        self._end(signal.SIGKILL)
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def workers(self) -> list[int]:
        """Process ids of its workers; none where one process serves."""
        if self._settings.workers == 1:
            return []
        told = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(number) for number in told.split()]

    def stop(self) -> int:
        """SIGTERM, as an operator stops it; returns the exit code, raises ``ServerFailed`` when it does not end."""
        return self._end(signal.SIGTERM)

    def abandon(self) -> None:
        """Kill it and never start it again; may be called from any thread, so that nobody waits for ever."""
        self._over = True
        if self._process is not None:
            self._process.kill()

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            raise ServerFailed("the server was never started")
        if self._api is not None:
            self._api.close()
            self._api = None
        self._process.send_signal(how)
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ServerFailed(f"the server did not stop in {_STOP_SECONDS:g} s: {self._last_words()}") from None

    def _answers(self, address: Path) -> bool:
        if self._api is None:
            url = address.read_text(encoding="utf-8").strip() if address.exists() else ""
            if not url:
                return False
            self._api = Api.of(self._settings, url)
        try:
            return self._api.ask("GET", "/readyz").is_success
        except ApiUnreachable:
            return False

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return " / ".join(lines[-3:]) or "it said nothing"
