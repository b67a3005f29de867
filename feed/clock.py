"""The clock: the one place where time enters the service. Everything else is given it (laws 2 and 3)."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for records and rules, monotonic time for leases and waits."""

    def now(self) -> int:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(time.time())

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to go on: for tests and replays of a story."""

    def __init__(self, now: int = 1_800_000_000) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        """Seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._monotonic += seconds
        self._now += int(seconds)

    def set_back(self, seconds: int) -> None:
        """Step back the wall clock, as an administrator or a leap of NTP does; the other one goes on."""
        self._now -= seconds
