"""Timing: the contenders of one run in turn, round by round, so that what the neighbours do to one they do to all.

A request is timed twice: by the wall clock, which tells what a caller waits, and by the thread's own processor time,
which leaves out the slices that a shared machine gave to others.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

Asked = Callable[[int], object]
"""Answers the request of a number; numbers go round, so that successive requests are those of different readers."""

_FIRST = 5
"""Requests at the start of a turn that are not timed (or one, if it is slow): they find the caches full of another
contender's data."""

_LEAST = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Microseconds over ``count`` requests: by the wall clock, and of the thread's own processor time."""

    count: int
    p50_us: float
    p99_us: float
    p50_own_us: float
    p99_own_us: float


def interleaved(
    contenders: Mapping[str, Asked], *, rounds: int = 4, seconds: float = 0.3, most: int = 5000
) -> dict[str, Spread]:
    """Time every contender in turn, ``rounds`` times: in each turn ``most`` requests, or as many as fit in
    ``seconds``, and ``_LEAST`` at least."""
    wall: dict[str, list[int]] = {name: [] for name in contenders}
    own: dict[str, list[int]] = {name: [] for name in contenders}
    asked = dict.fromkeys(contenders, 0)
    for _ in range(rounds):
        for name, contender in contenders.items():
            number, count, began = asked[name], -_FIRST, time.perf_counter()
            while count < 0:
                contender(number)
                number += 1
                count = 0 if time.perf_counter() - began > seconds / 10 else count + 1
            ends = time.perf_counter() + seconds
            while count < most and (count < _LEAST or time.perf_counter() < ends):
                mine, start = time.thread_time_ns(), time.perf_counter_ns()
                contender(number)
                wall[name].append(time.perf_counter_ns() - start)
                own[name].append(time.thread_time_ns() - mine)
                number, count = number + 1, count + 1
            asked[name] = number
    return {name: _spread(wall[name], own[name]) for name in contenders}


def _spread(wall: list[int], own: list[int]) -> Spread:
    return Spread(len(wall), *(float(np.percentile(each, part)) / 1000 for each in (wall, own) for part in (50, 99)))


def available_bytes() -> int:
    """Memory that can be had without swapping, in bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), 0)


def resident_bytes() -> int:
    """Memory that this process holds at present, in bytes; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def machine() -> str:
    """Processor, cores and Python, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    processor = f"{model or platform.processor() or 'unknown processor'} ({platform.machine()})"
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"


def versions(*distributions: str) -> str:
    """Distributions with their installed versions, in words."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in distributions)
