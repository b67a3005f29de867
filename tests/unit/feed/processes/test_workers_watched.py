"""Workers that end are struck off and started again, later and later while they do not answer for long."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from feed.processes.workers import Workers, _Worker
from feed.settings import Settings
from tests.journeys.http_service import until

ANSWERS = "import os, sys, time; os.write(int(sys.argv[1]), b'1'); time.sleep(300)"


class Watched(Workers):
    """Workers that do nothing but say that they answer; whose end is noted instead of told to a store."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        super().__init__(settings, listener)
        self.struck: list[str] = []
        self.started = 0

    def _start(self, number: int) -> _Worker:
        self.started += 1
        lives, life = os.pipe()
        told, tells = os.pipe()
        process = subprocess.Popen([sys.executable, "-c", ANSWERS, str(tells)], pass_fds=[tells])
        os.close(lives)
        os.close(tells)
        return _Worker(number, process, f"worker {self.started}", life, told)

    def _strike_off(self, worker: _Worker) -> None:
        self.struck.append(worker.name)

    def begin(self) -> None:
        assert self._all_started(range(1))

    def killed(self) -> None:
        self._workers[0].process.kill()
        self._workers[0].process.wait()
        self._watch()

    def started_again(self, count: int) -> None:
        def again() -> bool:
            self._watch()
            return self.started == count and self._workers[0].answers

        until(again)

    def end(self) -> None:
        self._end(list(self._workers.values()))
        self._vacancy.leave()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Watched]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened = Watched(Settings(home=tmp_path), listener)
        opened.begin()
        yield opened
        opened.end()


def test_one_that_answered_briefly_is_started_again_after_a_pause(workers):
    workers.killed()
    assert (workers.struck, workers.started) == (["worker 1"], 1)
    workers.started_again(2)


def test_one_that_took_long_to_start_and_ended_is_not_started_again_at_once(workers):
    workers._workers[0].began -= 3600
    workers.killed()
    assert workers.started == 1


def test_one_that_answered_for_long_is_started_again_at_once(workers):
    workers._workers[0].healthy_at = 0
    workers.killed()
    assert workers.started == 2


def test_what_ends_after_all_were_replaced_is_struck_off_too_and_waits(workers):
    workers.killed()
    workers._replace_all()
    workers.killed()
    assert workers.struck == ["worker 1", "worker 2"]
    assert workers.started == 2
