"""``make load``: a realistic mix at rising rates until the server is saturated, then beyond it, then well below again.

Starts a server of its own on a simulated community, or loads one that runs on this machine (``--url``). Bounded in time
and count, loopback only, and everything it started is ended and removed. ``--soak`` asks another question: whether
memory stays flat (``benchmarks.load_soak``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.load_clients import Clients
from benchmarks.load_server import Loaded, grown_server, own_server, running_server
from benchmarks.load_soak import SOAKED, Soak, hour_seconds, soak
from benchmarks.load_soak_report import report
from benchmarks.load_steps import Level, Result, measured
from benchmarks.load_table import tables
from benchmarks.timing import machine
from feed.errors import FeedError

_FIRST = 100.0
_GROWTH = 1.6
_STEP = 6.0
_GRACE = 3.0
_MOST = 500_000
_BEYOND, _AFTER = 1.5, 0.5
"""Share of the last rate that was sustained: offered once the server is saturated, and once more afterwards."""


def climb(
    loaded: Loaded,
    clients: Clients,
    *,
    seconds: float,
    step: float = _STEP,
    first: float = _FIRST,
    growth: float = _GROWTH,
    most: int = _MOST,
    told: Callable[[Level], None] = lambda level: None,
) -> Result:
    """Raise the rate until the server does not keep up, ``seconds`` are over or ``most`` requests were offered."""
    ends = time.monotonic() + seconds
    left = float(most)
    levels: list[Level] = []

    def at(name: str, rate: float) -> Level | None:
        nonlocal left
        if left < rate * step or time.monotonic() + step > ends:
            return None
        left -= rate * step
        before = loaded.taken()
        level = measured(name, rate, clients.step(rate, step, _GRACE), before, loaded.taken())
        levels.append(level)
        told(level)
        return level

    at("warm-up", first)
    rate, sustained = first, 0.0
    while level := at("rising", rate):
        if level.saturated:
            break
        sustained, rate = rate, rate * growth
    if levels[-1].saturated:
        at("beyond", _BEYOND * rate)
        at("after", _AFTER * (sustained or rate))
    return Result(tuple(levels), sustained)


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, print; 0 when nothing happened that should not have, 1 otherwise, 2 for what cannot be asked."""
    asked = _asked(arguments)
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    try:
        with _server(asked) as loaded, Clients(loaded, asked.clients, asked.connections) as clients:
            if asked.soak:
                soaked = soak(loaded, clients, seconds=asked.seconds, rate=asked.rate, say=say)
                print(json.dumps(_document(soaked)) if asked.json else _head() + report(soaked))
                if asked.plot is not None:
                    from benchmarks.load_plot import draw  # what draws is not installed with the service

                    say(f"drawn: {draw(soaked, asked.plot)}")
                return int(not soaked.course.flat or bool(soaked.unexpected))
            say(f"loading {loaded.api.url} for {asked.seconds:g} s at most")
            result = climb(
                loaded,
                clients,
                seconds=asked.seconds,
                step=asked.step,
                first=asked.rate or _FIRST,
                told=lambda level: say(level.line()),
            )
    except FeedError as refusal:
        say(f"weir: {refusal}")
        return 2
    print(json.dumps(result.document()) if asked.json else _head() + tables(result))
    return int(bool(result.unexpected))


def _document(soaked: Soak) -> dict[str, Any]:
    return {**asdict(soaked), "hours": soaked.hours, "growth": soaked.course.growth, "flat": soaked.course.flat}


def _server(asked: argparse.Namespace) -> AbstractContextManager[Loaded]:
    if asked.url:
        return running_server(asked.url, asked.home, asked.pid)
    given = SOAKED if asked.soak else {}
    return grown_server(asked.workers, given) if asked.workers > 1 else own_server(given)


def _head() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{machine()}; load average of the last minutes, this run included: {load}\n\n"


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--url", default="", help="load this running server instead of one of its own; loopback only")
    parser.add_argument("--home", type=Path, default=Path("weir-data"), help="its home folder, for the secret")
    parser.add_argument("--pid", type=int, default=0, help="its process, to tell memory and processor time")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="how long at most (75; an hour's requests with --soak)"
    )
    parser.add_argument("--step", type=float, default=_STEP, help="seconds of one rate (default %(default)g)")
    parser.add_argument("--rate", type=float, default=0.0, help="first rate; with --soak the only one")
    parser.add_argument("--workers", type=int, default=1, help="more than one: over PostgreSQL and Redis of its own")
    parser.add_argument("--clients", type=int, default=2, help="client processes (default %(default)s)")
    parser.add_argument("--connections", type=int, default=256, help="connections of each (default %(default)s)")
    parser.add_argument("--soak", action="store_true", help="an hour's requests amid swaps; is memory flat?")
    parser.add_argument("--plot", type=Path, help="with --soak: folder to draw the memory into, as soak.svg")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args(arguments)
    if min(asked.step, asked.workers, asked.clients, asked.connections) <= 0 or min(asked.rate, asked.seconds) < 0:
        parser.error("--step, --workers, --clients and --connections are above 0, --rate and --seconds are not below")
    asked.seconds = min(asked.seconds or (hour_seconds(asked.rate) if asked.soak else 75.0), 1800.0)
    if asked.url and (asked.soak or asked.workers > 1):
        parser.error("--soak and --workers start a server of their own")
    return asked


if __name__ == "__main__":
    raise SystemExit(main())
