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
