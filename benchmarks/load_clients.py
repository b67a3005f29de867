"""The load's client processes: each has a share of the readers and of the rate; their figures are put together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from benchmarks.load_mix import SCOPES
from benchmarks.load_server import Loaded
from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.clock import SystemClock

_LIFETIME = 4 * 3600


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of one step at all clients: see ``benchmarks.load_client.Step``."""

    latencies: dict[str, list[float]]
    statuses: Counter[tuple[str, int]]
    prompt: Counter[tuple[str, int]]
    late: float
    seconds: float


class Clients:
    """Client processes, ended on leaving."""

    def __init__(self, loaded: Loaded, count: int, connections: int) -> None:
        tokens = _tokens(loaded)
        self._seconds = 0.0
        self._processes: list[subprocess.Popen[str]] = []
        for number in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.load_client"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._processes.append(process)
            who = {"port": loaded.port, "tokens": tokens, "connections": connections, "seed": number + 1}
            _write(process, {**who, "readers": loaded.readers[number::count]})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def begin(self, rate: float, seconds: float, grace: float) -> None:
        """Let all begin a step; :meth:`finish` waits for it."""
        share = rate / len(self._processes)
        self._seconds = seconds
        for process in self._processes:
            _write(process, {"rate": share, "seconds": seconds, "grace": grace})

    def finish(self) -> Answers:
        """The figures of the step that was begun; raises ``RuntimeError`` when a client ended."""
        latencies: dict[str, list[float]] = defaultdict(list)
        statuses: Counter[tuple[str, int]] = Counter()
        prompt: Counter[tuple[str, int]] = Counter()
        late = 0.0
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"a client of the load ended with {process.wait()}")
            told: dict[str, Any] = json.loads(line)
            for kind, some in told["latencies"].items():
                latencies[kind] += some
            for kind, status, count in told["statuses"]:
                statuses[kind, status] += count
            for kind, status, count in told["prompt"]:
                prompt[kind, status] += count
            late = max(late, told["late"])
        return Answers(latencies, statuses, prompt, late, self._seconds)

    def step(self, rate: float, seconds: float, grace: float) -> Answers:
        """One step from beginning to end."""
        self.begin(rate, seconds, grace)
        return self.finish()


def _write(process: subprocess.Popen[str], document: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(document) + "\n")
    process.stdin.flush()


def _tokens(loaded: Loaded) -> dict[str, str]:
    settings = loaded.settings
    secret, now = load_secret(settings), SystemClock().now()
    return {
        who: issue_token(
            secret,
            f"load-{who}",
            scopes,
            now,
            lifetime=_LIFETIME,
            token_issuer=settings.token_issuer,
            token_audience=settings.token_audience,
        )
        for who, scopes in SCOPES.items()
    }
