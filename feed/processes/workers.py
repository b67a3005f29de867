"""Workers: several processes behind one address, each a replica, started, watched and replaced by this one.

A worker that ends is started again, later and later if it goes on ending, and nobody waits for it meanwhile: who saw it
end strikes it off the registry (law 11). While no worker answers, this process refuses what comes. SIGHUP replaces all
of them one by one: the new one answers before the old one is asked to end, so that no request finds nobody. SIGTERM and
Ctrl-C end all. Workers end by themselves when this process is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import structlog
from pydantic import SecretStr

from feed.errors import SetupInvalid
from feed.processes.deployment import name_of, strike_off
from feed.processes.vacancy import Vacancy
from feed.settings import PREFIX, Settings
from feed.storage.errors import StorageError

_log = structlog.get_logger("weir")

START_SECONDS = 180.0
"""A worker that does not answer by then is ended; the first start on a new machine compiles."""

_LOOK_SECONDS = 0.1
_END_SECONDS = 15.0
_HEALTHY_SECONDS = 30.0
_LONGEST_PAUSE = 30.0


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    name: str
    life: int
    told: int
    began: float = field(default_factory=time.monotonic)
    answers: bool = False
    healthy_at: float = float("inf")
    """When it has answered for long enough that its end begins no series."""

    def says(self, seconds: float) -> bool:
        """Whether it said within so many seconds that it answers, or ended instead."""
        ready, _, _ = select.select([self.told], [], [], seconds)
        if ready:
            self.answers = os.read(self.told, 1) == b"1"
            self.healthy_at = time.monotonic() + _HEALTHY_SECONDS if self.answers else float("inf")
        return bool(ready)

    def drop(self) -> None:
        os.close(self.life)
        os.close(self.told)


class Workers:
    """The workers of one address. :meth:`run` returns when they were told to end."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._vacancy = Vacancy(listener)
        self._workers: dict[int, _Worker] = {}
        self._pauses: dict[int, tuple[float, float]] = {}
        self._ending = threading.Event()
        self._replacing = threading.Event()

    def run(self, answering: Callable[[], None]) -> None:
        """Start all, call ``answering`` once each answers, and keep them running until a signal.

        Raises ``SetupInvalid`` when they do not start: a worker's own words on the error output say why.
        """
        with self._signals():
            try:
                # The first compiles, on a new machine; the others load what it compiled.
                if not (self._all_started(range(1)) and self._all_started(range(1, self._settings.workers))):
                    return
                answering()
                while not self._ending.wait(_LOOK_SECONDS):
                    self._watch()
                    if self._replacing.is_set():
                        self._replacing.clear()
                        self._replace_all()
            finally:
                self._vacancy.leave()
                self._end(list(self._workers.values()))

    def _all_started(self, numbers: range) -> bool:
        """Start workers at once; False when told to end meanwhile, ``SetupInvalid`` when one does not answer."""
        started = [self._start(number) for number in numbers]
        self._workers.update(zip(numbers, started, strict=True))
        for worker in started:
            if not self._waited(worker) and not self._ending.is_set():
                if time.monotonic() < worker.began + START_SECONDS:
                    code = worker.process.wait(_END_SECONDS)
                    raise SetupInvalid(f"a worker did not start: it ended with code {code}; what it said stands above")
                raise SetupInvalid(f"a worker did not answer within {START_SECONDS:.0f} s; is this machine overloaded?")
        return not self._ending.is_set()

    def _waited(self, worker: _Worker, meanwhile: Callable[[], None] = lambda: None) -> bool:
        until = worker.began + START_SECONDS
        while not self._ending.is_set() and time.monotonic() < until:
            if worker.says(_LOOK_SECONDS):
                return worker.answers
            meanwhile()
        return False

    def _watch(self) -> None:
        now = time.monotonic()
        answered = False
        for number, worker in list(self._workers.items()):
            if worker.process.poll() is None:
                answered |= worker.answers or (worker.says(0) and worker.answers)
                continue
            pause, until = self._pauses.get(number, (0.0, 0.0))
            if not until:
                pause = 0.0 if now >= worker.healthy_at else min(max(2 * pause, 0.5), _LONGEST_PAUSE)
                _log.warning("a worker ended; another is started", code=worker.process.returncode, pause=pause)
                until = now + pause
                self._strike_off(worker)
            if now >= until:
                worker.drop()
                self._workers[number] = self._start(number)
                until = 0.0
            self._pauses[number] = (pause, until)
        if answered:
            self._vacancy.leave()
        else:
            self._vacancy.refuse()

    def _strike_off(self, worker: _Worker) -> None:
        """Let nobody wait for a worker that this process saw end."""

        def strike() -> None:
            # If the store cannot be reached, others wait until its lease has lapsed.
            with suppress(StorageError):
                strike_off(self._settings, worker.name)

        threading.Thread(target=strike, name="weir-strike", daemon=True).start()

    def _replace_all(self) -> None:
        for number in list(self._workers):
            new = self._start(number)
            if not self._waited(new, meanwhile=self._watch):
                if not self._ending.is_set():
                    _log.warning("the new worker did not start; the old ones go on")
                self._end([new])
                return
            old, self._workers[number] = self._workers[number], new
            self._pauses.pop(number, None)
            self._end([old])
        _log.info("every worker was replaced", workers=len(self._workers))

    def _start(self, number: int) -> _Worker:
        lives, life = os.pipe()
        told, tells = os.pipe()
        given, mark = (self._listener.fileno(), lives, tells), token_hex(3)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "feed.cli.worker", *map(str, (number, *given)), mark],
                pass_fds=given,
                # Ctrl-C at the terminal is for this process to handle.
                start_new_session=True,
                env=environment(self._settings),
            )
        finally:
            os.close(lives)
            os.close(tells)
        return _Worker(number, process, name_of(process.pid, mark), life, told)

    def _end(self, workers: list[_Worker]) -> None:
        for worker in workers:
            if worker.process.poll() is None:
                worker.process.terminate()
        until = time.monotonic() + _END_SECONDS
        for worker in workers:
            try:
                worker.process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
                self._strike_off(worker)
            worker.drop()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        handlers = {
            signal.SIGTERM: lambda *_: self._ending.set(),
            signal.SIGINT: lambda *_: self._ending.set(),
            signal.SIGHUP: lambda *_: self._replacing.set(),
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings in it, for one of the same release that is to have the same ones."""
    given = {f"{PREFIX}{name.upper()}": _text(getattr(settings, name)) for name in type(settings).model_fields}
    given["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    others = {name: value for name, value in os.environ.items() if name not in given}
    return others | {name: value for name, value in given.items() if value is not None}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict | tuple | list | bool):
        return json.dumps(value)
    return str(value)
