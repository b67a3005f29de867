"""Serving: the application behind uvicorn, on an address that other commands can find, until it is told to stop.

The address is taken before the store, so that a second server fails before it touches anything; SIGTERM and Ctrl-C
finish what was begun, write what is queued and give the store up.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from feed.app import create_app
from feed.bootstrap import open_service
from feed.control.errors import ReplicaFailed
from feed.errors import SetupInvalid
from feed.http.accepting import MOST, OF_SEVERAL, accepting
from feed.http.protocol import ProblemProtocol
from feed.observing import tracing
from feed.observing.logs import configure
from feed.processes import siblings
from feed.processes.allocating import allocate_steadily
from feed.processes.workers import Workers
from feed.settings import Settings

_GRACE_SECONDS = 10
_BACKLOG = 2048


def run(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until a signal, by one process or by several workers; ``ready`` is told the URL once requests are answered.

    Raises ``SetupInvalid`` when the address is taken or the service cannot start, and the storage errors of opening.
    """
    with _listening(settings) as (listener, url):
        configure(settings.log_level)
        with contextlib.ExitStack() as announced:

            def answering() -> None:
                # Taken back by who wrote it: a second server, which is refused, leaves the first one's alone.
                announced.callback(address_file(settings).unlink, missing_ok=True)
                _announce(settings, url, ready)

            if settings.workers > 1:
                Workers(settings, listener).run(answering)
            else:
                serve_on(settings, listener, answering)


def serve_on(
    settings: Settings,
    listener: socket.socket,
    answering: Callable[[], object],
    worker: int | None = None,
    mark: str = "",
) -> None:
    """Serve what comes to a socket until a signal; ``answering`` is called once requests are answered. A ``worker``
    of several is reached by the others, too, and known by its ``mark``.

    Raises ``ReplicaFailed`` when decisions or editions can be obeyed no longer: who starts this process again makes it
    read all anew.
    """
    allocate_steadily()
    tracing.start(settings)
    service = open_service(settings, mark=mark)
    configure(settings.log_level)
    failures: list[ReplicaFailed] = []
    try:
        app = create_app(service)
        config = uvicorn.Config(
            app,
            http=ProblemProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = _Server(config, answering, MOST if worker is None else OF_SEVERAL)

        def failed(failure: ReplicaFailed) -> None:
            failures.append(failure)
            server.should_exit = True

        service.replica.on_failure(failed)
        # uvicorn ends with SystemExit when the application does not start.
        quiet = contextlib.suppress(KeyboardInterrupt, SystemExit)
        with siblings.reachable(settings.home, worker) as own, _quiet_exit(), quiet:
            server.run(sockets=[listener, *own])
        if not server.started:
            raise SetupInvalid("the service did not start; the log says why, `weir doctor` what to do")
        if failures:
            raise failures[0]
    finally:
        service.close()
        tracing.stop()


def check_address(settings: Settings) -> None:
    """Raise ``SetupInvalid`` unless the settings' address can be listened on now."""
    with _listening(settings):
        pass


def address_file(settings: Settings) -> Path:
    """Where a running server writes its URL."""
    return settings.home / "address"


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], object], accepted: int) -> None:
        """``started`` is called once it answers; ``accepted`` connections are taken in one turn at most."""
        super().__init__(config)
        self._told = started
        self._accepted = accepted
        self._accepting = contextlib.ExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started and sockets:
            self._accepting.enter_context(accepting(sockets[0], self._protocol, self._accepted))
            settle()
            self._told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, finish what was begun, end."""
        self._accepting.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return ProblemProtocol(self.config, self.server_state, self.lifespan.state)


def settle() -> None:
    """Take what a started process holds out of the garbage collector's sight: to look through all of it, again and
    again, would stop every request for as long. Cycles among it are never freed: this is for processes that serve."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """A socket bound to the settings' address, and the URL it is reached by."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise SetupInvalid(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); choose another --port, "
                "or end the program that holds it"
            ) from error
        listener.listen(_BACKLOG)
        host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
        yield listener, f"http://{host}:{listener.getsockname()[1]}"


def _announce(settings: Settings, url: str, ready: Callable[[str], None]) -> None:
    address_file(settings).write_text(f"{url}\n", encoding="utf-8")
    ready(url)


@contextlib.contextmanager
def _quiet_exit() -> Iterator[None]:
    """Let SIGTERM, which the server raises again after it has stopped, end in an ordinary return."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
