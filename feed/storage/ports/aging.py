"""The port of ageing: how a store lets go of events that are older than they are to be kept (docs/adr/0034)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol


class Aging(Protocol):
    """What grows old."""

    def expire(self, before: int, went: Callable[[int], object] = int) -> Future[int]:
        """Let go of events received before a second, in the order of storing; where they lie in parts, of whole parts
        without a younger event. Returns how many. ``went`` is told of each step that is done, though a later one fail;
        it is called from another thread."""
        ...

    def vouched(self) -> int:
        """The latest second that the store knows to have come: by the clock of a database that has one of its own, else
        by its newest event, 0 without any."""
        ...

    def begin_part(self, at: int, days: int) -> Future[bool]:
        """Where events lie in parts, begin the next one if the open one was begun ``days`` days before; whether one was
        begun. Fails with ``StoreFailed`` when ``at`` is not now by the database's clock. An event that is sent again is
        a duplicate, in whatever part it lies."""
        ...
