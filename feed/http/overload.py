"""Overload: what cannot be answered in time is refused at once, bulk before pages and decisions, with ``Retry-After``.

Two measures. How late the event loop is, or how slow the quickest page: the least within half a second is a standing
queue, where a single burst or stall is not (after CoDel, Nichols and Jacobson 2012, RFC 8289), and neither is one turn
of the loop before it has become long. And how many requests are being answered: those that wait for a slow store keep
the loop free, and would pile up. Probes are never refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from feed.errors import Overloaded
from feed.observing.loop_metrics import Count
from feed.observing.metrics import Metrics
from feed.settings import Settings

BEAT_SECONDS = 0.02
WINDOW_SECONDS = 0.5

_FIRST = ("/v1/feed", "/v1/decisions", "/v1/revocations", "/v1/readers/")
_PAGE = "/v1/feed"
_RELATED = "/related"
_ROOM_FOR_ALL = 4
_TURN = 3
"""How many times the target a turn of the loop may last before it counts as lateness of its own."""
_LEAST_PAGES = 0.1
"""Share of pages and decisions that is let in however late the loop is, so that recovery is noticed."""


def goes_first(path: str) -> bool:
    """Whether a path is one of pages, decisions, or a reader's own choices; the rest is bulk, and can come later."""
    return path.startswith(_FIRST) or path.endswith(_RELATED)


class Overload:
    """Admission to one process. For use on its event loop."""

    def __init__(self, settings: Settings, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        """``monotonic`` tells the seconds of a clock that never steps, the loop's own for instance."""
        self._monotonic = monotonic
        self._target = settings.shed_delay
        self._bulk_most = settings.bulk_in_flight
        self._shed = {reason: metrics.shed.labels(reason) for reason in ("delay", "in-flight")}
        self._bulk = self._all = 0
        self._owed = 0.0
        self._floor = float("inf")
        self._quickest = float("inf")
        self._beats = 0
        self._window_ends = 0.0
        self._due = float("inf")
        self.delay = 0.0
        """Seconds that a request waits at least before anybody looks at it, as measured last."""

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Measure how late the loop is, within."""
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    def beat(self, late: float, now: float) -> None:
        """Take in that the loop was so many seconds late at monotonic second ``now``; the next beat is due soon."""
        self._floor = min(self._floor, late)
        self._beats += 1
        self._due = now + BEAT_SECONDS
        if now >= self._window_ends and self._beats > 1:
            # Where threads compete with the loop, a page waits at each of its turns: then even the quickest is slow.
            slow = self._quickest if self._quickest < float("inf") else 0.0
            self.delay, self._window_ends = max(self._floor, slow), now + WINDOW_SECONDS
            self._floor = self._quickest = float("inf")
            self._beats = 0

    def answered(self, path: str, seconds: float) -> None:
        """Take in how long a request that was let in has taken."""
        if path == _PAGE and seconds < self._quickest:
            self._quickest = seconds

    def enter(self, path: str) -> Callable[[], None]:
        """Let a request in; what is returned is called when it has been answered. Raises ``Overloaded``."""
        # The requests that wait in one turn of the loop are all begun before the next beat.
        delay = max(self.delay, self._monotonic() - self._due - _TURN * self._target)
        if goes_first(path):
            if self._all >= _ROOM_FOR_ALL * self._bulk_most:
                raise self._refused("in-flight")
            if self._too_late(delay):
                raise self._refused("delay")
            self._all += 1
            return self._left
        if self._bulk >= self._bulk_most:
            raise self._refused("in-flight")
        if self._target and delay > self._target:
            raise self._refused("delay")
        self._all += 1
        self._bulk += 1
        return self._bulk_left

    def _too_late(self, delay: float) -> bool:
        """Whether this page or decision is one that is refused: of each ten so many more, the later the loop is beyond
        twice its target."""
        if not self._target or delay <= 2 * self._target:
            return False
        self._owed += min((delay - 2 * self._target) / (4 * self._target), 1 - _LEAST_PAGES)
        if self._owed < 1:
            return False
        self._owed -= 1
        return True

    def _refused(self, reason: str) -> Overloaded:
        count: Count = self._shed[reason]
        count.inc()
        return Overloaded("more is asked than can be answered in time; nothing was done", headers={"Retry-After": "1"})

    def _left(self) -> None:
        self._all -= 1

    def _bulk_left(self) -> None:
        self._all -= 1
        self._bulk -= 1

    async def _watch(self) -> None:
        while True:
            planned = self._monotonic() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            now = self._monotonic()
            self.beat(max(now - planned, 0.0), now)
